// Equations, as MathML that the server makes of LaTeX. All by nodes; until it is there, and where it fails, the LaTeX shows.

import { api } from "../core/api.js";
import { el } from "../lib/dom.js";
import { sha256 } from "../lib/sha256.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";
const MOST_CHARS = 1000; // as the server takes
const MOST_KEPT = 300;
const trees = new Map(); // promises of the server's trees, by LaTeX

/** A node for an equation. isBlock: it stands on lines of its own. */
export function equation(tex, { isBlock = false } = {}) {
  const node = el(isBlock ? "div" : "span", { class: "equation", dir: "ltr", tabindex: isBlock && "0" }, el("code", {}, tex));
  if (tex.length <= MOST_CHARS) {
    treeOf(tex).then(
      (tree) => {
        const math = build(tree);
        math.setAttribute("alttext", tex);
        if (isBlock) math.setAttribute("display", "block");
        node.replaceChildren(math);
        node.dispatchEvent(new Event("grown", { bubbles: true }));
      },
      () => node.classList.add("not-set"),
    );
  }
  return node;
}

function treeOf(tex) {
  if (!trees.has(tex)) {
    const asked = api.equation(sha256(tex), tex).then(({ mathml }) => mathml);
    asked.catch((error) => error.isPassing && trees.delete(tex));
    trees.set(tex, asked);
    if (trees.size > MOST_KEPT) trees.delete(trees.keys().next().value);
  }
  return trees.get(tex);
}

function build([name, attributes, ...children]) {
  const node = document.createElementNS(MATHML, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.map((child) => (typeof child === "string" ? child : build(child))));
  return node;
}
