// One video: its player with a timeline, and all that is known of it.
import { api, get, media } from "./api.js";
import { clock, command, copyButton, count, el, show, text } from "./dom.js";
import { change, lastQuery, searching, view } from "./store.js";
import { middle } from "./tile.js";
import { drawTimeline } from "./timeline.js";

let open = null, controller = null;

export function updateVideo() {
  const sheet = document.getElementById("sheet");
  if (!view.video) {
    controller?.abort();
    open = null;
    if (sheet.open) sheet.close();
    sheet.replaceChildren();
    return;
  }
  if (open === `${view.corpus} ${view.video}`) return;
  open = `${view.corpus} ${view.video}`;
  if (!sheet.open) sheet.showModal();
  sheet.onclose = () => { if (view.video) change({ video: "", at: 0 }); };
  sheet.onclick = (event) => { if (event.target === sheet) sheet.close(); };
  load(sheet);
}

async function load(sheet) {
  controller?.abort();
  controller = new AbortController();
  const close = el("button", { class: "plain close", type: "button", textContent: "Close", onclick: () => sheet.close() });
  sheet.replaceChildren(close, el("p", { class: "empty", textContent: "loading…" }));
  const query = new URLSearchParams({ id: view.video });
  if (searching() && lastQuery.name) query.set("query", lastQuery.name);
  try {
    const details = await get(api(view.corpus, `video?${query}`), controller.signal);
    sheet.replaceChildren(close, ...draw(details));
  } catch (error) {
    if (error.name !== "AbortError") sheet.replaceChildren(close, el("p", { class: "empty text", textContent: error.message }));
  }
}

function draw(details) {
  const { video } = details;
  const [stage, seek] = player(details);
  return [el("div", { class: "film" }, stage, drawTimeline(details, seek)), el("div", { class: "facts" },
    el("h2", { class: "text", textContent: video.caption || video.id }),
    el("p", { class: "actions" },
      el("button", { class: "plain strong", type: "button", textContent: "More like this", onclick: () => change({ video: "", q: "", name: "grid", like: { video: video.id, name: video.caption || video.id } }) }),
      copyButton(() => video.id, "Copy id"), copyButton(() => video.uri, "Copy address")),
    facts(video)), neighbours(details), history(details)];
}

function player(details) {
  const { video } = details;
  const node = el("video", { controls: true, playsInline: true, muted: true, autoplay: true, preload: "auto", poster: media(view.corpus, "still", video, middle(video)) });
  const stage = el("div", { class: "stage" }, node);
  stage.classList.toggle("small-picture", Boolean(video.width && video.width < 200));
  let native = Boolean(video.plays);
  const start = (seconds) => {
    if (native) { node.currentTime = video.starts + seconds; return; }
    node.src = media(view.corpus, "preview", video, seconds);
    node.loop = true;
  };
  node.addEventListener("loadedmetadata", () => { if (native && (view.at || video.starts)) node.currentTime = video.starts + view.at; }, { once: true });
  node.addEventListener("error", () => {
    if (native) { native = false; note("This browser does not play the file: previews of three seconds instead."); start(view.at); } else if (node.src) fail();
  });
  const note = (words) => stage.append(el("p", { class: "note", textContent: words }));
  const fail = async () => {
    let reason = "it cannot be shown";
    try { reason = (await (await fetch(node.src)).json()).detail ?? reason; } catch { /* it says no more */ }
    stage.replaceChildren(el("p", { class: "empty text", textContent: `No picture: ${reason}` }));
  };
  if (native) node.src = media(view.corpus, "file", video);
  else { note("Previews of three seconds: browsers do not play this file as it is. Click the timeline for others."); start(view.at); }
  return [stage, { node, go: start }];
}

function facts(video) {
  const rows = { id: video.id, size: video.width ? `${video.width} × ${video.height}` : null, length: video.duration === null ? null : `${clock(video.duration)} (${show(video.duration)} s)`,
    rate: video.fps === null ? null : `${show(video.fps)} frames/s`, codec: video.codec, bytes: video.bytes, address: video.uri, content: video.content, note: video.note };
  return el("dl", {}, [...Object.entries(video.columns), ...Object.entries(rows)].filter(([, value]) => value !== null && value !== undefined && value !== "")
    .flatMap(([name, value]) => [el("dt", { class: "text", textContent: name }), el("dd", { class: "text", textContent: show(value) })]));
}

function strip(videos, note) {
  return el("div", { class: "strip" }, videos.map((each) => el("button", { class: "neighbour", type: "button", title: (each.caption || each.id).slice(0, 300), onclick: () => change({ video: each.id, at: 0 }) },
    el("img", { src: media(view.corpus, "still", each, middle(each)), alt: "", loading: "lazy" }), note(each), text(each.caption || each.id, "small"))));
}

function neighbours(details) {
  const score = (each) => el("span", {}, el("b", { textContent: each.score.toFixed(3) }), each.score > details.near_copy ? el("em", { textContent: "near copy" }) : null);
  const kept = details.video.columns.duplicate_of;
  const role = (each) => el("span", {}, each.id === kept ? el("em", { textContent: "kept in its place" }) : text(each.id, "small"));
  return el("section", { class: "wide" }, el("h3", { textContent: "Nearest videos" }),
    details.neighbours.length ? strip(details.neighbours, score) : el("p", { class: "faint text", textContent: details.no_neighbours ?? "none" }),
    details.copies.length ? el("p", {}, `The same bytes as ${count(details.copies.length)} other: `, details.copies.slice(0, 5).map((id) => el("button", { class: "link text", type: "button", textContent: id, onclick: () => change({ video: id, at: 0 }) }))) : null,
    details.duplicates.length ? [el("h3", { textContent: "Near-duplicates of it" }), strip(details.duplicates, role)] : null);
}

function history(details) {
  const outputs = details.outputs.map((each) => el("tr", {}, el("td", { class: "text", textContent: each.prompt }), el("td", { textContent: `#${each.rank}` }), el("td", { textContent: each.score?.toFixed(3) ?? "" }),
    el("td", {}, each.file ? el("a", { href: `/pages/generations/${each.run}`, target: "_blank", textContent: each.run }) : each.run)));
  const attempts = details.attempts.map((each) => el("tr", {}, el("td", { textContent: each.stage }), el("td", { textContent: `attempt ${each.attempt}` }),
    el("td", { class: each.reason ? "bad text" : "good", textContent: each.reason ? `${each.reason}: ${each.detail ?? ""}` : "done" }), el("td", { class: "mono", textContent: each.fingerprint })));
  return el("section", { class: "wide" },
    outputs.length ? [el("h3", { textContent: "Retrieved for, and conditioned" }), el("table", {}, el("tbody", {}, outputs)), command(`reelflow provenance ${quote(details.video.id)} --corpus ${view.corpus}`)] : null,
    attempts.length ? [el("h3", { textContent: "What was tried" }), el("table", {}, el("tbody", {}, attempts)), details.retry ? command(details.retry) : null] : null);
}

export const quote = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
