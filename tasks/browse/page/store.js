// What is looked at: it is all in the address, so that a view can be kept, sent and gone back to.

const listeners = [];
export const view = {
  name: "grid", corpus: "", q: "", like: null, filters: [], where: "", sort: "", descending: false,
  video: "", at: 0, moments: false, colour: "", method: "",
};
/** What the server said last: corpora, and the number of the catalogue's copy. */
export const server = { state: null, columns: [] };

const NAMES = { q: "", where: "", sort: "", video: "", colour: "", method: "" };

/** Changes what is looked at. `replace` leaves no step to go back to, as while typing. */
export function change(values, replace = false) {
  const before = { ...view };
  Object.assign(view, values);
  const address = write();
  if (address !== location.hash) history[replace ? "replaceState" : "pushState"](null, "", address);
  tell(before);
}

export const listen = (run) => listeners.push(run);

export function read() {
  const before = { ...view };
  const [name, query = ""] = location.hash.replace(/^#/, "").split("?");
  const given = new URLSearchParams(query);
  view.name = name || "grid";
  view.corpus = given.get("corpus") ?? view.corpus;
  for (const [key, none] of Object.entries(NAMES)) view[key] = given.get(key) ?? none;
  view.at = Number(given.get("at") ?? 0) || 0;
  view.descending = given.has("down");
  view.moments = given.has("moments");
  view.filters = parse(given.get("filters"), []);
  view.like = parse(given.get("like"), null);
  tell(before);
}

function parse(text, none) {
  try { return JSON.parse(text) ?? none; } catch { return none; }
}

function write() {
  const given = new URLSearchParams();
  if (view.corpus) given.set("corpus", view.corpus);
  for (const key of Object.keys(NAMES)) if (view[key]) given.set(key, view[key]);
  if (view.video && view.at) given.set("at", view.at.toFixed(2));
  if (view.descending) given.set("down", "");
  if (view.moments) given.set("moments", "");
  if (view.filters.length) given.set("filters", JSON.stringify(view.filters));
  if (view.like) given.set("like", JSON.stringify(view.like));
  return `#${view.name === "grid" ? "" : view.name}?${given}`;
}

function tell(before) {
  for (const run of listeners) run(before);
}

export const choice = () => ({ filters: view.filters, where: view.where || null });
export const searching = () => Boolean(view.q.trim() || view.like);
export const corpusState = () => server.state?.corpora.find((each) => each.name === view.corpus);
export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
/** The name of the last search, by which the server knows its vector. */
export const lastQuery = { name: null };
