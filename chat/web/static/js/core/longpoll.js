// The long poll that keeps all rooms up to date in all tabs, and recovers from failures.
//
// One tab polls and passes the results to the others (see tabs.js). A tab has at most one pull in flight. It sends the
// rooms' cursors, which advance only when an answer has been processed, so a lost or aborted answer is repeated by the
// next pull. A tab that does not poll for all pulls once, without being held, when it starts, wakes, or has missed
// something.

import { api } from "./api.js";
import { isChange } from "./messagechanges.js";
import { toEntries } from "./servermessages.js";
import { isVisible } from "./tabs.js";

const HOLD_S = 25;
const GIVE_UP_MS = 35_000; // without a word in so long, the connection is dead or the tab slept
const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 15_000;
const STALE_MS = 5_000; // a pull older than that is asked anew when the tab wakes
const EMPTY_MIN_MS = 1_000; // a pull that brings nothing sooner than that was not held
const HIDDEN_MS = 5_000; // a hidden tab holds no connection, but asks so often

export class LongPoll {
  #store;
  #tabs;
  #handlers;
  #controller = null;
  #wake = null;
  #isRunning = false;
  #run = 0; // counts the loops, so that one that was stopped never goes on beside its successor
  #asked = "";
  #startedAt = 0;
  #failures = 0;
  #hasTyping = false; // in the last answer, which ended for it
  #seen = new Set(); // ids of rooms that were looked at, until a pull has told the server
  #heard = Promise.resolve(); // what other tabs told is taken in one after the other
  state = "connecting";

  /** handlers: lookedAt() gives the room before the user's eyes, onNews(room, messages),
   * onChanges(room, changes), onTyping(room, usernames), onAnswer(count, since),
   * onState(state), onSignedOut(), onRoomsChanged(), onMissing(rooms) for rooms that the answer does not have. */
  constructor(store, tabs, handlers) {
    this.#store = store;
    this.#tabs = tabs;
    this.#handlers = handlers;
    store.on("rooms", () => this.#roomsChanged());
    globalThis.addEventListener("online", () => this.restart());
    globalThis.addEventListener("pageshow", (event) => event.persisted && this.restart());
    document.addEventListener("visibilitychange", () => this.#turned());
    tabs.on("news", (news) => this.#hear(news));
    tabs.on("state", ({ user, state }) => this.#isOurs(user) && !tabs.isLeading && this.#setState(state));
    tabs.on("rooms", ({ user, rooms }) => {
      if (this.#isOurs(user) && rooms !== this.#signature()) handlers.onRoomsChanged();
    });
  }

  start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#failures = 0;
    this.#tabs.join(() => this.restart());
    this.#loop(++this.#run);
  }

  stop() {
    this.#isRunning = false;
    this.#run += 1;
    this.#seen.clear();
    this.#tabs.leave();
    this.restart();
    this.#setState("connecting");
  }

  /** Pull again immediately: abort the pull in flight, or end the pause before the next one. */
  restart() {
    this.#controller?.abort();
    this.#wake?.();
  }

  /** A room was looked at, in this tab or another: the next pull tells the server. */
  tellSeen(id) {
    const isNew = !this.#seen.has(id);
    this.#seen.add(id);
    if (isNew && this.#tabs.isLeading) this.restart();
  }

  #isOurs(user) {
    return this.#isRunning && user === this.#store.me?.username;
  }

  #roomsChanged() {
    if (!this.#isRunning || this.#signature() === this.#asked) return;
    this.#tabs.tell("rooms", { user: this.#store.me.username, rooms: this.#signature() });
    this.restart();
  }

  #turned() {
    if (!isVisible() || this.#wake || Date.now() - this.#startedAt > STALE_MS) this.restart();
  }

  async #loop(run) {
    while (run === this.#run) {
      const pause = this.#store.joined.length === 0 ? Infinity : await this.#once(run);
      if (pause > 0 && run === this.#run) await this.#pause(pause);
    }
  }

  #pause(ms) {
    return /** @type {Promise<void>} */ (new Promise((resolve) => {
      const timer = ms === Infinity ? null : setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    }));
  }

  #signature() {
    return JSON.stringify(this.#store.joined.map((room) => room.id).sort());
  }

  /** One pull; gives the milliseconds to wait before the next. */
  async #once(run) {
    const controller = new AbortController();
    this.#controller = controller;
    this.#asked = this.#signature();
    this.#startedAt = Date.now();
    /** @type {[string, any][]} */
    const rooms = this.#store.joined.map((room) => [room.name, room]); // which may have another name when the answer comes
    const cursors = Object.fromEntries(rooms.map(([name, room]) => [name, room.cursor]));
    const isHeld = this.#tabs.isLeading && isVisible();
    // While something is wrong, ask for a quick answer: it tells that all is well again.
    const hold = isHeld && this.state === "online" ? HOLD_S : 0;
    const read = this.#looked();
    try {
      const answer = await api.pull(cursors, { hold, read, signal: controller.signal, timeout: GIVE_UP_MS });
      if (controller.signal.aborted) return 0;
      for (const id of read) this.#seen.delete(id);
      const count = await this.#takeOwn(run, rooms, cursors, answer);
      return this.#untilNext(count, hold);
    } catch (error) {
      if (controller.signal.aborted) return 0;
      return this.#fail(error);
    } finally {
      if (this.#controller === controller) this.#controller = null;
    }
  }

  /** Ids of the rooms whose cursors are read marks. */
  #looked() {
    const room = this.#handlers.lookedAt();
    return [...new Set(room ? [...this.#seen, room.id] : this.#seen)].slice(0, 100);
  }

  #untilNext(count, hold) {
    if (!this.#tabs.isLeading) return this.#seen.size > 0 ? 0 : Infinity;
    if (count > 0 || this.#hasTyping) return 0;
    if (!isVisible()) return HIDDEN_MS;
    return hold === 0 || Date.now() - this.#startedAt >= EMPTY_MIN_MS ? 0 : EMPTY_MIN_MS;
  }

  async #takeOwn(run, rooms, cursors, answer) {
    const found = Object.fromEntries(rooms.map(([name]) => [name, Object.hasOwn(answer, name) ? answer[name] : null]));
    const since = this.#startedAt;
    if (this.#tabs.isLeading) this.#tabs.tell("news", { user: this.#store.me.username, cursors, found, since });
    const count = await this.#take(run, rooms, found);
    if (run !== this.#run) return count;
    this.#failures = 0;
    this.#setState("online");
    if (count > 0 || !this.#hasTyping) this.#handlers.onAnswer(count, since);
    return count;
  }

  /** found: new messages and changes by room, or null if the user has no room of that name. */
  async #take(run, rooms, found) {
    let count = 0;
    this.#hasTyping = false;
    const missing = rooms.filter(([name]) => found[name] === null).map(([, room]) => room);
    if (missing.length > 0) this.#handlers.onMissing(missing);
    for (const [name, room] of rooms) {
      const raws = found[name];
      if (raws === null) continue;
      const typing = raws.filter((raw) => raw.change === "typing");
      this.#hasTyping = this.#hasTyping || typing.length > 0;
      if (typing.length > 0) this.#handlers.onTyping(room, typing.map(({ user }) => user));
      if (raws.length > typing.length) {
        count += raws.length - typing.length;
        await this.#takeRoom(run, room, raws);
      }
    }
    return count;
  }

  async #takeRoom(run, room, raws) {
    const entries = (await toEntries(raws)).filter((entry) => entry.timestamp > room.cursor);
    // Another room list, or another user, may have come while pictures were read.
    if (this.#store.rooms.get(room.name) !== room || run !== this.#run || entries.length === 0) return;
    this.#store.addNewer(room, entries);
    this.#handlers.onNews(room, entries.filter((entry) => !isChange(entry)));
    this.#handlers.onChanges(room, entries.filter(isChange));
  }

  #hear(news) {
    const run = this.#run;
    this.#heard = this.#heard.then(async () => {
      if (run !== this.#run || !this.#isOurs(news.user)) return;
      /** @type {[string, any][]} */
      const rooms = this.#store.joined.map((room) => [room.name, room]);
      const told = rooms.filter(([name]) => Object.hasOwn(news.found, name));
      // There is a gap between this tab's messages and the received ones.
      if (told.some(([name, room]) => room.cursor < news.cursors[name])) return this.restart();
      const count = await this.#take(run, told, news.found);
      if (run === this.#run && (count > 0 || !this.#hasTyping)) this.#handlers.onAnswer(count, news.since);
    });
  }

  #fail(error) {
    if (error.status === 401) {
      this.stop();
      this.#handlers.onSignedOut();
      return 0;
    }
    this.#failures += 1;
    if (error.status === 404) {
      // None of these rooms is ours any more: the list will tell, and start us again.
      this.#handlers.onRoomsChanged();
    } else {
      this.#setState("reconnecting");
    }
    const backoff = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** (this.#failures - 1));
    return Math.max(error.retryAfter * 1000, backoff * (0.5 + Math.random() / 2));
  }

  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    if (this.#isRunning && this.#tabs.isLeading) this.#tabs.tell("state", { user: this.#store.me.username, state });
    this.#handlers.onState(state);
  }
}
