// Starts the page, follows the store, and shows the view that the address names.
import { api, get } from "./api.js";
import { el } from "./dom.js";
import { drawFilters, openFilters, updateFilters } from "./filters.js";
import { openHealth, openRuns } from "./health.js";
import { closeMap, openMap } from "./map.js";
import { closeGrid, openGrid, refreshGrid, updateGrid } from "./gridview.js";
import { notify, parts } from "./notices.js";
import { openSearch, updateSearch } from "./search.js";
import { change, corpusState, listen, read, server, view } from "./store.js";
import { updateVideo } from "./video.js";

const POLL_MS = 4000, QUIET_MS = 60_000; // while it is looked at, and while it is in the background
const NOTHING = () => {};
const VIEWS = { grid: [openGrid, closeGrid], map: [openMap, closeMap], health: [openHealth, NOTHING], runs: [openRuns, NOTHING] };
let shown = null, started = 0, timer = 0;

async function poll() {
  clearTimeout(timer);
  try {
    const state = await get("/api/state");
    notify("offline", null);
    if (started && state.started !== started) location.reload(); // another server: its page is newer
    started = state.started;
    const isNew = server.state && state.number !== server.state.number;
    server.state = state;
    await showState(isNew);
  } catch (error) {
    if (error.reason !== "offline") notify("state", error.message, true);
    else notify("offline", "The server of this page does not answer: is `reelflow browse` still running? It is asked again every few seconds.", true);
  }
  timer = setTimeout(poll, document.hidden ? QUIET_MS : POLL_MS);
}

async function showState(isNew) {
  const { state } = server, names = state.corpora.map((each) => each.name);
  const list = document.getElementById("corpus");
  if (names.join() !== [...list.options].map((each) => each.value).join()) list.replaceChildren(...names.map((name) => el("option", { value: name, textContent: name })));
  notify("delayed", state.delayed && `What is new in the store is not shown yet: ${state.delayed}`);
  if (!names.length) return showNothing(state);
  if (!names.includes(view.corpus)) change({ corpus: names[0] }, true);
  list.value = view.corpus;
  const corpus = corpusState();
  corpus.problems.forEach((problem, n) => notify(`problem-${n}`, problem));
  if (corpus.index?.recall !== null && corpus.index?.recall < corpus.index?.gate) notify("gate", `The index misses more than its gate allows: recall@10 is ${corpus.index.recall.toFixed(3)}, the gate ${corpus.index.gate}. Rebuild it with \`reelflow index ${corpus.name}\`.`, true);
  else notify("gate", null);
  updateSearch();
  if (!shown) return showView();
  if (isNew) { await loadColumns(); drawFilters(); refreshGrid(); }
}

function showNothing(state) {
  document.getElementById("view").replaceChildren(el("div", { class: "empty" }, el("h2", { textContent: "There is no corpus here yet" }),
    el("p", {}, ...parts(`The store is \`${state.root}\`. Make a first corpus of a folder of videos, and it appears here:`)), el("code", { textContent: "reelflow run my-videos --source FOLDER" }),
    el("p", { textContent: "Or try the demo, and look at its store:" }), el("code", { textContent: "make demo && reelflow browse --root demo/store" })));
  document.documentElement.dataset.shown = "nothing";
}

async function loadColumns() {
  try { server.columns = await get(api(view.corpus, "columns")); } catch { server.columns = []; }
}

async function showView() {
  const name = VIEWS[view.name] ? view.name : "grid", first = !shown;
  if (shown) VIEWS[shown][1]();
  shown = name;
  if (first) { const columns = loadColumns(); openFilters(document.getElementById("filters")); if (name === "map") await columns; }
  document.getElementById("filters").hidden = name !== "grid";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  await VIEWS[name][0](document.getElementById("view"));
  updateVideo();
}

listen((before) => {
  document.title = `${view.q || view.like?.name || view.corpus || "reelflow"} · reelflow`;
  if (!server.state?.corpora.length) return;
  updateSearch();
  document.getElementById("corpus").value = view.corpus;
  if (before.corpus && before.corpus !== view.corpus) loadColumns();
  if (shown && (before.name !== view.name || (shown !== "grid" && before.corpus !== view.corpus))) showView(); else if (shown === "grid") updateGrid(before);
  if (shown) updateFilters(before);
  updateVideo();
});

document.getElementById("corpus").addEventListener("change", (event) => change({ corpus: event.target.value, filters: [], where: "", sort: "", like: null, video: "" }));
for (const link of document.querySelectorAll("nav a, .brand")) {
  link.addEventListener("click", (event) => { event.preventDefault(); change(link.dataset.view ? { name: link.dataset.view, video: "" } : { name: "grid", q: "", like: null, filters: [], where: "", sort: "", video: "" }); });
}
addEventListener("popstate", read);
document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
openSearch();
read();
poll();
