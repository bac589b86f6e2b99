// How similar a video's frames are to the search, over time.
import { svg } from "./dom.js";

const WIDE = 200, HIGH = 24;

/** A curve as a picture; `end` is the video's length, `low` and `high` the scale of the scores. */
export function drawCurve(curve, end, low, high) {
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

/** The lowest and the highest score of several curves: one scale makes them comparable. */
export function scaleOf(curves) {
  const all = curves.flatMap((curve) => curve.scores);
  return all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
}
