// What is not as it should be, in plain words, above everything else.
import { el } from "./dom.js";

const shown = new Map();

/** Shows a notice under a key, in place of the one before; null takes it away. */
export function notify(key, message, bad = false, action = null) {
  if (!message) shown.delete(key);
  else shown.set(key, { message, bad, action });
  const rows = [...shown].map(([each, { message: words, bad: wrong, action: act }]) => el("p", { class: wrong ? "notice bad" : "notice", "data-notice": each },
    el("span", { class: "text" }, ...parts(words)),
    act ?? el("button", { class: "link", type: "button", textContent: "dismiss", onclick: () => notify(each, null) })));
  document.getElementById("notices").replaceChildren(...rows);
}

/** The text with what stands between backticks as code. */
export function parts(words) {
  return words.split("`").map((part, n) => (n % 2 ? el("code", { textContent: part }) : part));
}
