// Writing: text by Enter, pictures by button, paste and drop. Drafts are kept for each room.

import { byId } from "./dom.js";
import { measure, readPicture, sniff } from "./pictures.js";
import { tab } from "./storage.js";

const MAX_PICTURES = 10;

export class Composer {
  #store;
  #outbox;
  #onSent;
  #text = byId("message-text");
  #error = byId("composer-error");
  #room = null;

  constructor(store, outbox, onSent) {
    this.#store = store;
    this.#outbox = outbox;
    this.#onSent = onSent;
    store.on("current", () => this.#switch());
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("paste", (event) => this.#take(event, event.clipboardData));
    this.#listenForFiles();
    this.#listenForDrops();
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

  get #draftKey() {
    return `commonroom.draft.${this.#store.me?.username}.${this.#room}`;
  }

  #switch() {
    this.#room = this.#store.current;
    this.#error.textContent = "";
    this.#text.value = (this.#room !== null && tab.get(this.#draftKey)) || "";
    this.#fit();
  }

  #changed() {
    this.#fit();
    if (this.#room === null) return;
    if (this.#text.value) tab.set(this.#draftKey, this.#text.value);
    else tab.remove(this.#draftKey);
  }

  #fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
  }

  #key(event) {
    // Enter that ends the choice of a Chinese character (an IME composition) is not meant for us.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    const text = this.#text.value.replace(/^\s*\n|\s+$/g, "");
    if (!text || this.#room === null) return;
    this.#error.textContent = "";
    this.#text.value = "";
    this.#changed();
    this.#outbox.sendText(this.#room, text);
    this.#onSent();
    this.focus();
  }

  #listenForFiles() {
    const input = byId("picture-file");
    byId("pick-picture").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.#sendPictures([...input.files]);
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
      hint.hidden = !pane.contains(event.target) || this.#room === null;
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) hint.hidden = true;
    });
    document.addEventListener("drop", (event) => {
      hint.hidden = true;
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (pane.contains(event.target)) this.#sendPictures([...event.dataTransfer.files]);
    });
  }

  #take(event, data) {
    const files = [...(data?.files ?? [])];
    // Word processors put a picture of the text beside the text: then the text is meant.
    if (files.length === 0 || data.types.includes("text/plain")) return;
    event.preventDefault();
    this.#sendPictures(files);
  }

  async #sendPictures(files) {
    const room = this.#room;
    if (room === null) return;
    this.#error.textContent = "";
    for (const file of files.slice(0, MAX_PICTURES)) {
      try {
        const base64 = await readPicture(file);
        const url = URL.createObjectURL(new Blob([file], { type: sniff(base64) }));
        this.#outbox.sendPicture(room, base64, url, await measure(url));
        this.#onSent();
      } catch (error) {
        this.#error.textContent = error.message;
      }
    }
  }
}
