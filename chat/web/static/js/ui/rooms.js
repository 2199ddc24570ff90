// The list of the user's rooms, with unread counts.

import { byId, el, icon, setChildren } from "../lib/dom.js";
import { colourOf, shortTime, toDate } from "../lib/format.js";
import { onLanguage, t } from "../lib/i18n.js";
import { isDirect, roomTitle, roomTitleNode } from "../lib/names.js";
import { onNewDay } from "../lib/newday.js";

const MAX_SHOWN = 99;

export class RoomList {
  #store;
  #open;
  #more = el("button", { type: "button", class: "list-more" });
  #rows = new Map(); // by room

  /** open(name) shows a room; more() asks for rooms that the list does not have. */
  constructor(store, open, more) {
    this.#store = store;
    this.#open = open;
    this.#more.addEventListener("click", more);
    for (const topic of ["rooms", "current", "unread", "messages"]) store.on(topic, () => this.render());
    onLanguage(() => this.render());
    onNewDay(() => this.render());
  }

  render() {
    if (!this.#store.me) return;
    const rooms = this.#store.joined;
    const keys = new Set(rooms.map(keyOf));
    for (const key of this.#rows.keys()) if (!keys.has(key)) this.#rows.delete(key);
    this.#more.textContent = t("rooms.more");
    const more = this.#store.isCut ? [this.#more.parentNode ?? el("li", {}, this.#more)] : [];
    setChildren(byId("room-list"), [...rooms.map((room) => this.#row(room)), ...more]);
    byId("no-rooms").hidden = rooms.length > 0;
  }

  #row(room) {
    const key = keyOf(room);
    if (!this.#rows.has(key)) this.#rows.set(key, this.#newRow(room));
    const row = this.#rows.get(key);
    const isCurrent = room.name === this.#store.current;
    const count = room.unread > MAX_SHOWN ? `${MAX_SHOWN}+` : String(room.unread);
    const button = row.firstChild;
    if (isCurrent) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    setText(row, ".room-members", t("rooms.members", { count: room.memberCount }));
    setText(row, ".room-time", room.lastTime ? shortTime(toDate(room.lastTime)) : "");
    const isNamed = room.mentions > 0 && !isDirect(room);
    const label = [t("rooms.unread", { count: room.unread }), isNamed ? t("rooms.named") : ""].join(" ").trim();
    setText(row, ".badge-count", room.unread ? `${isNamed ? "@ " : ""}${count}` : "");
    setText(row, ".badge-label", room.unread ? label : "");
    row.querySelector(".badge").hidden = room.unread === 0;
    return row;
  }

  #newRow(room) {
    const sign = el("span", { class: "room-sign", "data-colour": colourOf(room.name) }, icon(room.isLocked ? "lock" : room.peer ? "people" : "hash"));
    const badge = el(
      "span",
      { class: "badge" },
      el("span", { class: "badge-count", "aria-hidden": "true" }),
      el("span", { class: "badge-label hidden-text" }),
    );
    const button = el(
      "button",
      { type: "button", class: "room", title: roomTitle(room), "data-room": room.name, onclick: () => this.#open(room.name) },
      sign,
      el("span", { class: "room-name" }, roomTitleNode(room)),
      el("span", { class: "room-time" }),
      el("span", { class: "room-members" }),
      badge,
    );
    return el("li", {}, button);
  }
}

const keyOf = (room) => `${room.id} ${roomTitle(room)}`;

function setText(row, selector, text) {
  const node = row.querySelector(selector);
  if (node.textContent !== text) node.textContent = text;
}
