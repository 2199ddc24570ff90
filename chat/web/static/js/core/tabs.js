// The tabs of this page in one browser: their communication, and the election of the one that polls for all.
//
// The polling tab holds a lease in localStorage and renews it. A visible tab takes it from a hidden one. Web Locks could
// do that too, but browsers offer them only over https and on localhost, and a class uses http://192.168.…. Two holders
// for a moment are harmless: messages are identified by id.

import { lasting } from "../lib/storage.js";

const NAME = "commonroom.tabs";
const LEASE = "commonroom.lease";
const BEAT_MS = 1000;
const STALE_MS = 4000;
const ENTERING_MS = 20_000; // a log-in takes no longer; the tab may have crashed

/** Random id; crypto.randomUUID is missing on plain-http addresses such as the teacher's http://192.168.x.y. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const isVisible = () => document.visibilityState === "visible";
const rank = () => (isVisible() ? (document.hasFocus() ? 2 : 1) : 0);

export class Tabs {
  #id = newId();
  #channel = null;
  #listeners = new Map();
  #onLead = (_isLeading) => {};
  #timer = null;
  #entering = new Map(); // other tabs that are logging in: a timer for each, by the tab's id
  #onNobodyEnters = [];
  isLeading = false;

  constructor() {
    try {
      this.#channel = new BroadcastChannel(NAME);
      this.#channel.addEventListener("message", ({ data }) => this.#listeners.get(data.kind)?.(data));
      this.on("entering", ({ id, isOver }) => this.#enters(id, isOver));
    } catch {
      // Each tab is on its own, then.
    }
    globalThis.addEventListener("storage", (event) => event.key === LEASE && this.#beat());
    for (const type of ["focus", "blur", "pageshow"]) globalThis.addEventListener(type, () => this.#beat());
    document.addEventListener("visibilitychange", () => this.#beat());
    globalThis.addEventListener("pagehide", () => {
      this.tell("entering", { id: this.#id, isOver: true });
      this.#release();
    });
  }

  /** Call listener with what another tab tells under this name. */
  on(kind, listener) {
    this.#listeners.set(kind, listener);
  }

  tell(kind, about = {}) {
    this.#channel?.postMessage({ kind, ...about });
  }

  /** Log in by act(). Other tabs know of it before the server does, so that they can tell why their session ends. */
  async entering(act) {
    this.tell("entering", { id: this.#id, isOver: false });
    try {
      return await act();
    } finally {
      this.tell("entering", { id: this.#id, isOver: true });
    }
  }

  /** Resolves when no other tab is logging in. */
  nobodyEnters() {
    return /** @type {Promise<void>} */ (new Promise((resolve) => {
      if (this.#entering.size === 0) resolve();
      else this.#onNobodyEnters.push(resolve);
    }));
  }

  #enters(id, isOver) {
    clearTimeout(this.#entering.get(id));
    if (!isOver) return void this.#entering.set(id, setTimeout(() => this.#enters(id, true), ENTERING_MS));
    this.#entering.delete(id);
    if (this.#entering.size > 0) return;
    for (const resolve of this.#onNobodyEnters.splice(0)) resolve();
  }

  /** From here on one of the tabs that joined leads; onLead(isLeading) says when that changes for this one. */
  join(onLead) {
    this.#onLead = onLead;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
    this.#beat();
  }

  leave() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#release();
  }

  #beat() {
    if (this.#timer === null) return;
    const held = lasting.get(LEASE);
    const isHeld = Math.abs(Date.now() - held?.at) <= STALE_MS; // not by anything else that stands there
    const isMine = !isHeld || held.id === this.#id || rank() > held.rank;
    if (isMine) lasting.set(LEASE, { id: this.#id, at: Date.now(), rank: rank() });
    // A tab that hears of nothing pulls for itself.
    this.#lead(isMine || !this.#channel);
  }

  #release() {
    if (lasting.get(LEASE)?.id === this.#id) lasting.remove(LEASE);
    this.#lead(false);
  }

  #lead(isLeading) {
    if (this.isLeading === isLeading) return;
    this.isLeading = isLeading;
    this.#onLead(isLeading);
  }
}
