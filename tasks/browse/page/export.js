// A selection as files: each with the command line that writes the same.
import { api, post } from "./api.js";
import { command, el, plural } from "./dom.js";
import { parts } from "./notices.js";

const KINDS = [
  ["table", "Table (Parquet)", "ids, addresses, captions and your own columns; it can be ingested"],
  ["prompts", "Prompt file", "every caption once, a line each, for `reelflow retrieve` and `reelflow generate`"],
  ["ids", "Exclusion list", "an id a line, for `reelflow generate --without`"],
];

/** Shows the files of what is selected: ids, filters, a search, or a lasso. */
export async function openExport(asked, corpus) {
  const sheet = document.getElementById("sheet");
  const close = el("button", { class: "plain close", type: "button", textContent: "Close", onclick: () => sheet.close() });
  sheet.onclose = () => sheet.replaceChildren();
  sheet.onclick = (event) => { if (event.target === sheet) sheet.close(); };
  const body = el("div", { class: "export" }, el("p", { class: "faint", textContent: "selecting…" }));
  sheet.replaceChildren(close, body);
  if (!sheet.open) sheet.showModal();
  try {
    const made = await post(api(corpus, "selections"), asked);
    body.replaceChildren(el("h2", { textContent: `Export ${plural(made.videos, "video")}` }), ...KINDS.map(([kind, title, about]) => el("section", {},
      el("h3", {}, el("a", { class: "plain strong download", href: api(corpus, `selections/${made.selection}/${kind}`), download: "", textContent: title }), el("span", {}, ...parts(about))),
      command(made.commands[kind]))),
    el("section", {}, el("h3", {}, el("b", { textContent: "A new corpus" }), el("span", { textContent: "of the table; videos stay where they are" })), command(made.commands.corpus)),
    el("section", {}, el("h3", {}, el("b", { textContent: "Leave them out" }), el("span", { textContent: "of what generated videos are conditioned on" })), command(made.commands.without)));
  } catch (error) {
    body.replaceChildren(el("p", { class: "empty text", textContent: error.message }));
  }
}
