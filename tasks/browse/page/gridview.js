// The view of videos: what was found or what there is, how it is sorted, and the grid.
import { count, el, plural, settle } from "./dom.js";
import { openExport } from "./export.js";
import { Grid } from "./grid.js";
import { Hits, Listing } from "./sources.js";
import { change, choice, corpusState, same, searching, server, view } from "./store.js";

let grid = null, controller = null, bar = null, tiles = null, message = null;

export function openGrid(root) {
  bar = el("div", { class: "bar" });
  tiles = el("div", { id: "tiles" });
  message = el("div", { class: "empty", hidden: true });
  root.replaceChildren(bar, tiles, message);
  grid = new Grid(tiles);
  refresh();
}

export function closeGrid() {
  grid?.close();
  controller?.abort();
  grid = null;
}

const soon = settle(() => refresh(), 90);

/** Looks again where what is looked at has changed. */
export function updateGrid(before) {
  const keys = ["corpus", "q", "like", "filters", "where", "sort", "descending", "moments"];
  if (!grid || keys.every((key) => same(before[key], view[key]))) return;
  if (before.q !== view.q) soon(); else refresh();
}

/** Shows what is new in the store, where the reader is. */
export const refreshGrid = () => { if (grid && !searching()) refresh(true); };

async function refresh(stay = false) {
  controller?.abort();
  controller = new AbortController();
  const { signal } = controller, mine = grid;
  document.body.classList.add("busy");
  try {
    const source = searching() ? new Hits(what(), signal) : new Listing(signal);
    await source.open();
    if (signal.aborted || mine !== grid) return;
    showEmpty(source);
    grid.show(source, stay);
    showBar(source);
    document.documentElement.dataset.shown = String(source.total);
  } catch (error) {
    if (error.name !== "AbortError" && !signal.aborted && mine === grid) fail(error);
  } finally {
    if (!signal.aborted) document.body.classList.remove("busy");
  }
}

function what() {
  if (!view.like) return { text: view.q.trim() };
  return view.like.video ? { video: view.like.video } : { upload: view.like.upload };
}

function fail(error) {
  tiles.hidden = true;
  message.hidden = false;
  message.replaceChildren(el("h2", { textContent: error.reason === "user" ? "Nothing to show for this" : "This did not work" }),
    el("p", { class: "text", textContent: error.message }));
  bar.replaceChildren();
}

function showEmpty(source) {
  tiles.hidden = !source.total;
  message.hidden = source.total > 0;
  if (source.total) return;
  const narrowed = view.filters.length || view.where;
  message.replaceChildren(el("h2", { textContent: narrowed ? "No video meets these filters" : "No videos" }),
    narrowed ? el("button", { class: "plain", type: "button", textContent: "Clear filters", onclick: () => change({ filters: [], where: "" }) })
      : el("p", { textContent: "This corpus has no video that may be shown. The view Health says what became of each row." }));
}

function showBar(source) {
  const state = corpusState(), found = searching();
  const name = view.like ? `Like ${view.like.name}` : view.q.trim();
  const total = found ? `the best ${count(source.total)}` : `${plural(source.total, "video")}${narrowed() && state ? ` of ${count(state.videos)}` : ""}`;
  const title = el("h1", { class: "text" }, found ? name : view.corpus, el("small", { textContent: total }));
  bar.replaceChildren(title, found ? switching() : sorting(), el("button", { class: "plain", type: "button", textContent: found ? "Export these…" : "Export all…",
    disabled: !source.total, onclick: () => openExport(found ? { search: { ...choice(), ...what(), k: source.total } } : choice(), view.corpus) }));
  const kept = [...bar.childNodes].filter((node) => node.textContent !== "null");
  bar.replaceChildren(...kept);
}

const narrowed = () => view.filters.length > 0 || view.where !== "";

/** Whole videos, or the moments in them that match. */
function switching() {
  const box = el("input", { type: "checkbox", checked: view.moments, onchange: () => change({ moments: box.checked }) });
  return el("label", { class: "switch", title: "Find the seconds that match, rather than whole videos" }, box, " Moments");
}

function sorting() {
  const options = [["", "as listed"], ...server.columns.filter((each) => each.kind !== "none" || ["id", "caption"].includes(each.name)).map((each) => [each.name, each.name])];
  const by = el("select", { "aria-label": "Sort by", onchange: () => change({ sort: by.value }) },
    options.map(([value, label]) => el("option", { value, textContent: label, selected: value === view.sort })));
  return el("label", {}, "Sort ", by, " ", el("button", { class: "plain", type: "button", title: view.descending ? "descending" : "ascending",
    "aria-label": view.descending ? "Descending: sort the other way" : "Ascending: sort the other way", textContent: view.descending ? "↓" : "↑", onclick: () => change({ descending: !view.descending }) }));
}
