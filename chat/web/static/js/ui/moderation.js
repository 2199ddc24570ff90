// Keeping order as everybody sees it: why one cannot write now, and the pinned messages.

import { serverNow } from "../core/api.js";
import { orderApi } from "../core/moderationapi.js";
import { isBy } from "../core/profiles.js";
import { mayGiveCode } from "../core/rights.js";
import { orderOf } from "../core/roomsettings.js";
import { toEntries } from "../core/servermessages.js";
import { all, byId, el } from "../lib/dom.js";
import { onLanguage, t } from "../lib/i18n.js";
import { openDialog } from "./dialogs.js";
import { authorName, snippet } from "./messagerules.js";
import { notify } from "./notices.js";

const SECOND = 1000;

/** Whether me keeps order in the room: its owner, admins, and teachers where it is not private. */
export const isModerator = mayGiveCode;

/** 90 s as 1:30; also for hours. */
export function duration(seconds) {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] > 0 ? parts : parts.slice(1);
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

/** Why me cannot write in the room now: {key, until}; until is null, or the time in ms; null if there is no reason. */
export function refusal(room, me, now) {
  if (room.isArchived) return { key: "order.archived", until: null };
  if (room.mutedUntil > now) return { key: "order.muted", until: room.mutedUntil };
  if (isModerator(room, me) || me.isTeacher) return null;
  if (room.readOnly) return { key: "order.readOnly", until: null };
  const own = room.messages.findLast((message) => isBy(message, me));
  const until = own && room.slowMode ? Date.parse(own.timestamp) + room.slowMode * SECOND : 0;
  return until > now ? { key: "order.slow", until } : null;
}

export class RoomOrder {
  #store;
  #refreshRooms;
  #jump;
  #pins = [];
  #timer = null;
  #note = byId("order-note");
  #bar = byId("pins");

  /** refreshRooms() reads the list of rooms again; jump(id) shows a message. */
  constructor(store, { refreshRooms, jump }) {
    this.#store = store;
    this.#refreshRooms = refreshRooms;
    this.#jump = jump;
    store.on("current", () => {
      this.#showPins([]);
      this.#showNote();
      this.loadPins();
    });
    for (const topic of ["rooms", "messages", "me"]) store.on(topic, () => this.#showNote());
    for (const topic of ["profiles", "alike"]) store.on(topic, () => this.loadPins());
    this.#bar.addEventListener("click", () => this.#openPins());
    onLanguage(() => {
      this.#showNote();
      this.#showPins(this.#pins);
    });
  }

  /** Changes that came with a pull. */
  changed(room, changes) {
    const { me } = this.#store;
    for (const { change, settings, members = [] } of changes) {
      const own = members.find((member) => member.user === me.username);
      if (change === "room") Object.assign(room, orderOf(settings));
      if (own) Object.assign(room, { role: own.role, mutedUntil: Date.parse(own.muted_until) || 0 });
    }
    const kinds = new Set(changes.map(({ change }) => change));
    if (kinds.has("room")) this.#refreshRooms();
    if (kinds.has("room") || kinds.has("members")) this.#store.emit("rooms");
    if (room === this.#store.room && ["pinned", "deleted", "edited"].some((kind) => kinds.has(kind))) this.loadPins();
  }

  async pin(message, on) {
    await orderApi.pin(this.#store.room.name, message.id, on);
    await this.loadPins();
  }

  async loadPins() {
    const { room } = this.#store;
    if (!room) return;
    const { messages } = await orderApi.pins(room.name).catch(() => ({ messages: [] })); // the pull tells of failures
    const pins = await toEntries(messages);
    if (room === this.#store.room) this.#showPins(pins);
  }

  #showPins(pins) {
    this.#pins = pins;
    this.#bar.hidden = pins.length === 0;
    if (pins.length === 0) return;
    byId("pins-text").textContent = this.#summary(pins[0]);
    byId("pins-count").textContent = t("order.pins.count", { count: pins.length });
  }

  #summary(pin) {
    return `${authorName(pin, this.#store.room)}: ${snippet(pin)}`;
  }

  #openPins() {
    const { room, me } = this.#store;
    const row = (pin) => {
      const show = () => {
        dialog.close();
        this.#jump(pin.id);
      };
      const unpin = () =>
        this.pin(pin, false)
          .then(() => item.remove())
          .catch((error) => notify(error.message, "bad"));
      const text = el("button", { type: "button", class: "link pin-text", onclick: show }, this.#summary(pin));
      const item = el("li", {}, text, isModerator(room, me) ? el("button", { type: "button", onclick: unpin }, t("order.unpin")) : null);
      return item;
    };
    const dialog = openDialog(t("order.pins"), [el("ul", { class: "order-list" }, this.#pins.map(row))], { room });
  }

  #showNote() {
    clearTimeout(this.#timer);
    const { room, me } = this.#store;
    const now = serverNow();
    const found = room && me ? refusal(room, me, now) : null;
    const left = found?.until ? Math.ceil((found.until - now) / SECOND) : 0;
    this.#note.hidden = !found;
    this.#note.textContent = found ? t(found.key, { time: duration(left) }) : "";
    const isClosed = found !== null && found.key !== "order.slow"; // one may write while waiting
    byId("message-text").disabled = isClosed;
    for (const button of all(".composer-row button", byId("composer"))) button.disabled = isClosed;
    byId("send").disabled = found !== null;
    if (found?.until) this.#timer = setTimeout(() => this.#showNote(), SECOND);
  }
}
