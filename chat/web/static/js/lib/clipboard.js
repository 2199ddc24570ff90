// Copying text, also on pages by plain http, which have no clipboard.

import { el } from "./dom.js";

/** near: a node of the same dialog, if one is open: text outside of it cannot be selected. */
export async function copyText(text, near = document.body) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { readonly: true, class: "copy-area" });
    area.value = text;
    const { activeElement } = document;
    near.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    if (activeElement instanceof HTMLElement) activeElement.focus({ preventScroll: true }); // the keyboard's place
  }
}
