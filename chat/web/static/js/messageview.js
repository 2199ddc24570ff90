// One message on the screen. Made once; later only what changes is touched.

import { el, icon } from "./dom.js";
import { clockTime, colourOf, fullTime, initials } from "./format.js";
import { t } from "./i18n.js";
import { linkify } from "./linkify.js";

const PICTURE_MAX_HEIGHT = 260;

/** The round picture of a person: their own, or the letters of their name. */
export function avatarNode(name, user, source = null) {
  const node = el("span", { class: "avatar", "aria-hidden": "true", "data-colour": colourOf(user) });
  if (source) node.append(el("img", { src: source, alt: "" }));
  else node.append(initials(name));
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
    this.#byline.textContent = view.isMine ? t("message.you") : view.name;
    this.#byline.title = view.user;
    this.#time.textContent = clockTime(view.date);
    this.#time.dateTime = view.date.toISOString();
    this.#time.title = fullTime(view.date);
    this.#relabel(view);
    this.#updateState(view);
  }

  #bubble(view) {
    if (view.type === "img") return this.#picture(view);
    if (view.type === "file") return el("div", { class: "bubble" }, icon("file"), " ", this.#file(view));
    return el("div", { class: "bubble text", dir: "auto" }, linkify(view.text));
  }

  #file(view) {
    if (!view.url) return el("span", { class: "file" });
    return el("a", { href: view.url, target: "_blank", rel: "noopener", class: "file" });
  }

  #picture(view) {
    if (!view.url) return el("div", { class: "bubble gone" });
    // With its size given, it keeps its place before it is decoded.
    const { width, height } = view.size ?? {};
    const scale = Math.min(1, PICTURE_MAX_HEIGHT / height);
    const size = width && height ? { width: Math.round(width * scale), height: Math.round(height * scale) } : {};
    const image = el("img", { src: view.url, ...size });
    return el("button", { type: "button", class: "bubble picture", onclick: () => this.#actions.enlarge(view) }, image);
  }

  #relabel(view) {
    const name = view.isMine ? t("message.you") : view.name;
    const picture = this.node.querySelector(".picture");
    if (picture) {
      picture.setAttribute("aria-label", t("picture.enlarge", { name }));
      picture.firstChild.alt = t("picture.alt", { name });
    }
    const file = this.node.querySelector(".file");
    if (file) file.textContent = t("message.file");
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
