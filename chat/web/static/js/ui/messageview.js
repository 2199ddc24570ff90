// One message on the screen. Made once; later only what changes is touched.

import { el, focusedIn, icon } from "../lib/dom.js";
import { clockTime, colourOf, fileSize, fullTime, initials } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { fullName, nameNode } from "../lib/names.js";
import { formatted, isOnlyEmoji } from "./formatting.js";
import { editor } from "./messageeditor.js";

const ACCEPTED = "我已经同意你的好友请求，可以开始聊天了"; // how ims's document has every direct conversation begin
const PICTURE_MAX_HEIGHT = 260;
const PICTURE_MIN_HEIGHT = 40; // tiny ones are enlarged, to be seen and hit
const NARROWEST = 0.6; // of a picture's width to its height; the rest is cropped in the bubble
const WIDEST = 4;
const FOLD_LINES = 30;
const LINE_CHARS = 60; // of a wide bubble
const isNarrow = matchMedia("(max-width: 47.5em)");
const WIDE = /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE4F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}]/gu;

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

const faceOf = ({ name, user, avatar }) => `${name}\n${user}\n${avatar}`;

/** How many lines a text needs, roughly; Chinese characters are twice as wide as others. */
function linesOf(text) {
  const fits = isNarrow.matches ? LINE_CHARS / 2 : LINE_CHARS;
  const width = (line) => line.length + (line.match(WIDE)?.length ?? 0);
  return text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(width(line) / fits)), 0);
}

/** A view is what conversation.js makes of a stored or pending message. actions: enlarge, retry, edit, discard. */
export class MessageView {
  #state = el("div", { class: "state", "aria-live": "off" });
  #time = el("time", { class: "when" });
  #byline = el("p", { class: "byline" });
  #quote = el("div", { class: "quote-line" });
  #reactions = el("div", { class: "reactions", "aria-live": "off" });
  #shown = "";
  #about = ""; // of the reactions, as drawn
  #said = ""; // the text, as drawn
  #avatar;
  #face = ""; // the picture and the name, as drawn
  #row;
  #editor = null;
  #view = null;
  #actions;

  constructor(view, actions) {
    this.#actions = actions;
    this.#said = view.text;
    this.#row = el("div", { class: "bubble-row" }, this.#bubble(view), this.#time);
    this.#avatar = view.isMine ? null : avatarNode(view.name, view.user, view.avatar);
    this.#face = faceOf(view);
    this.node = el(
      "div",
      { class: view.isMine ? "message mine" : "message", "data-key": view.key },
      this.#avatar,
      el(
        "div",
        { class: "message-main" },
        this.#byline,
        this.#quote,
        this.#row,
        this.#reactions,
        this.#state,
      ),
    );
  }

  update(view, isGrouped) {
    this.node.classList.toggle("grouped", isGrouped);
    this.node.classList.toggle("names-me", !view.isMine && (view.mentionsAll || this.#actions.isMe(view.mentions ?? [])));
    this.node.dataset.state = view.state ?? "stored";
    this.#byline.classList.toggle("hidden-text", isGrouped);
    const byline = view.isMine ? t("message.you") : nameNode(view.name, view.user, view.userId, view);
    if (this.#byline.textContent !== (byline.textContent ?? byline)) this.#byline.replaceChildren(byline);
    this.#reface(view);
    this.#time.textContent = view.edited ? t("message.edited", { time: clockTime(view.date) }) : clockTime(view.date);
    this.#resay(view);
    this.#requote(view);
    this.#showReactions(view);
    this.#time.dateTime = view.date.toISOString();
    this.#time.title = fullTime(view.date);
    this.#relabel(view);
    this.#updateState(view);
  }

  /** The author's name or picture is another one. */
  #reface(view) {
    if (!this.#avatar || this.#face === faceOf(view)) return;
    this.#face = faceOf(view);
    const now = avatarNode(view.name, view.user, view.avatar);
    this.#avatar.replaceWith(now);
    this.#avatar = now;
  }

  #bubble(view) {
    if (view.type === "img") return this.#picture(view);
    if (view.type === "file") return el("div", { class: "bubble file" }, icon("file"), this.#file(view));
    return this.#text(view.text);
  }

  #text(text) {
    if (text === ACCEPTED) return el("div", { class: "bubble text" }, el("div", { class: "words accepted" }));
    const words = el("div", { class: isOnlyEmoji(text) ? "words emoji" : "words", dir: "auto" }, formatted(text));
    const bubble = el("div", { class: "bubble text" }, words);
    if (linesOf(text) <= FOLD_LINES) return bubble;
    words.classList.add("folded");
    bubble.append(el("button", { type: "button", class: "link unfold", "aria-expanded": "false", onclick: () => this.#fold() }));
    return bubble;
  }

  /** The text is another one. */
  #resay(view) {
    const isNewFile = view.type === "file" && view.url && this.#view && !this.#view.url; // it was on its way
    this.#view = view;
    if (isNewFile) return this.#row.replaceChild(this.#bubble(view), this.#row.firstChild);
    if (view.type !== "text" || view.text === this.#said || this.#editor) return;
    this.#said = view.text;
    this.#row.replaceChild(this.#bubble(view), this.#row.firstChild);
  }

  #requote(view) {
    const quoted = view.replyTo ? this.#actions.quoted(view) : null;
    const shown = quoted ? `${quoted.label}\n${quoted.author?.isTeacher}\n${quoted.text}` : "";
    if (this.#quote.dataset.shown === shown) return;
    this.#quote.dataset.shown = shown;
    if (!quoted) return this.#quote.replaceChildren();
    const label = t("message.jump", { name: quoted.label });
    const { author } = quoted;
    const name = author ? nameNode(author.name, author.user, author.userId, author) : quoted.label;
    const jump = el("button", { type: "button", class: "quote", title: label, onclick: () => this.#actions.jump(view.replyTo) },
      icon("reply"), el("span", { class: "quote-name" }, name), el("span", { class: "quote-text", dir: "auto" }, quoted.text));
    this.#quote.replaceChildren(jump);
  }

  #showReactions(view) {
    const kinds = Object.entries(view.reactions ?? {});
    const about = JSON.stringify(kinds.map(([emoji, users]) => [emoji, users.map(this.#actions.called), this.#actions.isMe(users)]));
    if (about === this.#about) return;
    this.#about = about;
    const focused = focusedIn(this.#reactions)?.dataset.emoji ?? null;
    this.#reactions.replaceChildren(...kinds.map(([emoji, users]) => this.#reaction(view, emoji, users)));
    if (focused) this.#reactions.querySelector(`[data-emoji="${CSS.escape(focused)}"]`)?.focus();
  }

  #reaction(view, emoji, users) {
    const isMine = this.#actions.isMe(users);
    const names = users.map(this.#actions.called).join(", ");
    const label = t("message.reaction", { emoji, names });
    const attributes = { "aria-pressed": String(isMine), "aria-label": label, title: names, "data-emoji": emoji };
    const toggle = () => this.#actions.react(view, emoji, !isMine);
    return el("button", { type: "button", class: "reaction", ...attributes, onclick: toggle }, emoji, el("span", {}, users.length));
  }

  /** Whether an editor with another text is open. */
  get isEdited() {
    return this.#editor?.isChanged() ?? false;
  }

  /** Let the text be edited in its place. save(text) may throw an error, whose text is shown. */
  edit(text, save) {
    if (this.#editor) return;
    const bubble = this.#row.firstChild;
    const close = () => {
      this.#editor = null;
      this.#row.replaceChild(bubble, this.#row.firstChild);
      this.#resay(this.#view); // it may have come while it was edited
      this.node.focus();
    };
    this.#editor = editor(text, save, close);
    this.#row.replaceChild(this.#editor.node, bubble);
    this.#editor.node.querySelector("textarea").focus();
    this.node.scrollIntoView({ block: "nearest" });
  }

  #fold() {
    const isFolded = this.node.querySelector(".words").classList.toggle("folded");
    const button = this.node.querySelector(".unfold");
    button.setAttribute("aria-expanded", String(!isFolded));
    button.textContent = t(isFolded ? "message.unfold" : "message.fold");
    if (isFolded) this.node.scrollIntoView({ block: "nearest" });
  }

  #file(view) {
    if (!view.file) return el("span", { class: "file-name" });
    const name = el("bdi", { class: "file-name" }, view.file.name);
    const hint = el("span", { class: "hint" });
    if (!view.url) return el("span", {}, name, hint); // on its way
    return el("a", { href: view.url, download: view.file.name }, name, hint);
  }

  #picture(view) {
    if (!view.url) return this.#gone();
    // With its size given, it keeps its place before it is decoded.
    const { width, height } = view.size ?? {};
    const ratio = width / height;
    const crop = ratio < NARROWEST ? "tall" : ratio > WIDEST ? "wide" : null;
    const shownRatio = Math.min(WIDEST, Math.max(NARROWEST, ratio));
    const shownHeight = Math.min(PICTURE_MAX_HEIGHT, Math.max(PICTURE_MIN_HEIGHT, height));
    const size = ratio ? { width: Math.round(shownHeight * shownRatio), height: Math.round(shownHeight) } : {};
    const image = el("img", { src: view.url, class: crop, decoding: "async", ...size });
    image.addEventListener("error", () => view.original && this.#row.replaceChild(this.#gone(), this.#row.firstChild));
    return el("button", { type: "button", class: "bubble picture", onclick: () => this.#actions.enlarge(view) }, image);
  }

  #gone() {
    return el("div", { class: "bubble gone" }, t("picture.gone"));
  }

  #relabel(view) {
    const name = view.isMine ? t("message.you") : fullName(view.name, view.user, view.userId, view.isAlike);
    const unfold = this.node.querySelector(".unfold");
    if (unfold) unfold.textContent = t(unfold.getAttribute("aria-expanded") === "true" ? "message.fold" : "message.unfold");
    const picture = this.node.querySelector(".picture");
    if (picture) {
      picture.setAttribute("aria-label", t("picture.enlarge", { name }));
      picture.firstChild.alt = t("picture.alt", { name });
    }
    if (view.type === "file") this.#relabelFile(view.file);
    const accepted = this.node.querySelector(".accepted");
    if (accepted) accepted.textContent = t("message.accepted");
    const gone = this.node.querySelector(".gone");
    if (gone) gone.textContent = t("picture.gone");
  }

  #relabelFile(file) {
    if (!file) {
      this.node.querySelector(".file-name").textContent = t("message.file");
      return;
    }
    const size = fileSize(file.bytes);
    this.node.querySelector(".file .hint").textContent = size;
    this.node.querySelector(".file a")?.setAttribute("aria-label", t("message.file.label", { name: file.name, size }));
  }

  #updateState(view) {
    const progress = Math.round((view.progress ?? 0) * 100);
    const isUploading = view.state === "sending" && view.type !== "text";
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
      const cancel = { type: "button", class: "link", onclick: () => this.#actions.discard(view) };
      this.#state.replaceChildren(
        el("progress", label), el("span", {}, t("message.uploading", { percent: progress })), el("button", cancel, t("dialog.cancel")),
      );
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
    return [el("span", {}, icon("alert"), " ", reason), ...actions.map(button)];
  }
}
