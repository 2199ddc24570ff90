// Actions on a message: tools on hover and focus, and a sheet on a long press. One set of tools serves all messages, so
// they add no cost per message.

import { el, icon } from "../lib/dom.js";
import { onLanguage, t } from "../lib/i18n.js";
import { openDialog } from "./dialogs.js";

const LONG_PRESS_MS = 450;
const MOVED_PX = 10;
const EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "✅", "❓", "👀", "👏", "🔥", "💡", "🤔", "👎", "💯"];
const ICONS = { reply: "reply", seen: "eye", edit: "pencil", remove: "bin", pin: "pin" };

export class MessageTools {
  #log;
  #actions;
  #node = el("div", { class: "message-tools", role: "toolbar" });
  #shown = null; // the message's node that has the tools
  #entry = null; // the message's node that Tab leads to
  #removed = null; // {key, hadFocus}: the message that it was, until the end of this task
  #press = null;

  /** actions: find(node) returns the message, or null without actions; offers(message) lists possible actions:
   * "react", "reply", "seen", "pin", "edit", "remove"; react(message, emoji); the others take the message only. */
  constructor(log, actions) {
    this.#log = log;
    this.#actions = actions;
    log.addEventListener("pointerover", (event) => this.#hovered(event));
    log.addEventListener("pointerleave", () => !this.#node.contains(document.activeElement) && !this.#isByKeyboard && this.#hide());
    log.addEventListener("focusin", (event) => this.#focused(event.target));
    log.addEventListener("keydown", (event) => this.#key(event));
    log.addEventListener("pointerdown", (event) => this.#pressed(event));
    for (const end of ["pointerup", "pointercancel", "scroll"]) log.addEventListener(end, () => this.#release(), { passive: true });
    log.addEventListener("pointermove", (event) => this.#moved(event), { passive: true });
    log.addEventListener("contextmenu", (event) => this.#press?.isDone && event.preventDefault());
    onLanguage(() => this.#hide());
  }

  /** Tab leads to this message; the arrows lead on from there. */
  #enterAt(node) {
    if (this.#entry === node) return;
    this.#entry?.removeAttribute("tabindex");
    this.#entry = node;
    node?.setAttribute("tabindex", "0");
  }

  /** If the message with the focus, or that Tab leads to, was removed, Tab leads to its neighbour. before: the rows as they stood. */
  leaveRemoved(before, rows, focused) {
    const stored = rows.get(this.#removed?.key)?.view.node; // a sent message is removed, and drawn again as it is stored
    if (stored) this.#enterAt(stored);
    if (stored && this.#removed.hadFocus) stored.focus({ preventScroll: true });
    const removed = [focused, this.#entry].find((node) => node && !node.isConnected);
    if (!removed) return;
    this.#removed ??= { key: removed.dataset.key, hadFocus: removed === focused };
    queueMicrotask(() => (this.#removed = null));
    const nodes = [...before.values()].map(({ view }) => view.node);
    const at = nodes.indexOf(removed); // -1: of another room
    const beside = at < 0 ? [] : [...nodes.slice(at), ...nodes.slice(0, at).reverse()];
    this.#enterAt(beside.find((node) => node.isConnected) ?? null);
  }

  /** The element with the focus was removed: focus its message, or what stands in that message's place. */
  refocus(focused) {
    if (focused?.isConnected) this.#enterAt(focused);
    (this.#entry ?? this.#log).focus({ preventScroll: true });
  }

  #show(node) {
    if (node === this.#shown && this.#node.isConnected) return;
    this.#hide();
    const message = node && this.#actions.find(node);
    if (!message) return;
    this.#shown = node;
    node.classList.add("has-tools");
    this.#node.setAttribute("aria-label", t("tools.label"));
    this.#fill(node);
    node.querySelector(".message-main").append(this.#node);
  }

  get #isByKeyboard() {
    return Boolean(this.#shown?.matches(":focus-visible") || this.#node.querySelector(":focus-visible"));
  }

  /** Not while the keyboard is used: messages also move below a pointer that rests. */
  #hovered(event) {
    if (event.pointerType === "mouse" && !this.#isByKeyboard) this.#show(messageAt(event.target));
  }

  #fill(node) {
    const act = (name) => () => {
      const message = this.#actions.find(node);
      if (!message) return this.#hide();
      if (name === "react") return this.#choose(node);
      focus(node); // a dialog gives the focus back to it, when the tools are gone
      this.#hide();
      this.#actions[name](message);
    };
    const names = this.#actions.offers(this.#actions.find(node));
    this.#node.replaceChildren(...names.map((name) => iconButton(name, t(`tools.${name}`), act(name))));
  }

  #choose(node) {
    const react = (emoji) => () => {
      const message = this.#actions.find(node);
      this.#hide();
      if (message) this.#actions.react(message, emoji);
      focus(node);
    };
    this.#node.replaceChildren(el("div", { class: "emoji-grid" }, EMOJI.map((emoji) => emojiButton(emoji, react(emoji)))));
    this.#node.querySelector("button").focus();
  }

  #hide() {
    this.#shown?.classList.remove("has-tools");
    this.#shown = null;
    this.#node.remove();
  }

  #focused(target) {
    // Not as messages come: a new one is to change no other.
    if (target === this.#log) this.#enterAt([...this.#log.children].findLast((child) => child.classList.contains("message")));
    const node = messageAt(target);
    if (target === node) this.#enterAt(node);
    if (node && target.matches(":focus-visible")) this.#show(node);
  }

  #key(event) {
    const node = messageAt(event.target);
    if (!node || event.target.closest("textarea")) return;
    if (event.key === "Escape" && this.#shown) {
      event.preventDefault();
      this.#hide();
      node.focus();
      this.#show(node);
    }
    if (event.target !== node || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    const next = beside(node, event.key === "ArrowUp" ? "previousElementSibling" : "nextElementSibling");
    if (!next) return;
    event.preventDefault();
    this.#enterAt(next);
    next.focus();
  }

  #pressed(event) {
    const node = event.pointerType === "mouse" ? null : messageAt(event.target);
    this.#release();
    if (!node || event.target.closest("textarea")) return;
    const press = { x: event.clientX, y: event.clientY, isDone: false };
    press.timer = setTimeout(() => {
      press.isDone = true;
      this.#openSheet(node);
    }, LONG_PRESS_MS);
    this.#press = press;
  }

  #moved(event) {
    const press = this.#press;
    if (press && Math.hypot(event.clientX - press.x, event.clientY - press.y) > MOVED_PX) this.#release();
  }

  #release() {
    clearTimeout(this.#press?.timer);
    if (!this.#press?.isDone) this.#press = null;
  }

  #openSheet(node) {
    const message = this.#actions.find(node);
    if (!message) return;
    const close = (act) => () => {
      dialog.close();
      act();
    };
    const names = this.#actions.offers(message);
    const emoji = EMOJI.map((each) => emojiButton(each, close(() => this.#actions.react(message, each))));
    const rest = names.filter((name) => name !== "react").map((name) =>
      el("button", { type: "button", class: name === "remove" ? "danger" : null, onclick: close(() => this.#actions[name](message)) },
        icon(ICONS[name]), " ", t(`tools.${name}`)));
    const nodes = [names.includes("react") ? el("div", { class: "emoji-grid" }, emoji) : null, el("div", { class: "sheet-actions" }, rest)];
    const dialog = openDialog(t("tools.label"), nodes.filter(Boolean), { className: "sheet" });
    dialog.node.addEventListener("close", () => (this.#press = null));
  }
}

/** @returns {HTMLElement | null} */
const messageAt = (target) => (target instanceof Element ? target.closest(".message") : null);

function focus(node) {
  if (!node.hasAttribute("tabindex")) node.tabIndex = -1;
  node.focus({ preventScroll: true });
}

function beside(node, way) {
  let next = node[way];
  while (next && !next.classList.contains("message")) next = next[way];
  return next;
}

function iconButton(name, label, onclick) {
  const about = { "aria-label": label, title: label };
  return el("button", { type: "button", class: "icon-button", ...about, onclick }, icon(ICONS[name] ?? "smile"));
}

const emojiButton = (emoji, onclick) =>
  el("button", { type: "button", class: "emoji-button", "aria-label": t("tools.with", { emoji }), onclick }, emoji);
