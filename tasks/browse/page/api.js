// The JSON endpoints, as /openapi.json describes them.

/** A failed request: `reason` as the server has it, "offline" where there is no answer. */
export class Fault extends Error {
  constructor(message, reason) { super(message); this.reason = reason; }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Fault("the page's server does not answer", "offline");
  }
  if (answer.ok) return answer.json();
  let body = {};
  try { body = await answer.json(); } catch { /* no JSON: the status says it */ }
  const detail = typeof body.detail === "string" ? body.detail : `the server answered ${answer.status}`;
  throw new Fault(detail, body.reason ?? "server");
}

export const get = (path, signal) => ask(path, { signal });
export const post = (path, body, signal) => ask(path, {
  method: "POST", signal, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
});
export const send = (path, file, signal) => ask(path, {
  method: "POST", signal, headers: { "Content-Type": "application/octet-stream" }, body: file,
});

export const api = (corpus, rest) => `/api/corpora/${encodeURIComponent(corpus)}/${rest}`;

/** The address of a video's picture, preview or file; the content is in it so that caches hold. */
export function media(corpus, kind, video, seconds = 0) {
  const query = new URLSearchParams({ id: video.id, v: video.content.slice(-12) });
  if (kind !== "file") query.set("t", seconds.toFixed(2));
  return `/media/${encodeURIComponent(corpus)}/${kind}?${query}`;
}
