// One video of the grid: its picture, which plays under the pointer from the moment that matched.
import { media } from "./api.js";
import { drawCurve } from "./curve.js";
import { clock, el, text } from "./dom.js";
import { change, view } from "./store.js";
import { isChosen, toggle } from "./selection.js";

const REST_MS = 140; // a pointer on its way elsewhere plays nothing
const SMALL = 200; // pixels: such pictures are shown as they are, not blurred

/** A tile of a video; `curve` and its scale come later, by `addCurve`. */
export function makeTile(video) {
  const screen = el("button", { class: "screen", type: "button", "aria-label": `Open ${video.id.slice(0, 80)}` });
  const picture = el("img", { alt: "", decoding: "async" });
  const node = el("article", { class: "tile" }, screen, el("div", { class: "about" },
    video.score === null ? null : el("b", { textContent: video.score.toFixed(3) }),
    video.caption ? el("span", { class: "caption text", textContent: video.caption, title: video.caption.slice(0, 600) }) : null),
  el("div", { class: "id text", textContent: video.id, title: video.id.slice(0, 600) }));
  node.classList.toggle("small-picture", Boolean(video.width && video.width < SMALL));
  screen.append(picture);
  if (video.duration) screen.append(el("span", { class: "badge", textContent: video.start_sec === null ? clock(video.duration) : `${clock(video.start_sec)}–${clock(video.end_sec)}` }));
  const tile = { node, screen, video, best: video.start_sec ?? 0, player: null, timer: 0 };
  const tick = el("input", { type: "checkbox", class: "tick", checked: isChosen(video.id), "aria-label": "Select",
    onclick: (event) => { toggle(video, event.shiftKey); node.classList.toggle("chosen", tick.checked); } });
  node.classList.toggle("chosen", tick.checked);
  node.append(tick, el("button", { class: "more", type: "button", textContent: "More like this",
    onclick: () => change({ q: "", like: { video: video.id, name: video.caption || video.id }, sort: "" }) }));
  screen.addEventListener("click", () => change({ video: video.id, at: tile.best }));
  screen.addEventListener("pointerenter", (event) => { if (event.pointerType !== "touch") tile.timer = setTimeout(() => play(tile), REST_MS); });
  screen.addEventListener("pointerleave", () => stop(tile));
  screen.addEventListener("focus", () => { tile.timer = setTimeout(() => play(tile), REST_MS * 3); });
  screen.addEventListener("blur", () => stop(tile));
  load(tile, picture);
  return tile;
}

async function load(tile, picture) {
  picture.addEventListener("load", () => picture.classList.add("there"));
  picture.addEventListener("error", () => { if (picture.hasAttribute("src")) explain(tile, picture); }, { once: true });
  picture.src = media(view.corpus, "still", tile.video, tile.video.start_sec === null ? middle(tile.video) : (tile.video.start_sec + tile.video.end_sec) / 2);
}

/** Where a picture is from: not the first frame, which is black in many films. */
export const middle = (video) => (video.duration ? Math.min(video.duration / 3, 30) : 0);

async function explain(tile, picture) {
  let reason = "no picture";
  try {
    const answer = await fetch(picture.src);
    if (!answer.ok) reason = SAID[(await answer.json()).reason] ?? "no picture";
  } catch { reason = "the server does not answer"; }
  picture.remove();
  tile.screen.append(el("span", { class: "gone", textContent: reason }));
}

const SAID = {
  missing: "the file is gone", unreachable: "its storage does not answer", timeout: "takes too long to decode",
  crashed: "its decoder crashed", undecodable: "cannot be decoded", empty: "has no pictures",
};

/** Shows when the video matched, and plays from there. */
export function addCurve(tile, curve, spread) {
  if (tile.video.start_sec === null) tile.best = curve.best;
  const drawn = drawCurve(curve, tile.video.duration, spread);
  const time = (event) => {
    const box = drawn.getBoundingClientRect();
    return Math.max(0, (event.clientX - box.left) / box.width) * (tile.video.duration || curve.seconds.at(-1) || 0);
  };
  drawn.addEventListener("pointermove", (event) => { play(tile); if (tile.player?.seeks) tile.player.currentTime = tile.video.starts + time(event); });
  drawn.addEventListener("pointerleave", () => stop(tile));
  drawn.addEventListener("click", (event) => change({ video: tile.video.id, at: time(event) }));
  tile.node.querySelector(".curve")?.remove();
  tile.screen.after(drawn);
}

function play(tile) {
  if (tile.player || !tile.node.isConnected) return;
  const player = el("video", { muted: true, loop: true, playsInline: true, preload: "auto" });
  player.seeks = Boolean(tile.video.plays);
  const show = () => { player.classList.add("plays"); };
  player.addEventListener("playing", show);
  player.addEventListener("loadedmetadata", () => { if (player.seeks) player.currentTime = tile.video.starts + tile.best; });
  // A browser that cannot play the file plays a preview of it, made for it.
  player.addEventListener("error", () => { if (player.seeks) { player.seeks = false; player.src = media(view.corpus, "preview", tile.video, tile.best); player.play().catch(() => {}); } });
  player.src = media(view.corpus, player.seeks ? "file" : "preview", tile.video, tile.best);
  tile.screen.append(player);
  tile.player = player;
  player.play().catch(() => {});
}

/** Lets go of a tile: a picture that nobody will see is not waited for. */
export function drop(tile) {
  stop(tile);
  tile.node.querySelectorAll("img").forEach((picture) => { if (!picture.complete) picture.removeAttribute("src"); });
  tile.node.remove();
}

/** Ends playing, and lets go of the file. */
export function stop(tile) {
  clearTimeout(tile.timer);
  if (!tile.player) return;
  tile.player.removeAttribute("src");
  tile.player.load();
  tile.player.remove();
  tile.player = null;
}

export const caption = (video) => text(video.caption || video.id);
