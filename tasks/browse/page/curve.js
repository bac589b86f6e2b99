// How similar a video's frames are to the search, over time.
import { svg } from "./dom.js";

const WIDE = 200, HIGH = 24;
const LEAST = 0.25; // of the spread of all curves: the least that one curve is drawn over

/** A curve as a picture; `end` is the video's length, `spread` that of all curves beside it. */
export function drawCurve(curve, end, spread) {
  const high = Math.max(...curve.scores);
  const low = high - Math.max(high - Math.min(...curve.scores), spread * LEAST);
  const last = Math.max(end || 0, curve.seconds.at(-1) || 0, 0.01);
  const x = (t) => (t / last) * WIDE;
  const y = (s) => HIGH - 2 - Math.max(0, Math.min(1, (s - low) / (high - low || 1))) * (HIGH - 5);
  let points = curve.seconds.map((t, n) => [x(t), y(curve.scores[n])]);
  if (points.length === 1) points = [[0, points[0][1]], [WIDE, points[0][1]]];
  const line = points.map(([px, py], n) => `${n ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
  const area = `${line}L${points.at(-1)[0].toFixed(1)} ${HIGH}L${points[0][0].toFixed(1)} ${HIGH}Z`;
  return svg("svg", { class: "curve", viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img",
    "aria-label": `most similar at ${curve.best.toFixed(1)} s` },
  svg("path", { class: "area", d: area }), svg("path", { class: "line", d: line, "vector-effect": "non-scaling-stroke" }),
  svg("line", { class: "best", x1: x(curve.best), x2: x(curve.best), y1: 0, y2: HIGH, "vector-effect": "non-scaling-stroke" }));
}

/** How far apart the scores of several curves lie: a curve that hardly moves is drawn flat. */
export function spreadOf(curves) {
  const all = curves.flatMap((curve) => curve.scores);
  return all.length ? Math.max(...all) - Math.min(...all) : 1;
}
