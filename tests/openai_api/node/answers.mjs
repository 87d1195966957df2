// What a chat does with the official client: completions and responses, streamed and not.
// Takes the server's address and a key, and the id of a project; prints what it got as JSON.
import OpenAI from "openai";

const [baseURL, apiKey, project] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const model = `project:${project}`;
const input = "Why does the tide turn twice a day?";
const messages = [{ role: "user", content: input }];

const completion = await client.chat.completions.create({ model, messages });
const [choice] = completion.choices;
let words = "";
let counted = false;
for await (const chunk of await client.chat.completions.create({
  model,
  messages,
  stream: true,
  stream_options: { include_usage: true },
})) {
  words += chunk.choices[0]?.delta.content ?? "";
  counted = Boolean(chunk.usage);
}

const response = await client.responses.create({ model, input });
const stream = client.responses.stream({ model, input });
const types = [];
for await (const event of stream) {
  types.push(event.type);
}
const streamed = await stream.finalResponse();

const queued = await client.responses.create({ model, input, background: true });
const seen = [];
for await (const event of await client.responses.retrieve(queued.id, { stream: true })) {
  seen.push(event);
}
const rest = [];
for await (const event of await client.responses.retrieve(queued.id, {
  stream: true,
  starting_after: 2,
})) {
  rest.push(event);
}
const ended = await client.responses.retrieve(queued.id);
const refusal = await client.responses
  .create({ model, input, top_p: 0.5 })
  .catch((error) => error);
await client.responses.delete(queued.id);
const gone = await client.responses.retrieve(queued.id).catch((error) => error);

console.log(
  JSON.stringify({
    completion: [
      choice.message.content,
      choice.message.annotations[0].type,
      choice.finish_reason,
    ],
    chunks: [words, counted],
    response: [response.status, response.output_text],
    events: [types[0], types.at(-1), streamed.output[0].content[0].text],
    background: [queued.status, ended.status, ended.output_text],
    resumed: [rest[0].sequence_number, rest.at(-1).type],
    refusal: [refusal.constructor.name, refusal.status, refusal.param],
    gone: gone.constructor.name,
  }),
);
