// One message on the screen. Made once; later only what changes is touched.

import { el, icon } from "./dom.js";
import { clockTime, colourOf, fullTime, initials } from "./format.js";
import { t } from "./i18n.js";
import { linkify } from "./linkify.js";
import { fullName, nameNode } from "./names.js";

const ACCEPTED = "我已经同意你的好友请求，可以开始聊天了"; // how ims's document has every direct conversation begin
const PICTURE_MAX_HEIGHT = 260;
const NARROWEST = 0.6; // of a picture's width to its height; the rest is cropped in the bubble
const WIDEST = 4;
const FOLD_LINES = 30;
const LINE_CHARS = 60;

/** The round picture of a person: their own, or the letters of their name. */
export function avatarNode(name, user, source = null) {
  const node = el("span", { class: "avatar", "aria-hidden": "true", "data-colour": colourOf(user) });
  if (source) {
    // Another picture has another address: the old one is gone by then.
    const image = el("img", { src: source, alt: "", onerror: () => node.replaceChildren(initials(name)) });
    node.append(image);
  } else node.append(initials(name));
  return node;
}

/** A view is what conversation.js makes of a stored or pending message. actions: enlarge, retry, edit, discard. */
export class MessageView {
  #state = el("div", { class: "state", "aria-live": "off" });
  #time = el("time", { class: "when" });
  #byline = el("p", { class: "byline" });
  #shown = "";
  #actions;

  constructor(view, actions) {
    this.#actions = actions;
    this.node = el(
      "div",
      { class: view.isMine ? "message mine" : "message", "data-key": view.key },
      view.isMine ? null : avatarNode(view.name, view.user, view.avatar),
      el(
        "div",
        { class: "message-main" },
        this.#byline,
        el("div", { class: "bubble-row" }, this.#bubble(view), this.#time),
        this.#state,
      ),
    );
  }

  update(view, isGrouped) {
    this.node.classList.toggle("grouped", isGrouped);
    this.node.dataset.state = view.state ?? "stored";
    this.#byline.classList.toggle("hidden-text", isGrouped);
    const byline = view.isMine ? t("message.you") : fullName(view.name, view.user, view.userId);
    if (this.#byline.textContent !== byline) {
      this.#byline.replaceChildren(view.isMine ? byline : nameNode(view.name, view.user, view.userId));
    }
    this.#time.textContent = clockTime(view.date);
    this.#time.dateTime = view.date.toISOString();
    this.#time.title = fullTime(view.date);
    this.#relabel(view);
    this.#updateState(view);
  }

  #bubble(view) {
    if (view.type === "img") return this.#picture(view);
    if (view.type === "file") return el("div", { class: "bubble" }, icon("file"), " ", this.#file(view));
    return this.#text(view.text);
  }

  #text(text) {
    if (text === ACCEPTED) return el("div", { class: "bubble text" }, el("div", { class: "words accepted" }));
    const words = el("div", { class: "words", dir: "auto" }, linkify(text));
    const bubble = el("div", { class: "bubble text" }, words);
    const lines = text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / LINE_CHARS)), 0);
    if (lines <= FOLD_LINES) return bubble;
    words.classList.add("folded");
    bubble.append(el("button", { type: "button", class: "link unfold", "aria-expanded": "false", onclick: () => this.#fold() }));
    return bubble;
  }

  #fold() {
    const isFolded = this.node.querySelector(".words").classList.toggle("folded");
    const button = this.node.querySelector(".unfold");
    button.setAttribute("aria-expanded", String(!isFolded));
    button.textContent = t(isFolded ? "message.unfold" : "message.fold");
    if (isFolded) this.node.scrollIntoView({ block: "nearest" });
  }

  #file(view) {
    if (!view.url) return el("span", { class: "file" });
    return el("a", { href: view.url, target: "_blank", rel: "noopener", class: "file" });
  }

  #picture(view) {
    if (!view.url) return el("div", { class: "bubble gone" });
    // With its size given, it keeps its place before it is decoded.
    const { width, height } = view.size ?? {};
    const ratio = width / height;
    const crop = ratio < NARROWEST ? "tall" : ratio > WIDEST ? "wide" : null;
    const shownRatio = Math.min(WIDEST, Math.max(NARROWEST, ratio));
    const shownHeight = Math.min(PICTURE_MAX_HEIGHT, height);
    const size = ratio ? { width: Math.round(shownHeight * shownRatio), height: Math.round(shownHeight) } : {};
    const image = el("img", { src: view.url, class: crop, ...size });
    return el("button", { type: "button", class: "bubble picture", onclick: () => this.#actions.enlarge(view) }, image);
  }

  #relabel(view) {
    const name = view.isMine ? t("message.you") : fullName(view.name, view.user, view.userId);
    const unfold = this.node.querySelector(".unfold");
    if (unfold) unfold.textContent = t(unfold.getAttribute("aria-expanded") === "true" ? "message.fold" : "message.unfold");
    const picture = this.node.querySelector(".picture");
    if (picture) {
      picture.setAttribute("aria-label", t("picture.enlarge", { name }));
      picture.firstChild.alt = t("picture.alt", { name });
    }
    const file = this.node.querySelector(".file");
    if (file) file.textContent = t("message.file");
    const accepted = this.node.querySelector(".accepted");
    if (accepted) accepted.textContent = t("message.accepted");
    const gone = this.node.querySelector(".gone");
    if (gone) gone.textContent = t("picture.gone");
  }

  #updateState(view) {
    const progress = Math.round((view.progress ?? 0) * 100);
    const isUploading = view.state === "sending" && view.type === "img";
    const bar = this.#state.querySelector("progress");
    if (isUploading && bar) {
      bar.value = progress;
      bar.nextSibling.textContent = t("message.uploading", { percent: progress });
      return;
    }
    const shown = `${t("message.sent")} ${view.state} ${view.error}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (isUploading) {
      const label = { max: 100, value: progress, "aria-label": t("message.progress") };
      this.#state.replaceChildren(el("progress", label), el("span", {}, t("message.uploading", { percent: progress })));
    } else this.#state.replaceChildren(...this.#stateNodes(view));
  }

  #stateNodes(view) {
    if (view.state === "sending") return [icon("clock"), t("message.sending")];
    if (view.state === "sent") return [icon("check"), t("message.sent")];
    if (view.state !== "failed") return [];
    const isNetwork = view.isNetwork;
    const reason = isNetwork ? t("message.failed.network") : `${t("message.failed")}: ${view.error}`;
    const button = (action) =>
      el("button", { type: "button", class: "link", onclick: () => this.#actions[action](view) }, t(`message.${action}`));
    const actions = view.type === "text" ? ["retry", "edit", "discard"] : ["retry", "discard"];
    return [icon("alert"), el("span", {}, reason), ...actions.map(button)];
  }
}
