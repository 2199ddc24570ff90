// The other user of each direct conversation: requested when it is new, and from time to time, as names change.

import { isDirect } from "../lib/names.js";
import { api } from "./api.js";

const AGAIN_MS = 10_000; // between two requests for known conversations, the one that was asked longest ago first
const FRESH_MS = 60_000; // for so long a conversation is not asked again

export class Directs {
  #store;
  #isAsking = false;
  #askedAt = new Map(); // by room's id

  constructor(store) {
    this.#store = store;
    store.on("rooms", () => this.#ask());
  }

  async #ask() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      for (let room = this.#next(); room; room = this.#next()) {
        this.#askedAt.set(room.id, Date.now());
        room.peer ??= null; // asked; where it fails, its number must do
        const { members } = await api.members(room.name);
        const other = members.find((member) => member.user_id !== this.#store.me?.id);
        if (!other) continue;
        if (room.peer) {
          this.#store.setProfiles([other]);
          continue;
        }
        room.peer = { user: other.user, userId: other.user_id, name: other.nickname || other.user, isTeacher: other.teacher };
        this.#store.emit("rooms");
      }
    } catch {
      // The pull reports the failure.
    } finally {
      this.#isAsking = false;
    }
  }

  /** The conversation to ask for: a new one, else one whose answer is old. */
  #next() {
    const directs = this.#store.joined.filter(isDirect);
    const unasked = directs.find((room) => room.peer === undefined);
    if (unasked) return unasked;
    const at = (room) => this.#askedAt.get(room.id) ?? 0;
    const now = Date.now();
    if (directs.some((room) => now - at(room) < AGAIN_MS)) return null;
    const oldest = directs.sort((one, other) => at(one) - at(other))[0];
    return oldest && now - at(oldest) >= FRESH_MS ? oldest : null;
  }
}
