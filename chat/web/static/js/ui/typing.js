// Typing indicators in the open room, of others and of this user.

import { api } from "../core/api.js";
import { byId } from "../lib/dom.js";
import { onLanguage, t } from "../lib/i18n.js";
import { publicUsername } from "../lib/names.js";

const SHOWN_MS = 5000;
const TELL_MS = 3000;
const MOST_NAMED = 3;

export class Typing {
  #store;
  #line = byId("typing");
  #people = new Map(); // by room's name: until when, by username
  #timer = null;
  #told = 0;

  constructor(store) {
    this.#store = store;
    store.on("current", () => this.#show());
    onLanguage(() => this.#show());
  }

  /** Others are typing. */
  hear(room, users) {
    const people = this.#people.get(room.name) ?? new Map();
    for (const user of users) if (user !== this.#store.me?.username) people.set(user, Date.now() + SHOWN_MS);
    this.#people.set(room.name, people);
    this.#show();
  }

  /** They have said it. */
  stop(room, users) {
    for (const user of users) this.#people.get(room.name)?.delete(user);
    this.#show();
  }

  /** We are writing in the open room. */
  tell() {
    if (!this.#store.room || Date.now() - this.#told < TELL_MS) return;
    this.#told = Date.now();
    api.typing(this.#store.room.name).catch(() => {}); // it only tells
  }

  /** The text was sent: the next word is announced again. */
  sent() {
    this.#told = 0;
  }

  #show() {
    clearTimeout(this.#timer);
    const people = this.#people.get(this.#store.current) ?? new Map();
    for (const [user, until] of people) if (until <= Date.now()) people.delete(user);
    const names = [...people.keys()].map((user) => publicUsername(user, this.#store));
    const key = names.length > MOST_NAMED ? "typing.crowd" : names.length > 1 ? "typing.many" : "typing.one";
    this.#line.textContent = names.length === 0 ? "" : t(key, { names: names.join(", ") });
    if (names.length > 0) this.#timer = setTimeout(() => this.#show(), Math.min(...people.values()) - Date.now());
  }
}
