// Readers of a message: a dialog for any message, and a line under the user's own one while it is the room's newest.

import { get } from "../core/api.js";
import { isBy } from "../core/profiles.js";
import { el } from "../lib/dom.js";
import { onLanguage, t } from "../lib/i18n.js";
import { nameNode } from "../lib/names.js";
import { openDialog } from "./dialogs.js";
import { snippet } from "./messagerules.js";
import { notify } from "./notices.js";
import { pagedList } from "./pagedlist.js";

const A_PAGE = 50;
const FIRST_ASK_MS = 3000; // after sending; from then on with the list of members

const readersOf = (roomname, id, limit, after = "") => get("/room/seen", { roomname, id, limit, after });

export class SeenBy {
  #store;
  #nodeOf;
  #line = el("button", { type: "button", class: "link seen-line", "aria-live": "off", onclick: () => this.open(this.#message) });
  #message = null; // that has the line
  #count = 0;
  #timer = null;

  /** nodeOf(message) gives its node on the screen, or undefined. */
  constructor(store, nodeOf) {
    this.#store = store;
    this.#nodeOf = nodeOf;
    store.on("current", () => this.#follow());
    store.on("messages", (room) => room === store.room && this.#follow());
    store.on("rooms", () => this.#follow());
    store.on("members", () => this.#ask()); // every 30 s while the page is looked at
    onLanguage(() => this.#show());
  }

  /** List the readers of a message of the open room. */
  async open(message) {
    const { room } = this.#store;
    const list = el("ul", { class: "order-list" });
    let count = 0;
    try {
      const more = await pagedList(list, t("seen.more"), async (after) => {
        const found = await readersOf(room.name, message.id, A_PAGE, after);
        count = found.count;
        return { rows: found.readers.map(({ user, nickname }) => el("li", {}, this.#reader(user, nickname))), next: found.next };
      });
      const title = count > 0 ? t("seen.count", { count }) : t("seen.nobody");
      openDialog(title, [el("blockquote", { dir: "auto" }, snippet(message)), list, more], { room });
    } catch (error) {
      notify(error.message, "bad");
    }
  }

  /** A mail address shows only as its account's number, if that is known. */
  #reader(user, nickname) {
    const id = this.#store.idOf(user);
    return nameNode(nickname, user.includes("@") && !id ? nickname : user, id, { isAlike: this.#store.room?.alike.has(id) });
  }

  /** The room, its newest message or its settings may be others. */
  #follow() {
    const { room, me } = this.#store;
    const newest = room?.showsSeen ? room.messages.at(-1) : null;
    const message = newest && isBy(newest, me) ? newest : null;
    if (message?.id !== this.#message?.id) {
      this.#count = 0;
      clearTimeout(this.#timer);
      if (message) this.#timer = setTimeout(() => this.#ask(), FIRST_ASK_MS);
    }
    this.#message = message;
    this.#show();
  }

  async #ask() {
    const { room } = this.#store;
    const message = this.#message;
    if (!room || !message || document.visibilityState !== "visible") return;
    const found = await readersOf(room.name, message.id, 1).catch(() => null); // it is asked again
    if (!found || this.#message?.id !== message.id) return;
    this.#count = found.count;
    this.#show();
  }

  #show() {
    const place = this.#message && this.#count > 0 ? this.#nodeOf(this.#message)?.querySelector(".message-main") : null;
    if (!place) return this.#line.remove();
    this.#line.textContent = t("seen.count", { count: this.#count });
    if (this.#line.parentNode === place) return;
    place.append(this.#line);
    place.dispatchEvent(new Event("grown", { bubbles: true }));
  }
}
