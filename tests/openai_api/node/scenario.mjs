// What an application does with the official client: files, a vector store, a search, a list.
// Takes the server's address and a key, and a folder of texts; prints what it got as JSON.
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";

import OpenAI from "openai";

const [baseURL, apiKey, folder] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const store = await client.vectorStores.create({ name: "from node", metadata: { shelf: "3" } });
const names = readdirSync(folder).sort();
const batch = await client.vectorStores.fileBatches.uploadAndPoll(store.id, {
  files: names.map((name) => createReadStream(join(folder, name))),
});

const listed = [];
for await (const file of client.vectorStores.files.list(store.id, { limit: 1, order: "asc" })) {
  listed.push(file.status);
}
await client.vectorStores.files.update(
  (await client.vectorStores.files.list(store.id, { order: "asc" })).data[0].id,
  { vector_store_id: store.id, attributes: { kind: "first", year: 2024 } },
);
const found = await client.vectorStores.search(store.id, {
  query: "Why does the tide turn?",
  max_num_results: 1,
});
const filtered = await client.vectorStores.search(store.id, {
  query: "Why does the tide turn?",
  filters: { type: "gte", key: "year", value: 2024 },
});
const { data: embeddings } = await client.embeddings.create({
  model: "use",
  input: ["the tide", "the moon"],
});
const models = [];
for await (const model of client.models.list()) {
  models.push(model.id);
}
const refusal = await client.vectorStores.retrieve("vs_nothing").catch((error) => error);
const deleted = await client.vectorStores.delete(store.id);

console.log(
  JSON.stringify({
    batch: { status: batch.status, counts: batch.file_counts },
    listed,
    found: found.data.map((hit) => [hit.filename, hit.content[0].text]),
    filtered: filtered.data.map((hit) => hit.attributes),
    dimensions: embeddings.map((each) => each.embedding.length),
    named: models.some((id) => id === `project:${store.id.replace("vs_", "")}`),
    refusal: [refusal.constructor.name, refusal.status, refusal.code],
    deleted: deleted.deleted,
  }),
);
