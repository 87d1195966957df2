// The page of a share: a conversation with its agent, kept over a reload.

import { Answer, ENDED, make } from "./answer.js";
import { base, call, drawKey, Refused } from "./calls.js";
import { language, say } from "./words.js";

const place = `ragline ${base}`;
const by = (id) => document.getElementById(id);
const open = new Set();
let sessionId = sessionStorage.getItem(place);
let sessionKey = null;

const page = {
  began(answer) {
    open.add(answer);
    showBusy();
  },
  ended(answer) {
    const was = open.delete(answer);
    showBusy();
    if (was) look().catch(() => {});
  },
  follows: (answer) => open.has(answer),
  // A message is not found: the link was closed, or its owner deleted the conversation.
  async missing() {
    try {
      await look();
    } catch {
      return;
    }
    forget();
    notice(say("lost"));
  },
};

function showBusy() {
  by("send").disabled = by("anew").disabled = open.size > 0;
}

function notice(text) {
  by("notice").textContent = text;
  by("notice").hidden = !text;
}

function leaveAll() {
  for (const answer of open) answer.leave();
  open.clear();
  showBusy();
}

function forget() {
  leaveAll();
  sessionStorage.removeItem(place);
  sessionId = sessionKey = null;
  by("conversation").replaceChildren();
  by("conversation").hidden = by("anew").hidden = true;
}

function close() {
  leaveAll();
  for (const button of by("conversation").querySelectorAll("button")) button.remove();
  by("ask").hidden = by("left").hidden = true;
  notice(say("gone"));
}

// Ask who answers and what is left; 404 means that the link opens nothing any more.
async function look() {
  try {
    const agent = await call("GET", "/agent");
    const { messages, expires_at: expires } = agent.limits;
    const told = [];
    if (messages !== null) told.push(say("left", { count: messages }));
    if (expires) told.push(say("expires", { moment: new Date(expires).toLocaleString(language) }));
    by("left").textContent = told.join(" · ");
    by("left").hidden = told.length === 0;
    return agent;
  } catch (error) {
    if (error.status === 404) close();
    throw error;
  }
}

function article(kind, title) {
  by("conversation").hidden = by("anew").hidden = false;
  const element = make("article", by("conversation"), { kind });
  make("h2", element, { text: title });
  return element;
}

function showQuestion(content) {
  make("p", article("question", say("you")), { kind: "words", text: content });
}

function showAnswer() {
  return new Answer(page, article("answer", by("name").textContent));
}

// The session is begun with the first question; an answer that was lost does not begin another.
async function session() {
  if (!sessionId) {
    sessionKey = sessionKey || drawKey();
    sessionId = (await call("POST", "/sessions", { key: sessionKey })).id;
    sessionStorage.setItem(place, sessionId);
  }
  return sessionId;
}

function ask(event) {
  event.preventDefault();
  const content = by("question").value.trim();
  if (!content || open.size > 0) return;
  by("question").value = "";
  notice("");
  showQuestion(content);
  showAnswer().send(session, content);
}

async function* kept() {
  let path = `/sessions/${sessionId}/messages?limit=200`;
  for (;;) {
    const { messages, has_more: more } = await call("GET", path);
    yield* messages;
    if (!more) return;
    path = `/sessions/${sessionId}/messages?limit=200&after=${messages.at(-1).message_id}`;
  }
}

// After a reload: what was said is shown again, and an unfinished answer is followed on.
async function resume() {
  try {
    for await (const message of kept()) {
      if (message.role === "user") {
        showQuestion(message.content);
        continue;
      }
      const answer = showAnswer();
      answer.id = message.message_id;
      if (ENDED.includes(message.status)) answer.settle(message);
      else answer.follow(message);
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status === 404) forget();
    else notice(error.sentence);
  }
}

function anew() {
  forget();
  notice("");
  by("question").focus();
}

function sendOnEnter(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  by("ask").requestSubmit();
}

async function start() {
  document.documentElement.lang = language;
  for (const id of ["label", "hint", "send", "anew", "caution"]) by(id).textContent = say(id);
  by("ask").addEventListener("submit", ask);
  by("anew").addEventListener("click", anew);
  by("question").addEventListener("keydown", sendOnEnter);
  let agent;
  try {
    agent = await look();
  } catch (error) {
    if (error.status !== 404) notice(error.sentence || say("other"));
    return;
  }
  document.title = agent.name;
  by("name").textContent = agent.name;
  by("description").textContent = agent.description || "";
  by("description").hidden = !agent.description;
  by("ask").hidden = false;
  if (sessionId) await resume();
  by("question").focus();
}

start();
