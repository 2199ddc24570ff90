// Unsent messages: shown immediately, sent in order, kept across reloads, retried under the same id.

import { api } from "./api.js";
import { newId } from "./tabs.js";

const AUTO_RETRIES = 20;
const BUSY_MAX_S = 30;

export class Outbox {
  #store;
  #records;
  #onSignedOut;
  #queues = new Map(); // room name → promise of its last sending, so that messages arrive in order

  constructor(store, records, onSignedOut) {
    this.#store = store;
    this.#records = records;
    this.#onSignedOut = onSignedOut;
    store.on("pending", () => this.#save());
    // Texts are kept over a reload, pictures are too large for that.
    globalThis.addEventListener("beforeunload", (event) => {
      if (this.unsent.some((pending) => pending.type === "img")) event.preventDefault();
    });
  }

  /** Messages that the server does not have yet. */
  get unsent() {
    return [...this.#store.pending.values()].filter((pending) => pending.state !== "sent");
  }

  /** Texts that a reload interrupted: their ids make sending them again harmless. */
  restore() {
    for (const kept of this.#records.get("outbox") ?? []) {
      if (this.#store.pending.has(kept.id)) continue;
      this.#store.addPending({ ...kept, createdAt: new Date(kept.createdAt), url: null });
      if (kept.state === "sending") this.#enqueue(kept.id);
    }
  }

  /** replyTo: the id of the message that it answers, or null. */
  sendText(room, text, replyTo = null) {
    this.#add({ room, type: "text", text, replyTo, url: null });
  }

  /** base64 goes to the server, url (a blob URL of the same picture) to the screen. */
  sendPicture(room, base64, url, size) {
    this.#add({ room, type: "img", text: "", base64, url, size, progress: 0 });
  }

  retry(id) {
    this.#store.updatePending(id, { state: "sending", error: null, isPassing: false, tries: 0, progress: 0 });
    this.#enqueue(id);
  }

  /** The server answers: what failed for the lack of it, at least so long ago, goes out now. */
  retryPassing(olderThanMs = 0) {
    for (const pending of [...this.#store.pending.values()]) {
      if (pending.state !== "failed" || !pending.isPassing || pending.tries >= AUTO_RETRIES) continue;
      if (Date.now() - pending.failedAt < olderThanMs) continue;
      this.#store.updatePending(pending.id, { state: "sending", error: null });
      this.#enqueue(pending.id);
    }
  }

  /** A pull begun at `since` returned nothing: messages sent before that and missing have been deleted. */
  forgetSent(since) {
    for (const pending of [...this.#store.pending.values()]) {
      if (pending.state === "sent" && pending.sentAt < since) this.#store.removePending(pending.id);
    }
  }

  #add(message) {
    const pending = { id: newId(), state: "sending", error: null, tries: 0, createdAt: new Date(), ...message };
    this.#store.addPending(pending);
    this.#enqueue(pending.id);
  }

  #enqueue(id) {
    const room = this.#store.pending.get(id)?.room;
    if (room === undefined) return;
    const before = this.#queues.get(room) ?? Promise.resolve();
    this.#queues.set(room, before.then(() => this.#send(id)));
  }

  async #send(id) {
    const pending = this.#store.pending.get(id);
    if (pending?.state !== "sending") return;
    const user = this.#store.me;
    pending.tries += 1;
    try {
      await this.#post(pending);
      this.#store.updatePending(id, { state: "sent", sentAt: Date.now(), base64: null });
    } catch (error) {
      if (this.#store.me !== user) return;
      if (error.status === 429 && error.retryAfter <= BUSY_MAX_S && pending.tries < AUTO_RETRIES) {
        await new Promise((resolve) => setTimeout(resolve, error.retryAfter * 1000 + 200));
        return this.#send(id);
      }
      this.#store.updatePending(id, {
        state: "failed",
        failedAt: Date.now(),
        isPassing: error.isPassing || error.status === 401,
        isNetwork: error.status === 0,
        error: error.message,
      });
      if (error.status === 401) this.#onSignedOut();
    }
  }

  #post({ id, room, type, text, replyTo, base64 }) {
    if (type === "text") return api.sendText(room, text, id, replyTo);
    return api.sendPicture(room, base64, id, (progress) => this.#store.updatePending(id, { progress }));
  }

  #save() {
    this.#records.set("outbox", this.unsent.filter((pending) => pending.type === "text"));
  }
}
