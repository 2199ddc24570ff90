// The other user of each direct conversation: requested once per conversation, one after the other.

import { isDirect } from "../lib/names.js";
import { api } from "./api.js";

export class Directs {
  #store;
  #isAsking = false;

  constructor(store) {
    this.#store = store;
    store.on("rooms", () => this.#ask());
  }

  async #ask() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const unasked = () => this.#store.joined.find((one) => isDirect(one) && one.peer === undefined);
      for (let room = unasked(); room; room = unasked()) {
        room.peer = null; // asked; where it fails, its number must do
        const { members } = await api.members(room.name);
        const other = members.find((member) => member.user !== this.#store.me?.username);
        if (!other) continue;
        room.peer = { user: other.user, userId: other.user_id, name: other.nickname || other.user, isTeacher: other.teacher };
        this.#store.emit("rooms");
      }
    } catch {
      // The pull reports the failure.
    } finally {
      this.#isAsking = false;
    }
  }
}
