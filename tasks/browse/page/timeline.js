// A video over time: similarity to the search, shots, what was said and seen, and where it plays.
import { drawCurve, spreadOf } from "./curve.js";
import { clock, count, el } from "./dom.js";
import { view } from "./store.js";

const SHORT_S = 20; // below it, times have tenths

/** The time line, and the list of texts; null where the length is not known. */
export function drawTimeline(details, { node, go }) {
  const { video, curve } = details, { shots, texts, more } = details.timeline;
  const end = video.duration || curve?.seconds.at(-1) || shots.at(-1)?.end_sec || 0;
  if (!end) return null;
  const time = (seconds) => (end < SHORT_S ? `${seconds.toFixed(1)} s` : clock(seconds));
  const share = (seconds) => `${(100 * Math.max(0, Math.min(end, seconds))) / end}%`;
  const line = el("div", { class: "timeline", role: "slider", tabIndex: 0, "aria-label": "Time", "aria-valuemin": "0", "aria-valuemax": end.toFixed(1) });
  if (curve) line.append(drawCurve(curve, end, spreadOf([curve])));
  const span = (kind, { start_sec, end_sec }, title) => {
    const mark = el("i", { class: kind, title });
    mark.style.left = share(start_sec);
    mark.style.width = `max(2px, ${share(Math.min(end_sec, end) - start_sec)} - 1px)`; // a text may outlast the video
    return mark;
  };
  if (shots.length) line.append(el("div", { class: "lane shots" }, shots.map((shot, n) => span("shot", shot, `shot ${n + 1}: ${time(shot.start_sec)} to ${time(shot.end_sec)}`))));
  for (const kind of new Set(texts.map((each) => each.kind))) {
    line.append(el("div", { class: "lane", "data-kind": kind }, texts.filter((each) => each.kind === kind).map((each) => span("words", each, `${time(each.start_sec)} ${each.kind}: ${each.text.slice(0, 300)}`))));
  }
  const cursor = el("i", { class: "cursor" });
  line.append(el("div", { class: "times" }, [0, 0.25, 0.5, 0.75, 1].map((part) => el("span", { textContent: time(end * part) }))), cursor);
  const move = (seconds) => { const at = Math.max(0, Math.min(end, seconds)); cursor.style.left = share(at); line.setAttribute("aria-valuenow", at.toFixed(1)); return at; };
  const pick = (event) => { const box = line.getBoundingClientRect(); go(move(((event.clientX - box.left) / box.width) * end)); };
  line.addEventListener("pointerdown", (event) => { line.setPointerCapture(event.pointerId); pick(event); });
  line.addEventListener("pointermove", (event) => { if (event.buttons && video.plays) pick(event); });
  line.addEventListener("keydown", (event) => { const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]; if (step) go(move(node.currentTime - video.starts + step)); });
  node.addEventListener("timeupdate", () => { if (!video.plays) return; move(node.currentTime - video.starts); if (video.starts && video.duration && node.currentTime > video.starts + video.duration) node.currentTime = video.starts; });
  move(view.at);
  const jump = (seconds) => el("button", { class: "link", type: "button", textContent: time(seconds), onclick: () => go(move(seconds)) });
  return el("div", {}, el("h3", { textContent: explain(curve, shots) }), line, listTexts(texts, more, jump));
}

function explain(curve, shots) {
  const parts = [curve ? "similarity to the search" : null, shots.length ? `${count(shots.length)} ${shots.length === 1 ? "shot" : "shots"}` : null].filter(Boolean);
  const words = parts.length ? `${parts.join(", ")} over time` : "over time";
  return words[0].toUpperCase() + words.slice(1);
}

function listTexts(texts, more, jump) {
  if (!texts.length) return null;
  return el("div", { class: "texts" }, el("h3", { textContent: "Said and seen" }), el("ol", {}, texts.map((each) => el("li", {}, jump(each.start_sec), el("small", { textContent: each.kind }), el("span", { class: "text", textContent: each.text })))),
    more ? el("p", { class: "faint", textContent: `and ${count(more)} more` }) : null);
}
