// Short words about what happened: shown for a while, and read out.

import { byId, el } from "../lib/dom.js";

const SHOWN_MS = 5000;

/** kind: "good", "bad", or "quiet" (only read out). It takes the place of an earlier one with the same text. */
export function notify(text, kind = "good") {
  for (const old of [...byId("notices").children]) if (old.textContent === text) old.remove();
  const node = el("div", { class: `notice ${kind}` }, text);
  byId("notices").append(node);
  setTimeout(() => node.remove(), SHOWN_MS);
}
