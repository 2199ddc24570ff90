// Messages received but not looked at.
//
// The server counts a room as read up to a pull's cursor, and the page pulls all rooms; so what was pulled but not
// looked at is counted here, by user and room: n messages not looked at among those up to the timestamp `upTo`.

import { lasting } from "./storage.js";

export class Unread {
  #store;
  #records = {};

  constructor(store) {
    this.#store = store;
    globalThis.addEventListener?.("storage", (event) => {
      if (event.key === this.#key) this.#adopt();
    });
  }

  get #key() {
    return `commonroom.unread.${this.#store.me?.username}`;
  }

  load() {
    this.#records = lasting.get(this.#key) ?? {};
  }

  /** For a room just met: our own count, and what has come since. */
  atFirst(room) {
    const record = this.#records[room.id];
    if (!record) return room.serverUnread;
    return record.upTo >= room.lastTime ? record.n : record.n + room.serverUnread;
  }

  /** New messages of a room; `isLookedAt`: it is open before the user's eyes. */
  count(room, messages, isLookedAt) {
    const others = messages.filter((message) => message.user !== this.#store.me.username).length;
    room.unread = isLookedAt ? 0 : room.unread + others;
    this.#save(room);
    this.#store.emit("unread");
  }

  clear(room) {
    room.unread = 0;
    this.#save(room);
    this.#store.emit("unread");
  }

  get total() {
    return this.#store.joined.reduce((sum, room) => sum + room.unread, 0);
  }

  #save(room) {
    // Other tabs write here too, and rooms that are gone need no record.
    const stored = lasting.get(this.#key) ?? {};
    const living = new Set(this.#store.joined.map((known) => String(known.id)));
    this.#records = Object.fromEntries(Object.entries(stored).filter(([id]) => living.has(id)));
    this.#records[room.id] = { n: room.unread, upTo: room.cursor };
    lasting.set(this.#key, this.#records);
  }

  #adopt() {
    // The same messages were looked at in another tab.
    this.load();
    for (const room of this.#store.joined) {
      const record = this.#records[room.id];
      if (record && record.upTo >= room.cursor && record.n < room.unread) room.unread = record.n;
    }
    this.#store.emit("unread");
  }
}
