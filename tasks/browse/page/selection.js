// Videos that are selected, one by one or all that a search or a lasso has.
import { count, el } from "./dom.js";
import { openExport } from "./export.js";
import { view } from "./store.js";

const MAX = 5000; // picked one by one; more are selected by a condition, on the server
const chosen = new Map(); // by id
let last = null, order = () => [];

export const isChosen = (id) => chosen.has(id);
/** What lies between two ticks, for shift: the shown videos in order. */
export const setOrder = (list) => { order = list; };

export function toggle(video, between = false) {
  const on = !chosen.has(video.id);
  for (const each of between && last ? range(last, video.id) : [video]) {
    if (on && chosen.size < MAX) chosen.set(each.id, each);
    else if (!on) chosen.delete(each.id);
  }
  last = video.id;
  showTray();
  document.dispatchEvent(new Event("selected"));
}

function range(a, b) {
  const list = order(), [i, j] = [a, b].map((id) => list.findIndex((each) => each.id === id));
  return i < 0 || j < 0 ? list.filter((each) => each.id === b) : list.slice(Math.min(i, j), Math.max(i, j) + 1);
}

export function clear() {
  chosen.clear();
  showTray();
  document.dispatchEvent(new Event("selected"));
}

export function showTray() {
  const tray = document.getElementById("tray");
  document.body.classList.toggle("choosing", chosen.size > 0);
  tray.hidden = !chosen.size;
  tray.replaceChildren(el("b", { textContent: `${count(chosen.size)} selected` }),
    el("button", { class: "plain strong", type: "button", textContent: "Export…", onclick: () => openExport({ ids: [...chosen.keys()] }, view.corpus) }),
    el("button", { class: "plain", type: "button", textContent: "Clear", onclick: clear }));
}
