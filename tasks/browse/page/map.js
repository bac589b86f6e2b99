// The map: every point a video, coloured by a column; a lasso selects what it surrounds.
import { api, get, media } from "./api.js";
import { count, el, settle, show } from "./dom.js";
import { openExport } from "./export.js";
import { choice, change, server, view } from "./store.js";
import { middle } from "./tile.js";

const PALETTE = ["#4e79a7", "#e15759", "#59a14f", "#f2a33a", "#b07aa1", "#3fa7a0", "#ff7f9e", "#9c755f", "#7f8b99", "#d4b106", "#2f6f4f", "#8a5fd0"];
const NONE = "#9aa0a6", RADIUS = 3.2, WAIT_MS = 1500;

let closed = true, controller = null, resizer = null, state = null;
const chosen = { get method() { return view.method || "pca"; }, get colour() { return view.colour || usual(); } };
const usual = () => (server.columns.findLast((each) => each.kind === "values") ?? server.columns.findLast((each) => each.kind === "range"))?.name ?? "";

export async function openMap(root) {
  closed = false;
  root.replaceChildren(el("p", { class: "empty", textContent: "reading the map…" }));
  await load(root);
}

export function closeMap() {
  closed = true;
  controller?.abort();
  resizer?.disconnect();
}

async function load(root) {
  controller?.abort();
  controller = new AbortController();
  const query = new URLSearchParams({ method: chosen.method });
  if (server.columns.some((each) => each.name === chosen.colour)) query.set("colour", chosen.colour);
  try {
    const map = await get(api(view.corpus, `map?${query}`), controller.signal);
    if (closed) return;
    if (map.state !== "ready") {
      root.replaceChildren(el("p", { class: "empty", textContent: `The map of ${view.corpus} is being computed, once for this version of its index. It is kept.` }));
      setTimeout(() => { if (!closed) load(root); }, WAIT_MS);
      return;
    }
    draw(root, map);
  } catch (error) {
    if (error.name !== "AbortError") root.replaceChildren(el("p", { class: "empty text", textContent: error.message }));
  }
}

function draw(root, map) {
  const canvas = el("canvas", { id: "map", "aria-label": "Map of the corpus: drag to select" });
  const tip = el("div", { class: "tip", hidden: true });
  const colours = paint(map);
  const columns = server.columns.filter((each) => each.kind !== "none");
  const by = el("select", { "aria-label": "Colour by", onchange: () => { change({ colour: by.value }); load(root); } }, columns.map((each) => el("option", { value: each.name, textContent: each.name, selected: each.name === chosen.colour })));
  const methods = el("select", { "aria-label": "Projection", onchange: () => { change({ method: methods.value }); load(root); } }, map.methods.map((each) => el("option", { value: each, textContent: each.toUpperCase(), selected: each === chosen.method })));
  const partly = map.x.length < map.total ? `${count(map.x.length)} of ${count(map.total)} videos drawn` : `${count(map.total)} videos`;
  root.replaceChildren(el("div", { class: "bar" }, el("h1", {}, "Map", el("small", { textContent: `${partly} · index ${map.version}` })), el("label", {}, "Colour ", by), map.methods.length > 1 ? el("label", {}, methods) : "",
    el("span", { class: "faint", textContent: "drag around points to select them" })), el("div", { class: "sea" }, canvas, tip), el("div", { class: "legend" }, colours.legend));
  state = { map, canvas, tip, colours, path: null, scale: 1 };
  resizer?.disconnect();
  resizer = new ResizeObserver(() => redraw());
  resizer.observe(canvas.parentElement);
  listen(canvas);
}

/** A colour for each point, and what they mean. */
function paint(map) {
  const values = map.colours;
  if (!values) return { of: map.x.map(() => PALETTE[0]), legend: [] };
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length) {
    const low = Math.min(...numbers), high = Math.max(...numbers);
    const shade = (value) => (value === null ? NONE : `hsl(${220 - 190 * ((value - low) / (high - low || 1))} 70% 52%)`);
    return { of: values.map(shade), legend: [key(shade(low), show(low)), key(shade((low + high) / 2), "to"), key(shade(high), show(high))] };
  }
  const tally = new Map();
  for (const value of values) tally.set(value, (tally.get(value) ?? 0) + 1);
  const common = [...tally].filter(([value]) => value !== null).sort((a, b) => b[1] - a[1]).map(([value]) => value).slice(0, PALETTE.length);
  const ranks = new Map([...common].sort().map((value, n) => [value, PALETTE[n]]));
  return { of: values.map((value) => ranks.get(value) ?? NONE), legend: [...[...ranks].map(([value, colour]) => key(colour, value)), tally.size > ranks.size ? key(NONE, "other or none") : null].filter(Boolean) };
}

const key = (colour, words) => { const dot = el("i"); dot.style.background = colour; return el("span", { class: "text" }, dot, words); };

function redraw() {
  if (!state) return;
  const { map, canvas, colours } = state, box = canvas.parentElement.getBoundingClientRect(), ratio = devicePixelRatio || 1;
  canvas.width = box.width * ratio;
  canvas.height = box.height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  state.side = Math.min(box.width, box.height) - 40;
  state.left = (box.width - state.side) / 2;
  state.top = (box.height - state.side) / 2;
  pen.globalAlpha = map.x.length > 5000 ? 0.55 : 0.85;
  const radius = map.x.length > 5000 ? 1.8 : RADIUS;
  for (let n = 0; n < map.x.length; n += 1) {
    pen.fillStyle = colours.of[n];
    pen.beginPath();
    pen.arc(state.left + map.x[n] * state.side, state.top + (1 - map.y[n]) * state.side, radius, 0, 7);
    pen.fill();
  }
  if (state.path?.length > 1) {
    pen.globalAlpha = 1;
    pen.strokeStyle = pen.fillStyle = getComputedStyle(canvas).color;
    pen.setLineDash([5, 4]);
    pen.beginPath();
    state.path.forEach(([x, y]) => pen.lineTo(state.left + x * state.side, state.top + (1 - y) * state.side));
    pen.closePath();
    pen.stroke();
    pen.globalAlpha = 0.08;
    pen.fill();
  }
}

function listen(canvas) {
  const at = (event) => { const box = canvas.getBoundingClientRect(); return [(event.clientX - box.left - state.left) / state.side, 1 - (event.clientY - box.top - state.top) / state.side]; };
  const look = settle((x, y) => point(x, y, false), 90);
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); state.path = [at(event)]; state.tip.hidden = true; });
  canvas.addEventListener("pointermove", (event) => {
    const place = at(event);
    if (!event.buttons || !state.path) return look(...place);
    const [lx, ly] = state.path.at(-1);
    if (Math.hypot(place[0] - lx, place[1] - ly) > 0.006 && state.path.length < 1500) { state.path.push(place); redraw(); }
  });
  canvas.addEventListener("pointerup", (event) => {
    const { path } = state;
    if (!path || path.length < 4) { state.path = null; redraw(); point(...at(event), true); return; }
    openExport({ ...choice(), lasso: { method: chosen.method, polygon: path } }, view.corpus);
  });
  canvas.addEventListener("pointerleave", () => { state.tip.hidden = true; });
}

/** Shows the video of the nearest point, or opens it. */
async function point(x, y, open) {
  const { map, tip, canvas } = state;
  let best = -1, near = (9 / state.side) ** 2;
  for (let n = 0; n < map.x.length; n += 1) { const far = (map.x[n] - x) ** 2 + (map.y[n] - y) ** 2; if (far < near) { near = far; best = n; } }
  tip.hidden = best < 0;
  if (best < 0) return;
  try {
    const video = await get(api(view.corpus, `map/video?row=${map.rows[best]}&version=${encodeURIComponent(map.version)}`));
    if (open) { change({ video: video.id, at: 0 }); return; }
    tip.replaceChildren(el("img", { src: media(view.corpus, "still", video, middle(video)), alt: "" }), el("span", { class: "text", textContent: video.caption || video.id }));
    tip.style.left = `${Math.min(canvas.clientWidth - 190, state.left + map.x[best] * state.side + 12)}px`;
    tip.style.top = `${Math.min(canvas.clientHeight - 170, state.top + (1 - map.y[best]) * state.side + 12)}px`;
  } catch { tip.hidden = true; }
}
