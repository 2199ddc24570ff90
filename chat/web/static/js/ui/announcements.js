// The newest announcement of the open room, above its messages, and all of them in a dialog.

import { api } from "../core/api.js";
import { byId, el, isolated } from "../lib/dom.js";
import { fullTime, toDate } from "../lib/format.js";
import { onLanguage, t } from "../lib/i18n.js";
import { fullName } from "../lib/names.js";
import { lasting } from "../lib/storage.js";
import { openDialog } from "./dialogs.js";
import { formatted } from "./formatting.js";
import { notify } from "./notices.js";
import { pagedList } from "./pagedlist.js";

const SOON_MS = 300;

export class Announcements {
  #store;
  #records;
  #found = []; // of the open room, newest first
  #shown = null; // id of the one whose text is on the screen
  #timer = null;
  #node = byId("announcement");

  constructor(store, records) {
    this.#store = store;
    this.#records = records;
    store.on("current", () => {
      this.#found = [];
      this.#render();
      this.changed();
    });
    store.on("alike", () => this.#render());
    byId("announcement-all").addEventListener("click", () => this.#showAll());
    byId("announcement-hide").addEventListener("click", () => this.#hide());
    onLanguage(() => this.#render());
  }

  /** Something may have been announced. */
  changed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refresh(), SOON_MS);
  }

  stop() {
    clearTimeout(this.#timer);
  }

  async #refresh() {
    const name = this.#store.current;
    if (name === null || document.visibilityState !== "visible") return;
    try {
      const { announcements } = await api.announcements(name);
      if (name !== this.#store.current) return;
      this.#found = announcements;
      this.#render();
    } catch {
      // The pull tells what is wrong.
    }
  }

  #render() {
    const newest = this.#found[0];
    this.#node.hidden = !newest || newest.id <= (this.#hidden[this.#store.room?.id] ?? 0);
    if (!newest) return;
    byId("announcement-by").textContent = t("announcement.by", { name: this.#author(newest) });
    if (this.#shown !== newest.id) byId("announcement-text").replaceChildren(...formatted(newest.content));
    this.#shown = newest.id;
    byId("announcement-all").hidden = this.#found.length < 2;
  }

  /** By a room's id, the newest announcement that the user has put away. */
  get #hidden() {
    return this.#records.get("announcements", lasting) ?? {};
  }

  #author({ nickname, user, user_id: id }) {
    return fullName(nickname, user, id, this.#store.room.alike.has(id));
  }

  #hide() {
    this.#records.set("announcements", { ...this.#hidden, [this.#store.room.id]: this.#found[0].id }, lasting);
    this.#render();
    byId("message-text").focus();
  }

  async #showAll() {
    const { room } = this.#store;
    const row = (found) => {
      const text = el("p", { class: "words", dir: "auto" }, formatted(found.content));
      const about = el("p", { class: "hint" }, isolated([this.#author(found), fullTime(toDate(found.timestamp))]));
      return el("li", {}, el("div", {}, text, about));
    };
    const list = el("ul", { class: "found" });
    try {
      const more = await pagedList(list, t("announcement.more"), async (after) => {
        const { announcements, next } = await api.announcements(room.name, after);
        return { rows: announcements.map(row), next };
      });
      openDialog(t("announcement.title"), [list, more], { room });
    } catch (error) {
      notify(error.message, "bad");
    }
  }
}
