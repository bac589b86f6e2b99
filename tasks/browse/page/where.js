// The box for a condition in SQL, with the names of columns completed.
import { api, post } from "./api.js";
import { el, settle } from "./dom.js";
import { change, choice, server, view } from "./store.js";

const WORDS = ["AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "BETWEEN", "IS NULL", "IS NOT NULL", "contains(", "lower(", "year("];

export function makeWhere() {
  const box = el("textarea", { id: "where", rows: 1, value: view.where, spellcheck: false, autocomplete: "off", placeholder: "duration > 5 AND …", "aria-label": "Condition (SQL)", "aria-describedby": "where-error" });
  box.dataset.shown = view.where;
  const error = el("p", { id: "where-error", role: "alert" });
  const hints = el("div", { class: "hints", hidden: true });
  const apply = async () => {
    const where = box.value.trim();
    box.classList.remove("wrong");
    error.textContent = "";
    try { // checked before it is used: a half-written condition must not empty the grid
      if (where) await post(api(view.corpus, "videos"), { ...choice(), where, limit: 1 });
      if (box.value.trim() === where && where !== view.where) { box.dataset.shown = where; change({ where }); }
    } catch (fault) {
      if (box.value.trim() !== where) return;
      box.classList.add("wrong");
      error.textContent = fault.message.split(" (columns:")[0].split("; there are")[0];
    }
  };
  const soon = settle(apply, 500);
  box.addEventListener("input", () => { suggest(box, hints); soon(); });
  box.addEventListener("keydown", (event) => {
    const options = [...hints.children], now = options.findIndex((each) => each.classList.contains("on"));
    if (!hints.hidden && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      options[now]?.classList.remove("on");
      options[(now + (event.key === "ArrowDown" ? 1 : options.length - 1)) % options.length]?.classList.add("on");
    } else if (!hints.hidden && event.key === "Escape") hints.hidden = true;
    else if (!hints.hidden && (event.key === "Tab" || event.key === "Enter")) { event.preventDefault(); (options[now] ?? options[0]).click(); }
    else if (event.key === "Enter") { event.preventDefault(); apply(); }
  });
  box.addEventListener("blur", () => setTimeout(() => { hints.hidden = true; }, 150));
  const clear = el("button", { class: "link", type: "button", id: "where-clear", hidden: !view.where, textContent: "clear", onclick: () => { box.value = ""; change({ where: "" }); } });
  return el("section", {}, el("h2", {}, "Condition", clear), box, hints, error);
}

/** Shows the condition that is used, unless somebody is writing another one. */
export function showWhere() {
  const box = document.getElementById("where");
  document.getElementById("where-clear").hidden = !view.where;
  if (document.activeElement === box || box.value.trim() === view.where) return;
  if (box.dataset.shown === view.where) return; // written by hand, and not used yet
  box.value = box.dataset.shown = view.where;
  box.classList.remove("wrong");
  document.getElementById("where-error").textContent = "";
}

/** Names that the word before the cursor may become. */
function suggest(box, hints) {
  const start = box.value.slice(0, box.selectionStart).match(/[\w"]*$/)[0];
  const names = server.columns.map((each) => (/^[a-z_]\w*$/i.test(each.name) ? each.name : `"${each.name.replaceAll('"', '""')}"`));
  const fits = start ? [...names, ...WORDS].filter((each) => each.toLowerCase().startsWith(start.toLowerCase()) && each !== start).slice(0, 8) : [];
  hints.hidden = !fits.length;
  hints.replaceChildren(...fits.map((name, n) => el("button", { type: "button", class: n ? "" : "on", textContent: name, onclick: () => {
    const end = box.selectionStart, before = box.value.slice(0, end - start.length);
    box.value = `${before}${name} ${box.value.slice(end)}`;
    box.selectionStart = box.selectionEnd = before.length + name.length + 1;
    hints.hidden = true;
    box.focus();
    box.dispatchEvent(new Event("input"));
  } })));
}
