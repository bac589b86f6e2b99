// How far each stage is, what failed and how to try again; runs and their pages.
import { api, get } from "./api.js";
import { command, count, el, plural, show } from "./dom.js";
import { corpusState, view } from "./store.js";
import { parts } from "./notices.js";

const STAGES = ["ingest", "embed", "pool", "index"];

export async function openHealth(root) {
  root.replaceChildren(el("p", { class: "empty", textContent: "counting…" }));
  try {
    const health = await get(api(view.corpus, "health")), corpus = corpusState();
    root.replaceChildren(el("div", { class: "bar" }, el("h1", { class: "text" }, view.corpus, el("small", { textContent: `${plural(corpus.videos, "video")}, ${show(+corpus.hours.toFixed(2))} hours` }))),
      el("section", { class: "stages" }, STAGES.map((stage) => bar(stage, health.stages[stage]))), about(corpus), failures(health.failures));
  } catch (error) {
    root.replaceChildren(el("p", { class: "empty text", textContent: error.message }));
  }
}

function bar(stage, { videos, hours }) {
  const part = (name) => { const each = el("i", { class: name, title: `${count(videos[name])} ${name}` }); each.style.width = `${(100 * videos[name]) / Math.max(1, videos.total)}%`; return each; };
  const said = [["done", videos.done], ["failed", videos.failed], ["missing", videos.missing]].filter(([name, number]) => number || name === "done").map(([name, number]) => `${count(number)} ${name}`).join(" · ");
  return el("div", { class: "stage-row" }, el("b", { textContent: stage }), el("div", { class: "parts" }, part("done"), part("failed")), el("span", { textContent: `${said} · ${show(+hours.done.toFixed(2))} h` }));
}

function about(corpus) {
  const { index } = corpus;
  const rows = { model: corpus.model ?? "not embedded yet", index: index ? `${index.kind}, ${index.version}, ${plural(index.videos, "video")}` : "none yet",
    "recall@10": index?.recall !== null && index ? `${index.recall.toFixed(3)} measured, ${index.gate} needed to be published` : null };
  return el("dl", { class: "about-corpus" }, Object.entries(rows).filter(([, value]) => value).flatMap(([name, value]) => [el("dt", { textContent: name }), el("dd", { class: "text", textContent: value })]));
}

function failures(groups) {
  if (!groups.length) return el("p", { class: "good", textContent: "Nothing failed." });
  return el("section", {}, el("h2", { textContent: "What failed, by reason" }), groups.map((group) => el("article", { class: "failure" },
    el("h3", {}, el("b", { textContent: count(group.videos) }), ` ${group.reason.replaceAll("_", " ")}`, el("small", { textContent: `in ${group.stage}` })),
    el("p", { class: "text", textContent: group.examples ?? "" }), group.retry ? command(group.retry) : null)),
  el("p", { class: "faint" }, ...parts(`All of them: \`reelflow failures ${view.corpus}\``)));
}

export async function openRuns(root) {
  root.replaceChildren(el("p", { class: "empty", textContent: "reading…" }));
  try {
    const { generations, pages, prefect } = await get("/api/runs");
    const runs = generations.map((run) => el("tr", {}, el("td", {}, el("a", { href: `/pages/generations/${run.run}`, target: "_blank", textContent: run.run })), el("td", { class: "text", textContent: run.corpus }), el("td", { textContent: (run.made ?? "").slice(0, 16).replace("T", " ") }),
      el("td", { textContent: plural(run.prompts ?? 0, "prompt") }), el("td", { textContent: `${count(run.done ?? 0)} done` }), el("td", { class: run.failed ? "bad" : "faint", textContent: run.failed ? `${count(run.failed)} failed` : "" })));
    const others = pages.filter((page) => page.kind !== "generations");
    root.replaceChildren(el("div", { class: "bar" }, el("h1", { textContent: "Runs" })),
      runs.length ? el("table", {}, el("tbody", {}, runs)) : el("p", { class: "faint" }, ...parts("Nothing was generated in this store yet: `reelflow generate`")),
      others.length ? el("section", { class: "pages" }, el("h2", { textContent: "Pages" }), others.map((page) => el("a", { class: "plain", href: page.address, target: "_blank", textContent: page.kind === "leaderboard" ? "leaderboard" : `${page.kind.replace(/s$/, "")} ${page.name}` }))) : "",
      flowRuns(prefect));
  } catch (error) {
    root.replaceChildren(el("p", { class: "empty text", textContent: error.message }));
  }
}

/** What Prefect ran last, each with its own page there. */
function flowRuns({ address, runs, fault }) {
  const title = el("h2", {}, "Flow runs ", address ? el("a", { href: `${address}/runs`, target: "_blank", rel: "noreferrer", textContent: "all, with logs and schedules, in Prefect" }) : null);
  if (!address) return el("section", { class: "flow-runs" }, title, el("p", { class: "faint" }, ...parts("No Prefect server is named here: `reelflow up` starts one")));
  const rows = runs.map((run) => el("tr", {}, el("td", {}, el("a", { href: run.address, target: "_blank", rel: "noreferrer", textContent: run.name })),
    el("td", { class: /fail|crash/i.test(run.state) ? "bad" : "faint", textContent: run.state }), el("td", { textContent: (run.started ?? "").slice(0, 16).replace("T", " ") })));
  return el("section", { class: "flow-runs" }, title, fault ? el("p", { class: "faint text", textContent: fault }) : el("table", {}, el("tbody", {}, rows)));
}
