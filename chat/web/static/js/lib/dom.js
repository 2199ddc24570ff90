// Making nodes. Text goes in as text nodes only: nothing here, or anywhere else, parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * The element with an id, of any kind the template makes it.
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

/**
 * The elements below `root` that match, of any kind.
 * @param {string} selector
 * @param {ParentNode} root
 * @returns {any[]}
 */
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** The first of them. @returns {any} */
export const first = (selector, root = document) => root.querySelector(selector);

/** The element with focus, if it is in `root`. @returns {any} */
export const focusedIn = (root) => (root.contains(document.activeElement) ? document.activeElement : null);

/**
 * An element with attributes (on… are listeners, false and null are left out) and children (nodes or text).
 * @param {string} tag
 * @param {Record<string, any>} attributes
 * @returns {any}
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** Texts with dots between them, as nodes: one that is written from the right does not change the order of the others. */
export const isolated = (texts) => texts.flatMap((text, index) => (index === 0 ? [el("bdi", {}, text)] : [" · ", el("bdi", {}, text)]));

/** One of the page's icons, hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Make parent's children exactly these, moving as little as possible (focus and scrolling stay). */
export function setChildren(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  let next = parent.firstChild;
  for (const node of nodes) {
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
  }
}
