// Dialogs: made when opened, gone when closed. <dialog> keeps the focus in, and gives it back.

import { el, icon } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { fullName } from "../lib/names.js";

let count = 0;

// While a dialog is open, the browser's history has an entry {dialog: id} for it: going back closes it. Where a dialog
// leads to another one or to a room, that takes over the entry. The members, where they cover the room, have one too.
let isGoingBack = false; // from the entry of what was closed
let claimed = null; // [state, url] of the entry to make once that is done
let leaving = null; // the address to leave for once that is done

let isReloaded = history.state !== null; // the newest entries are of what a reload closed
if (isReloaded) stepBack();
globalThis.addEventListener("popstate", (event) => {
  if (isReloaded && history.state) {
    event.stopImmediatePropagation();
    return history.back();
  }
  isReloaded = false;
  if (isGoingBack) {
    isGoingBack = false;
    if (claimed) claimEntry(...claimed);
    claimed = null;
    if (leaving) location.assign(leaving);
    return;
  }
  const { dialog } = history.state ?? {};
  const nodes = [...document.querySelectorAll("dialog")];
  for (const node of nodes) if (node.dataset.id !== dialog) node.close();
  if (dialog && !nodes.some((node) => node.dataset.id === dialog)) stepBack(); // went forward to one that is closed
});

/** Make a new entry in the browser's history, in place of a dialog's if there is one. */
export function claimEntry(state, url) {
  if (isGoingBack) claimed = [state, url];
  else if (history.state?.dialog) history.replaceState(state, "", url);
  else history.pushState(state, "", url);
}

/** Load another page, after a dialog's entry is left: going back would stop it. */
export function leaveFor(url) {
  if (history.state?.dialog) leaving = url;
  else location.assign(url);
}

function leaveEntry(id) {
  if (isGoingBack && claimed?.[0]?.dialog === id) claimed = null;
  else if (history.state?.dialog === id) stepBack();
}

/** Leave the newest entry of the browser's history, as what it stands for is closed. */
export function stepBack() {
  isGoingBack = true;
  history.back();
}

/** Open a dialog with a title and nodes; gives {node, close}. isFirm: only its own buttons, Escape and Back close it.
 * room: the one that it is about. */
export function openDialog(title, nodes, { className = "", isFirm = false, room = null } = {}) {
  const id = `dialog-title-${++count}`;
  const label = { "aria-label": t("dialog.close"), title: t("dialog.close") };
  const close = el("button", { type: "button", class: "icon-button", ...label }, icon("close"));
  const head = el("header", { class: "dialog-head" }, el("h2", { id }, title), isFirm ? null : close);
  const node = el("dialog", { "aria-labelledby": id, class: className }, head, ...nodes);
  close.addEventListener("click", () => node.close());
  node.dataset.id = id;
  if (room) node.dataset.about = room.id;
  node.addEventListener("close", () => {
    node.remove();
    leaveEntry(id);
  });
  // A click outside closes it; the press must begin there too, so that selecting text does not close it.
  let pressed = null;
  node.addEventListener("pointerdown", (event) => (pressed = event.target));
  node.addEventListener("click", (event) => !isFirm && event.target === node && pressed === node && node.close());
  document.body.append(node);
  claimEntry({ dialog: id });
  node.showModal();
  return { node, close: () => node.close() };
}

/**
 * A label, its input, and a hint.
 * @param {string} name
 * @param {string} label
 * @param {Record<string, any>} attributes of the input, and `hint`
 */
export function field(name, label, { hint = null, ...attributes } = {}) {
  const id = `field-${name}`;
  const input = el("input", { id, name, "aria-describedby": hint && `${id}-hint`, ...attributes });
  const about = hint && el("p", { id: `${id}-hint`, class: "hint" }, hint);
  return el("div", { class: "field" }, el("label", { for: id }, label), input, about);
}

/**
 * A dialog that asks, and does. submit: {text, isDangerous}; act(values) may throw an error, whose text is shown in
 * the dialog, which then stays open; or give a function to call once the dialog is closed and has given back the focus.
 * cancel: the text of the button that only closes it; isFirm, room: as of openDialog.
 */
export function openForm(title, nodes, submit, act, { cancel: no = t("dialog.cancel"), isFirm = false, room = null } = {}) {
  const error = el("p", { class: "form-error", role: "alert" });
  const cancel = el("button", { type: "button", onclick: () => dialog.close() }, no);
  const go = el("button", { type: "submit", class: submit.isDangerous ? "danger" : "primary" }, submit.text);
  const form = el("form", { novalidate: true }, ...nodes, error, el("div", { class: "buttons" }, cancel, go));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (go.getAttribute("aria-disabled") === "true") return;
    go.setAttribute("aria-disabled", "true");
    error.textContent = "";
    try {
      const next = await act(Object.fromEntries(new FormData(form)));
      dialog.close();
      next?.();
    } catch (problem) {
      error.textContent = problem.message;
      (form.querySelector("input:not([type=radio])") ?? go).focus();
    } finally {
      go.removeAttribute("aria-disabled");
    }
  });
  const dialog = openDialog(title, [form], { isFirm, room });
  (form.querySelector("input:not([type=radio])") ?? cancel).focus();
  return dialog;
}

/** Ask before act(), in place of the button and those beside it: the dialog around them keeps its input. */
export function askInPlace(button, question, act) {
  const row = button.parentElement;
  const beside = [...row.childNodes];
  const back = () => {
    row.replaceChildren(...beside);
    button.focus();
  };
  const id = `question-${++count}`;
  const yes = () => {
    back();
    act();
  };
  const no = el("button", { type: "button", "aria-describedby": id, onclick: back }, t("dialog.cancel"));
  const go = el("button", { type: "button", class: "danger", onclick: yes }, button.textContent);
  row.replaceChildren(el("p", { id }, question), no, go);
  no.focus();
}

export function closeAllDialogs() {
  for (const node of document.querySelectorAll("dialog")) node.close();
}

/** The user is in this room no longer. */
export function closeDialogsAbout(room) {
  for (const node of document.querySelectorAll(`dialog[data-about="${room.id}"]`)) if (node instanceof HTMLDialogElement) node.close();
}

const LONG = 0.5; // width to height of a picture that is shown by its width, and scrolled

/** A picture as large as the window allows; a click shows it in its full size. */
export function openPicture(view) {
  const name = view.isMine ? t("message.you") : fullName(view.name, view.user, view.userId, view.isAlike);
  const title = t("picture.alt", { name });
  const address = view.original ?? view.url;
  const image = el("img", { src: address, alt: title });
  const zoom = el("button", { type: "button", class: "zoom", "aria-pressed": "false", "aria-label": t("picture.zoom") }, image);
  zoom.addEventListener("click", () => {
    const isZoomed = frame.classList.toggle("zoomed");
    zoom.setAttribute("aria-pressed", String(isZoomed));
  });
  const frame = el("div", { class: "frame" }, zoom);
  if (view.size && view.size.width / view.size.height < LONG) frame.classList.add("long");
  const original = el("a", { href: address, target: "_blank", rel: "noopener", class: "original" }, t("picture.original"));
  openDialog(title, [frame, original], { className: "viewer" });
}
