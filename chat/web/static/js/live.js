// The one pull that keeps all rooms live, and heals itself.
//
// At most one pull is in flight. What it asks for are the rooms' cursors; these move only when an answer has been taken
// in, so that an answer lost on the way, or aborted, is simply given again by the next pull.

import { api } from "./api.js";
import { toMessages } from "./incoming.js";

const HOLD_S = 25;
const GIVE_UP_MS = 35_000; // without a word in so long, the connection is dead or the tab slept
const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 15_000;
const STALE_MS = 5_000; // a pull older than that is asked anew when the tab wakes
const EMPTY_MIN_MS = 1_000; // a pull that brings nothing sooner than that was not held

export class Live {
  #store;
  #handlers;
  #controller = null;
  #wake = null;
  #isRunning = false;
  #run = 0; // counts the loops, so that one that was stopped never goes on beside its successor
  #asked = "";
  #startedAt = 0;
  #failures = 0;
  state = "connecting";

  /** handlers: onNews(room, messages), onAnswer(count, since), onState(state), onSignedOut(), onRoomsChanged(). */
  constructor(store, handlers) {
    this.#store = store;
    this.#handlers = handlers;
    store.on("rooms", () => {
      if (this.#signature() !== this.#asked) this.restart();
    });
    globalThis.addEventListener("online", () => this.restart());
    globalThis.addEventListener("pageshow", (event) => event.persisted && this.restart());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      if (this.#wake || Date.now() - this.#startedAt > STALE_MS) this.restart();
    });
  }

  start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#failures = 0;
    this.#loop(++this.#run);
  }

  stop() {
    this.#isRunning = false;
    this.#run += 1;
    this.restart();
    this.#setState("connecting");
  }

  /** Ask anew, at once: abort the pull in flight, or end the pause before the next one. */
  restart() {
    this.#controller?.abort();
    this.#wake?.();
  }

  async #loop(run) {
    while (run === this.#run) {
      const pause = this.#store.joined.length === 0 ? Infinity : await this.#once(run);
      if (pause > 0 && run === this.#run) await this.#pause(pause);
    }
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = ms === Infinity ? null : setTimeout(() => this.#wake?.(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
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
    const rooms = this.#store.joined;
    const cursors = Object.fromEntries(rooms.map((room) => [room.name, room.cursor]));
    // While something is wrong, ask for a quick answer: it tells that all is well again.
    const hold = this.state === "online" ? HOLD_S : 0;
    try {
      const answer = await api.pull(cursors, { hold, signal: controller.signal, timeout: GIVE_UP_MS });
      if (controller.signal.aborted) return 0;
      return await this.#take(run, rooms, answer, hold);
    } catch (error) {
      if (controller.signal.aborted) return 0;
      return this.#fail(error);
    } finally {
      if (this.#controller === controller) this.#controller = null;
    }
  }

  async #take(run, rooms, answer, hold) {
    let count = 0;
    for (const room of rooms) {
      if (!Object.hasOwn(answer, room.name)) {
        this.#store.lose(room.name);
        this.#handlers.onRoomsChanged();
        continue;
      }
      count += answer[room.name].length;
      if (answer[room.name].length > 0) await this.#takeRoom(run, room, answer[room.name]);
    }
    if (run !== this.#run) return 0;
    this.#failures = 0;
    this.#setState("online");
    this.#handlers.onAnswer(count, this.#startedAt);
    const wasHeld = count > 0 || hold === 0 || Date.now() - this.#startedAt >= EMPTY_MIN_MS;
    return wasHeld ? 0 : EMPTY_MIN_MS;
  }

  async #takeRoom(run, room, raws) {
    const messages = await toMessages(raws);
    // Another room list, or another user, may have come while pictures were read.
    if (this.#store.rooms.get(room.name) !== room || run !== this.#run) return;
    this.#store.addNewer(room, messages);
    this.#handlers.onNews(room, messages);
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
    this.#handlers.onState(state);
  }
}
