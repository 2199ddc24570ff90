// Writing: text by Enter, files by button, paste and drop. Drafts are kept for each room.

import { byId } from "../lib/dom.js";
import { prepare } from "../lib/files.js";
import { t } from "../lib/i18n.js";
import { roomTitle } from "../lib/names.js";
import { Completion } from "./completion.js";
import { textToSend } from "./messagerules.js";
import { notify } from "./notices.js";

const COUNT_FROM = 200; // characters left
const maxChars = Number(document.body.dataset.messageMax); // as the server is set

const isTouch = matchMedia("(hover: none) and (pointer: coarse)");

export class Composer {
  #store;
  #records;
  #outbox;
  #onSent;
  #text = byId("message-text");
  #error = byId("composer-error");
  #room = null;
  #replyTo = null; // the id of the message that is answered
  #typing;
  #completion;

  /** members() gives the open room's members. */
  constructor(store, records, outbox, typing, members, onSent) {
    this.#completion = new Completion(this.#text, members, store);
    this.#typing = typing;
    this.#store = store;
    this.#records = records;
    this.#outbox = outbox;
    this.#onSent = onSent;
    store.on("current", () => this.#switch());
    store.on("renamed", (renamed) => this.#rename(renamed));
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    const hint = () => (this.#text.enterKeyHint = isTouch.matches ? "enter" : "send");
    isTouch.addEventListener("change", hint);
    hint();
    this.#text.addEventListener("input", () => {
      this.#changed();
      if (this.#text.value.trim()) typing.tell();
    });
    this.#text.addEventListener("paste", (event) => this.#take(event, event.clipboardData));
    byId("reply-cancel").addEventListener("click", () => this.#unreply());
    this.#listenForFiles();
    this.#listenForDrops();
  }

  /** The next text replies to this message. */
  reply(message, name, text) {
    this.#replyTo = message.id;
    byId("reply-to").textContent = t("reply.to", { name, text });
    byId("reply-bar").hidden = false;
    this.focus();
  }

  #unreply() {
    const hadFocus = byId("reply-bar").contains(document.activeElement);
    this.#replyTo = null;
    byId("reply-bar").hidden = true;
    if (hadFocus) this.focus();
  }

  focus() {
    this.#text.focus();
  }

  /** Put a text that was not sent back under the user's hands. */
  edit(text) {
    this.#text.value = this.#text.value ? `${text}\n${this.#text.value}` : text;
    this.#changed();
    this.focus();
  }

  clear() {
    this.#room = null;
    this.#text.value = "";
    this.#fit();
  }

  /** Unsent text in a room. */
  draftOf(name) {
    return this.#drafts.get(name) ?? "";
  }

  get #drafts() {
    return new Map(this.#records.get("drafts") ?? []);
  }

  #switch() {
    this.#room = this.#store.current;
    this.#unreply();
    this.#error.textContent = "";
    this.#text.value = this.#drafts.get(this.#room) ?? "";
    this.#fit();
  }

  #rename(renamed) {
    this.#room = renamed.get(this.#room) ?? this.#room;
    this.#records.set("drafts", [...this.#drafts].map(([name, text]) => [renamed.get(name) ?? name, text]));
  }

  #changed() {
    this.#fit();
    if (this.#room === null) return;
    const drafts = this.#drafts;
    if (this.#text.value) drafts.set(this.#room, this.#text.value);
    else drafts.delete(this.#room);
    this.#records.set("drafts", [...drafts]);
  }

  #fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
    this.#showCount();
  }

  /** Characters as the server counts them; said when there is little room left. */
  #showCount() {
    const left = maxChars - [...this.#text.value.trim()].length;
    const key = left < 0 ? "composer.over" : "composer.left";
    const count = byId("composer-count");
    count.textContent = left > COUNT_FROM ? "" : t(key, { count: Math.abs(left) });
    count.classList.toggle("is-over", left < 0);
  }

  #key(event) {
    if (this.#completion.takes(event)) return;
    if (event.key === "Escape" && this.#replyTo !== null) return this.#unreply();
    // The keyboards of phones have no Shift + Enter: there Enter makes a line, and the button sends.
    if (isTouch.matches && !event.ctrlKey) return;
    // Enter that ends the choice of a Chinese character (an IME composition) is not meant for us.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    const text = textToSend(this.#text.value);
    if (!text || this.#room === null) return;
    const over = [...text].length - maxChars;
    this.#error.textContent = over > 0 ? t("composer.long", { count: over, most: maxChars }) : "";
    if (over > 0) return;
    this.#text.value = "";
    this.#changed();
    this.#outbox.sendText(this.#room, text, this.#replyTo);
    this.#unreply();
    this.#typing.sent();
    this.#onSent();
    this.focus();
  }

  #listenForFiles() {
    const input = byId("file-input");
    byId("pick-file").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.#sendFiles([...input.files]);
      input.value = "";
    });
  }

  #listenForDrops() {
    const pane = byId("conversation-pane");
    const hint = byId("drop-hint");
    const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    // Anywhere on the page: a browser would leave the chat to show a dropped file.
    document.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      hint.hidden = !pane.contains(/** @type {Node} */ (event.target)) || this.#room === null;
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) hint.hidden = true;
    });
    document.addEventListener("drop", (event) => {
      hint.hidden = true;
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (pane.contains(/** @type {Node} */ (event.target))) this.#sendFiles([...event.dataTransfer.files]);
    });
  }

  #take(event, data) {
    const files = [...(data?.files ?? [])];
    // Word processors put a picture of the text beside it: then the text is meant. A file manager puts the file's name,
    // as plain text only; a browser that copies a picture puts HTML only.
    const isText = data?.types.includes("text/plain") && /text\/(html|rtf)/.test(data.types.join(" "));
    if (files.length === 0 || isText) return;
    event.preventDefault();
    this.#sendFiles(files);
  }

  async #sendFiles(files) {
    const room = this.#room;
    if (room === null) return;
    this.#error.textContent = "";
    const { id } = this.#store.me;
    const title = roomTitle(this.#store.room);
    const send = (prepared) => {
      const isGone = this.#store.me?.id !== id || !this.#store.rooms.get(room)?.joined;
      if (isGone) throw new Error(t("files.lost", { name: prepared.name, room: title }));
      this.#outbox.sendFile(room, prepared);
      this.#onSent();
    };
    const tell = (words) => (byId("composer-status").textContent = words);
    const problems = await this.#outbox.keepUntil(prepare(files, send, tell));
    if (this.#room === room) this.#error.textContent = problems.join("\n");
    else if (problems.length > 0) notify(problems.join("\n"), "bad");
  }
}
