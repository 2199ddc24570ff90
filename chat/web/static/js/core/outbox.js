// Unsent messages: shown immediately, sent in order, kept across reloads, retried under the same id.

import { askBeforeLeaving } from "../lib/unsaved.js";
import { api } from "./api.js";
import { newId } from "./tabs.js";

const AUTO_RETRIES = 20;
const BUSY_MAX_S = 30;

export class Outbox {
  #store;
  #records;
  #onSignedOut;
  #preparing = 0; // choices of files that are still being read or scaled down
  #queues = new Map(); // name → promise of its last sending, so that messages arrive in order

  constructor(store, records, onSignedOut) {
    this.#store = store;
    this.#records = records;
    this.#onSignedOut = onSignedOut;
    store.on("pending", () => this.#save());
    store.on("renamed", (renamed) => this.#retryIn([...renamed.values()]));
    // Texts are kept over a reload, files are too large for that.
    askBeforeLeaving(this, () => this.#preparing > 0 || this.unsent.some((pending) => pending.type !== "text"));
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

  /** Files are not lost by leaving the page while they are prepared. Resolves as `prepared` does. */
  async keepUntil(prepared) {
    this.#preparing += 1;
    try {
      return await prepared;
    } finally {
      this.#preparing -= 1;
    }
  }

  /** prepared: as lib/files.js gives it. */
  sendFile(room, { type, blob, name, url = null, size = null }) {
    const file = type === "file" ? { name, bytes: blob.size } : null;
    this.#add({ room, type, text: "", blob, name, file, url, size, progress: 0, sending: new AbortController() });
  }

  /** Give up a message that is on its way or failed. Gives the message. */
  discard(id) {
    const pending = this.#store.removePending(id);
    pending?.sending?.abort();
    return pending;
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

  /** By their former names they were not found. */
  #retryIn(rooms) {
    this.#save();
    for (const { id, state, room } of [...this.#store.pending.values()]) if (state === "failed" && rooms.includes(room)) this.retry(id);
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
    const pending = this.#store.pending.get(id);
    if (pending === undefined) return;
    // Files have a queue of their own: texts do not wait for them.
    const queue = pending.type === "text" ? `text ${pending.room}` : "files";
    const before = this.#queues.get(queue) ?? Promise.resolve();
    this.#queues.set(queue, before.then(() => this.#send(id)));
  }

  async #send(id) {
    const pending = this.#store.pending.get(id);
    if (pending?.state !== "sending") return;
    const user = this.#store.me?.id; // the object is another one after each list of members
    const { room } = pending;
    pending.tries += 1;
    try {
      await this.#post(pending);
      this.#store.updatePending(id, { state: "sent", sentAt: Date.now(), blob: null });
    } catch (error) {
      if (this.#store.me?.id !== user || pending.sending?.signal.aborted) return;
      if (pending.room !== room) return this.#send(id); // it has another name meanwhile
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

  #post({ id, room, type, text, replyTo, blob, name, sending }) {
    if (type === "text") return api.sendText(room, text, id, replyTo);
    const onProgress = (progress) => this.#store.updatePending(id, { progress });
    return api.sendFile(room, id, blob, name, { onProgress, signal: sending.signal });
  }

  #save() {
    this.#records.set("outbox", this.unsent.filter((pending) => pending.type === "text"));
  }
}
