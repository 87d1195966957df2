// Calls to the API below the page's own address, and what their refusals mean.

import { knows, say } from "./words.js";

export const base = location.pathname;

export class Refused extends Error {
  constructor(status, slug, retryAfter) {
    super(slug);
    Object.assign(this, { status, slug, retryAfter });
  }

  get sentence() {
    const word = knows(this.slug) ? this.slug : this.status === 503 ? "overloaded" : "other";
    return say(word, { seconds: this.retryAfter });
  }
}

export async function call(method, path, { key, body } = {}) {
  const headers = {};
  if (key) headers["Idempotency-Key"] = key;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  let data;
  try {
    response = await fetch(base + path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
    data = await response.json();
  } catch {
    throw new Refused(0, "network", 0);
  }
  if (response.ok) return data;
  throw new Refused(response.status, slugOf(data), Number(response.headers.get("Retry-After")) || 2);
}

export function slugOf(problem) {
  return String((problem && problem.type) || "").replace("/problems/", "");
}

// Keys must not be guessed: every visitor of the link draws from the same ones. Where the page
// does not come over TLS, `crypto.randomUUID` is missing.
export function drawKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
