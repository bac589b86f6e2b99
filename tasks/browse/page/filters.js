// The filters: what each column holds of what is shown, to be narrowed by value or by range.
import { api, post } from "./api.js";
import { count, el, show, svg } from "./dom.js";
import { change, choice, same, server, view } from "./store.js";
import { makeWhere, showWhere } from "./where.js";

const SHOWN_FIRST = ["duration", "width", "height", "fps", "codec", "bytes"]; // after the source's own
let controller = null, place = null;

export function openFilters(node) {
  place = node;
  drawFilters();
}

export function updateFilters(before) {
  if (["corpus", "filters", "where"].every((key) => same(before[key], view[key]))) return;
  drawFilters();
}

export async function drawFilters() {
  controller?.abort();
  controller = new AbortController();
  const { signal } = controller;
  let facets;
  try {
    facets = await post(api(view.corpus, "facets"), choice(), signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    facets = [];
  }
  if (signal.aborted) return;
  const own = facets.filter((each) => !SHOWN_FIRST.includes(each.column) && each.column !== "rotation");
  const known = SHOWN_FIRST.map((name) => facets.find((each) => each.column === name)).filter(Boolean);
  const open = matchMedia("(min-width: 861px)").matches || Boolean(place.querySelector("details[open]"));
  const sections = [...own, ...known].map(section).filter(Boolean);
  const frame = place.querySelector("details");
  if (frame?.dataset.corpus !== view.corpus) {
    place.replaceChildren(el("details", { open, "data-corpus": view.corpus }, el("summary"), makeWhere(), ...sections));
  } else { // the box stays: somebody may be writing a condition
    place.querySelectorAll("section.facet").forEach((each) => each.remove());
    frame.append(...sections);
    showWhere();
  }
  place.querySelector("summary").textContent = view.filters.length || view.where ? "Filters (on)" : "Filters";
}

function section(facet) {
  const term = view.filters.find((each) => each.column === facet.column);
  if (facet.kind === "range" ? facet.low === null || (facet.low === facet.high && !term) : !facet.values.length && !term) return null;
  const clear = term ? el("button", { class: "link", type: "button", textContent: "clear", onclick: () => replace(facet.column, null) }) : null;
  return el("section", { class: "facet", "data-column": facet.column }, el("h2", {}, el("span", { class: "text", textContent: facet.column }), clear),
    facet.kind === "range" ? range(facet, term) : values(facet, term));
}

function replace(column, term) {
  const others = view.filters.filter((each) => each.column !== column);
  change({ filters: term ? [...others, { column, ...term }] : others });
}

function values(facet, term) {
  const chosen = new Set(term?.values ?? []);
  const most = Math.max(1, ...facet.values.map(([, number]) => number));
  const rows = [...facet.values, ...[...chosen].filter((value) => value !== null && !facet.values.some(([each]) => each === value)).map((value) => [value, 0])];
  if (facet.missing) rows.push([null, facet.missing]);
  const list = rows.map(([value, number]) => {
    const box = el("input", { type: "checkbox", checked: chosen.has(value), onchange: () => {
      if (box.checked) chosen.add(value); else chosen.delete(value);
      replace(facet.column, chosen.size ? { values: [...chosen] } : null);
    } });
    const share = el("i");
    share.style.width = `${(100 * number) / most}%`;
    return el("li", {}, el("label", {}, share, box, el("span", { class: "text", title: show(value), textContent: value === null ? "no value" : show(value) }), el("data", { textContent: count(number) })));
  });
  return [el("ul", { class: "values" }, list), facet.others ? el("p", { class: "range" }, `${count(facet.others)} with other values`) : null];
}

function range(facet, term) {
  const most = Math.max(1, ...facet.bins), { low, high } = facet, last = facet.bins.length;
  const bars = facet.bins.map((number, n) => svg("rect", { x: n + 0.06, width: 0.88, y: 1 - number / most, height: number / most }));
  const shade = svg("rect", { class: "shade", y: 0, height: 1, width: 0, x: 0 });
  const drawn = svg("svg", { class: "bins", viewBox: `0 0 ${last} 1`, preserveAspectRatio: "none", role: "img", "aria-label": `distribution of ${facet.column}` }, ...bars, shade);
  const label = (value) => (facet.is_date ? new Date(value * 1000).toISOString().slice(0, 10) : show(value));
  let from = null;
  const at = (event) => { const box = drawn.getBoundingClientRect(); return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)); };
  drawn.addEventListener("pointerdown", (event) => { from = at(event); drawn.setPointerCapture(event.pointerId); });
  drawn.addEventListener("pointermove", (event) => {
    if (from === null) return;
    const [a, b] = [from, at(event)].sort((x, y) => x - y);
    shade.setAttribute("x", a * last); shade.setAttribute("width", (b - a) * last);
  });
  drawn.addEventListener("pointerup", (event) => {
    if (from === null) return;
    let [a, b] = [from, at(event)].sort((x, y) => x - y);
    from = null;
    if (b - a < 0.02) { a = Math.floor(a * last) / last; b = a + 1 / last; } // a click is the bar under it
    const bound = (share) => { const value = low + share * (high - low); return facet.is_date ? new Date(value * 1000).toISOString() : value; };
    replace(facet.column, { low: bound(a), high: bound(Math.min(1, b)) });
  });
  return [drawn, el("div", { class: "range" }, el("span", { textContent: label(low) }),
    term ? el("b", { textContent: "narrowed" }) : null, el("span", { textContent: label(high) }))];
}
