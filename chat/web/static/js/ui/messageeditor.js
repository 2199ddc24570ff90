// Editing a message in its place.

import { el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { askBeforeLeaving } from "../lib/unsaved.js";
import { textToSend } from "./messagerules.js";

/** {node, isChanged()}: a small form for the text. save(text) may throw an error, whose text is shown; close() is called when it is done. */
export function editor(text, save, close) {
  const area = el("textarea", { rows: Math.min(10, text.split("\n").length), "aria-label": t("message.edit") });
  const error = el("p", { class: "form-error", role: "alert" });
  const cancel = el("button", { type: "button", onclick: close }, t("dialog.cancel"));
  const done = el("button", { type: "submit", class: "primary" }, t("message.save"));
  const form = el("form", { class: "bubble editor" }, area, error, el("div", { class: "buttons" }, cancel, done));
  area.value = text;
  const before = textToSend(area.value); // with the field's line ends; programs also send blanks around a text
  const isChanged = () => textToSend(area.value) !== before;
  askBeforeLeaving(form, isChanged);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const now = textToSend(area.value);
    if (!isChanged() || now === "") return close();
    done.disabled = true;
    try {
      await save(now);
      close();
    } catch (problem) {
      error.textContent = problem.message;
      done.disabled = false;
      area.focus();
    }
  });
  area.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === "Enter" && !event.shiftKey && !matchMedia("(hover: none) and (pointer: coarse)").matches) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  return { node: form, isChanged };
}
