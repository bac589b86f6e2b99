// Elements from data: text is only ever set as text, so that no caption can be markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element; `props` are properties, `data-…`, `aria-…` and handlers such as onclick. */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** An SVG element with attributes. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name.includes("-") || name === "for" || name === "role") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Text from elsewhere: in its own direction, and never wider than its place. */
export const text = (value, tag = "span") => el(tag, { class: "text", textContent: value ?? "" });

const plain = new Intl.NumberFormat("en");
export const count = (number) => plain.format(number);
export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** Seconds as 0:07 or 1:02:03. */
export function clock(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.floor(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A value of any column, short. */
export function show(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? plain.format(value) : String(+value.toPrecision(6));
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A function that runs once nobody has called it for a while. */
export function settle(run, ms) {
  let timer;
  return (...args) => { clearTimeout(timer); timer = setTimeout(() => run(...args), ms); };
}

/** Copies text, and says so on the button for a moment. */
export function copyButton(value, label = "Copy") {
  const button = el("button", { class: "plain", type: "button", textContent: label });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(value());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}

/** A command line with a button that copies it. */
export function command(line) {
  return el("div", { class: "command" }, el("code", { textContent: line }), copyButton(() => line));
}
