// Unread counts per room: the server's count, which covers all devices, plus messages that arrived since.

import { isBy } from "./profiles.js";

const MOST_FRESH = 1000; // counted since the server was asked; the page shows 99+

export class Unread {
  #store;

  constructor(store) {
    this.#store = store;
  }

  /** The server's count, which holds up to `upTo`, the room's last message then. */
  adopt(room, count, upTo) {
    room.counted = { count, upTo };
    room.fresh = room.fresh.filter((time) => time > upTo);
    this.#sum(room);
  }

  /** New messages of a room. */
  add(room, messages) {
    const others = messages.filter((message) => !isBy(message, this.#store.me));
    const times = others.map((message) => message.timestamp).filter((time) => time > room.counted.upTo);
    room.fresh = [...room.fresh, ...times].slice(-MOST_FRESH);
    this.#sum(room);
    this.#store.emit("unread");
  }

  /** The room was read up to that time, in any tab. */
  see(room, upTo) {
    if (upTo <= room.seenUpTo) return;
    room.seenUpTo = upTo;
    this.#sum(room);
    this.#store.emit("unread");
  }

  /** The sum over some of the user's rooms. */
  totalOf(counts) {
    return this.#store.joined.filter(counts).reduce((sum, room) => sum + room.unread, 0);
  }

  #sum(room) {
    const isSeen = room.seenUpTo >= room.counted.upTo;
    room.unread = (isSeen ? 0 : room.counted.count) + room.fresh.filter((time) => time > room.seenUpTo).length;
    if (room.unread === 0) room.mentions = 0;
  }
}
