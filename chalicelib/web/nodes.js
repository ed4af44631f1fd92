// Nodes of the page: whatever comes from outside becomes text and attributes, never markup.

export const byId = (id) => document.getElementById(id);

const fill = (node, attributes, children) => {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === undefined || value === null) continue;
    if (typeof value === "function") node.addEventListener(key, value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
};
export const element = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
export const drawn = (name, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

// Leads to the web, and never runs anything.
export const link = (href, text, key) =>
  /^https?:\/\//.test(href) ? element("a", { href, target: "_blank", rel: "noreferrer", "data-key": key }, text) : element("span", {}, text);

export const painted = new Map(); // node -> what it shows, as text

// Draws a part of the page anew if it has changed; what had the keyboard and what was open stay so.
export const paint = (node, content, make) => {
  const text = JSON.stringify(content);
  if (painted.get(node) === text) return;
  painted.set(node, text);
  const held = node.contains(document.activeElement) ? document.activeElement.dataset.key ?? "" : undefined;
  const open = new Set([...node.querySelectorAll("details[open]")].map((one) => one.dataset.key));
  node.replaceChildren(...[make()].flat(9).filter(Boolean));
  for (const one of node.querySelectorAll("details")) if (open.has(one.dataset.key)) one.open = true;
  if (held === undefined) return;
  const same = [...node.querySelectorAll("[data-key]")].find((one) => one.dataset.key === held);
  if (!same) node.tabIndex = -1;
  (same ?? node).focus({ preventScroll: true });
};

const STATUS = { red: "In trouble", amber: "Needs a look", grey: "Not known", green: "Well" };
const SHAPES = {
  red: ["M5.2 1h5.6L15 5.2v5.6L10.8 15H5.2L1 10.8V5.2z", "M8 4.4v4.4M8 11.2v.4"],
  amber: ["M8 1.2 15.4 14.4H.6z", "M8 5.8v4M8 12v.4"],
  grey: ["M8 1.2A6.8 6.8 0 1 0 8 14.8 6.8 6.8 0 1 0 8 1.2z", "M6 6.4a2 2 0 1 1 2.6 1.9q-.6.3-.6 1.2M8 11.8v.2"],
  green: ["M8 1A7 7 0 1 0 8 15 7 7 0 1 0 8 1z", "M4.8 8.3l2.2 2.2 4.2-4.6"],
};
export const shape = (colour) =>
  drawn(
    "svg",
    { viewBox: "0 0 16 16", class: `shape is-${colour}`, "aria-hidden": "true" },
    drawn("path", { class: "shape-ground", d: SHAPES[colour][0] }),
    drawn("path", { class: "shape-mark", d: SHAPES[colour][1] }),
  );
export const status = (colour, word = STATUS[colour]) => element("span", { class: `status is-${colour}` }, shape(colour), word);

