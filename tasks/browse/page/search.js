// The search box: words as they are typed, a file that is dropped, a video that is to be like.
import { api, media, send } from "./api.js";
import { change, corpusState, view } from "./store.js";

import { notify } from "./notices.js";

const byId = (id) => document.getElementById(id);

export function openSearch() {
  const words = byId("words");
  words.addEventListener("input", () => change({ q: words.value, like: null, name: view.name === "map" ? "map" : "grid" }, true));
  byId("find").addEventListener("submit", (event) => { event.preventDefault(); change({ q: words.value }); words.blur(); });
  byId("unlike").addEventListener("click", () => change({ like: null }));
  byId("pick").addEventListener("change", (event) => { searchFile(event.target.files[0]); event.target.value = ""; });
  let inside = 0;
  addEventListener("dragenter", (event) => { if (hasFile(event)) { inside += 1; byId("drop").hidden = false; } });
  addEventListener("dragleave", () => { inside = Math.max(0, inside - 1); byId("drop").hidden = inside === 0; });
  addEventListener("dragover", (event) => { if (hasFile(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    inside = 0;
    byId("drop").hidden = true;
    if (!hasFile(event)) return;
    event.preventDefault();
    searchFile(event.dataTransfer.files[0]);
  });
  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName);
    if (event.key === "/" && !typing) { event.preventDefault(); words.focus(); words.select(); }
  });
}

const hasFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

/** Shows what is searched for. */
export function updateSearch() {
  const words = byId("words"), { like } = view, state = corpusState();
  if (document.activeElement !== words || like) words.value = view.q;
  byId("like").hidden = !like;
  byId("like-name").textContent = like?.name ?? "";
  byId("like-picture").hidden = !like?.video;
  if (like?.video) byId("like-picture").src = media(view.corpus, "still", { id: like.video, content: "" }, 0);
  const closed = Boolean(state && !state.index);
  words.disabled = closed;
  words.placeholder = closed ? "No search yet: this corpus has no index" : like ? "" : "Describe what to find, or drop a picture or video";
}

export async function searchFile(file) {
  if (!file) return;
  document.body.classList.add("busy");
  try {
    const { upload } = await send(api(view.corpus, "upload"), file);
    change({ q: "", like: { upload, name: file.name }, name: "grid" });
  } catch (error) {
    notify("upload", error.message, true);
  } finally { document.body.classList.remove("busy"); }
}

