// Keeps the list of rooms up to date: asked every 30 s, on return to the page, and when something says that it changed.

import { api } from "./api.js";

const REFRESH_MS = 30_000;
const RECOUNT_MS = 500; // at most

export class RoomFeed {
  #store;
  #handlers;
  #round = 0;
  #latest = null; // the request of the newest round
  #pages = 1;
  #wanted = ""; // a part of the names that somebody searches for
  #timer = null;

  /** handlers: adopt(room, found) applies the server's counts, onTaken(), onSignedOut(). */
  constructor(store, handlers) {
    this.#store = store;
    this.#handlers = handlers;
  }

  /** Bring the list up to date. Raises ApiError. A newer request replaces an older one, which then waits for it. */
  async refresh() {
    clearTimeout(this.#timer);
    this.#latest = this.#ask(++this.#round);
    this.#latest.catch(() => {}); // raised below, for those who wait
    let awaited = null;
    while (awaited !== this.#latest) {
      awaited = this.#latest;
      await awaited;
    }
  }

  /** As refresh, and look for these rooms of the user beyond the list too, where they may have other names. */
  async refreshWith(rooms) {
    await this.refresh();
    if (!this.#store.isCut || rooms.every((room) => room.isListed)) return;
    const ids = new Set(rooms.map((room) => room.id));
    const own = (await api.rooms(Infinity, "", { joined: 1 })).rooms;
    if (this.#store.me) this.#take(own.filter(({ id }) => ids.has(id)), { isCut: true, isSearch: true });
  }

  async #ask(round) {
    const wanted = this.#wanted;
    try {
      const { rooms, isCut } = await api.rooms(this.#pages);
      const searched = isCut && wanted ? (await api.rooms(1, wanted)).rooms : [];
      // A list that was asked for before something was done may not know of it.
      if (round === this.#round && this.#store.me) this.#take([...rooms, ...without(searched, rooms)], { isCut });
    } finally {
      if (round === this.#round) this.#timer = setTimeout(() => this.refreshQuietly(), REFRESH_MS);
    }
  }

  /** Refresh unless the page is hidden; reports the end of the session, but no other failure. */
  async refreshQuietly() {
    if (!this.#store.me) return;
    if (document.visibilityState !== "visible") {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.refreshQuietly(), REFRESH_MS);
      return;
    }
    await this.#refreshNow();
  }

  /** Something may have changed the server's counts: ask soon. Clients of one room do not ask all at once. */
  recount() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refreshNow(), Math.random() * RECOUNT_MS);
  }

  async #refreshNow() {
    if (!this.#store.me) return;
    try {
      await this.refresh();
    } catch (error) {
      if (error.status === 401) this.#handlers.onSignedOut();
    }
  }

  /** Take in rooms with this in their names too, now and at each refresh, where there are more than the list has; "" ends
   * that. Raises ApiError. */
  async search(name) {
    this.#wanted = name;
    if (!name) return;
    const { rooms, isCut } = await api.rooms(1, name);
    if (this.#store.me && this.#wanted === name) {
      this.#take(rooms, { isCut: true, isSearch: true, searched: isCut ? null : name });
    }
  }

  async more() {
    this.#pages += 1;
    await this.refreshQuietly();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#wanted = "";
    this.#pages = 1;
  }

  #take(rooms, options) {
    this.#store.setRooms(rooms, this.#handlers.adopt, options);
    this.#handlers.onTaken();
  }
}

function without(rooms, known) {
  const ids = new Set(known.map((room) => room.id));
  return rooms.filter((room) => !ids.has(room.id));
}
