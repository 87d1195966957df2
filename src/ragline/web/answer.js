// One answer on the page: asked for, awaited, streamed in, and tried again where it failed.
// Words from the server are put in as text only, never as markup.

import { base, call, drawKey, Refused, slugOf } from "./calls.js";
import { knows, say } from "./words.js";

export const ENDED = ["completed", "failed", "cancelled"];
const LOOK_MS = 2000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15000;
const NEAR_END_PIXELS = 240;

export function make(tag, parent, { kind = "", text = "" } = {}) {
  const element = document.createElement(tag);
  element.className = kind;
  element.textContent = text;
  parent.append(element);
  return element;
}

function keepInSight(element) {
  const page = document.documentElement;
  const rest = page.scrollHeight - window.innerHeight - window.scrollY;
  if (rest < NEAR_END_PIXELS) element.scrollIntoView({ block: "nearest" });
}

export class Answer {
  // `page` is told by `began(answer)`, `ended(answer)` and `missing(error)`, and asked by
  // `follows(answer)`.
  constructor(page, element) {
    this.page = page;
    this.words = make("div", element, { kind: "words" });
    this.words.setAttribute("aria-live", "polite");
    this.status = make("p", element, { kind: "status" });
    this.status.setAttribute("role", "status");
    this.buttons = make("p", element, { kind: "buttons" });
    this.citations = make("ol", element, { kind: "citations" });
    this.citations.setAttribute("aria-label", say("sources"));
    this.citations.hidden = true;
    this.id = null;
    this.last = 0;
    this.pause = FIRST_PAUSE_MS;
  }

  // Sending

  async send(session, content) {
    const key = drawKey();
    await this.attempt(async () => {
      this.busy(say("sending"));
      const id = await session();
      this.follow(await call("POST", `/sessions/${id}/messages`, { key, body: { content } }));
    });
  }

  // Do something; where that fails, say why and offer to do it once more.
  async attempt(act) {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.fail(error.sentence, error.slug === "share-used-up" ? null : act);
      if (error.status === 404) await this.page.missing();
    }
  }

  // Following

  follow(message) {
    this.id = message.message_id;
    this.busy("");
    this.tell(message);
    this.listen();
    this.timer = setInterval(() => this.check(), LOOK_MS);
  }

  listen() {
    this.source = new EventSource(`${base}/messages/${this.id}/events?after=${this.last}`);
    const on = (type, act) => this.source.addEventListener(type, (event) => {
      this.last = Number(event.lastEventId) || this.last;
      this.pause = FIRST_PAUSE_MS;
      act(JSON.parse(event.data));
      keepInSight(this.status);
    });
    on("answer.delta", ({ text }) => this.write(text));
    on("answer.restart", () => this.words.replaceChildren());
    on("answer.citations", ({ citations }) => this.cite(citations));
    for (const change of ["started", ...ENDED]) on(`job.${change}`, () => this.check());
    this.source.addEventListener("error", () => this.lose());
  }

  // A browser comes back by itself unless the server refused it.
  lose() {
    if (this.source.readyState !== EventSource.CLOSED) {
      this.status.textContent = say("reconnecting");
      return;
    }
    this.check();
    clearTimeout(this.again);
    this.again = setTimeout(() => { if (this.page.follows(this)) this.listen(); }, this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  async check() {
    let message;
    try {
      message = await call("GET", `/messages/${this.id}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 404 && this.page.follows(this)) await this.page.missing();
      return;
    }
    if (!this.page.follows(this)) return;
    if (ENDED.includes(message.status)) this.settle(message);
    else this.tell(message);
  }

  tell({ status, queue_position: place, eta_seconds: eta }) {
    if (this.isStopping) return;
    let words = knows(status) ? say(status) : "";
    if (this.words.textContent) words = say("writing");
    else if (status === "queued" && place) {
      const seconds = Math.max(1, Math.round(eta || 0));
      words = eta === null ? say("place", { place }) : say("soon", { place, seconds });
    }
    // Set again, the same words would be read out again.
    if (this.status.textContent !== words) this.status.textContent = words;
  }

  write(text) {
    this.words.append(text);
    if (!this.isStopping) this.status.textContent = say("writing");
  }

  leave() {
    if (this.source) this.source.close();
    clearInterval(this.timer);
    clearTimeout(this.again);
  }

  // States

  busy(words) {
    this.leave();
    this.isStopping = false;
    this.words.setAttribute("aria-busy", "true");
    this.status.className = "status";
    this.status.textContent = words;
    this.citations.hidden = true;
    this.button("cancel", () => this.stop(), "quiet");
    this.buttons.hidden = !this.id;
    this.page.began(this);
    keepInSight(this.status);
  }

  rest(words, kind) {
    this.leave();
    this.isStopping = false;
    this.words.setAttribute("aria-busy", "false");
    this.status.className = kind;
    this.status.textContent = words;
    this.buttons.hidden = true;
    this.page.ended(this);
  }

  fail(words, again) {
    this.rest(words, "problem");
    if (again) this.button("retry", () => this.attempt(again));
    keepInSight(this.buttons);
  }

  // The message as it is kept counts; a stream may have missed some of it.
  settle(message) {
    if (message.status === "completed") {
      this.rest("", "status");
      if (this.words.textContent !== message.content) this.words.textContent = message.content;
      this.cite(message.citations || []);
    } else if (message.status === "failed") {
      this.fail(new Refused(0, slugOf(message.error), 0).sentence, () => this.retry());
    } else {
      this.fail(say("cancelled"), () => this.retry());
    }
  }

  async retry() {
    this.key = this.key || drawKey();
    const message = await call("POST", `/messages/${this.id}/retry`, { key: this.key });
    this.key = null;
    this.words.replaceChildren();
    this.follow(message);
  }

  async stop() {
    this.isStopping = true;
    this.status.textContent = say("cancelling");
    try {
      await call("POST", `/messages/${this.id}/cancel`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.isStopping = false;
    }
    await this.check();
  }

  button(word, act, kind = "") {
    this.buttons.replaceChildren();
    const button = make("button", this.buttons, { kind, text: say(word) });
    button.type = "button";
    button.addEventListener("click", act);
    this.buttons.hidden = false;
  }

  cite(citations) {
    this.citations.replaceChildren();
    citations.forEach(({ title, page, quote }, index) => {
      const item = make("li", this.citations);
      make("cite", item, { text: `[${index + 1}] ${title}, ${say("page", { page })}` });
      make("blockquote", item, { text: quote });
    });
    this.citations.hidden = citations.length === 0;
  }
}
