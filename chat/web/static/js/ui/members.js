// The open room's members, and their presence.

import { api, serverNow } from "../core/api.js";
import { mayGiveCode } from "../core/rights.js";
import { avatarSource } from "../core/servermessages.js";
import { byId, el, icon } from "../lib/dom.js";
import { locale, onLanguage, t } from "../lib/i18n.js";
import { fullName, nameNode } from "../lib/names.js";
import { avatarNode } from "./messageview.js";

const REFRESH_MS = 30_000; // who is online; coming and going are told by the pull
const SOON_MS = 300;
const AUTHORS_AT_ONCE = 100;
const AGAIN_MS = 2_000; // after a change: what changes between two held pulls ends neither

export class Members {
  #store;
  #list = byId("members");
  #members = [];
  #pages = 1;
  #isCut = false; // there are more members than these
  #more = el("button", { type: "button", class: "list-more" });
  #timer = null;
  #round = 0;

  #refreshRooms;
  #moderate;

  /** refreshRooms() brings the numbers of members up to date; moderate(member) offers the actions on a member. */
  constructor(store, refreshRooms, moderate) {
    this.#moderate = moderate;
    this.#store = store;
    this.#refreshRooms = refreshRooms;
    this.#more.addEventListener("click", () => {
      this.#pages += 1;
      this.refresh();
    });
    store.on("current", () => {
      this.#members = [];
      this.#pages = 1;
      this.#isCut = false;
      this.render();
      store.emit("members");
      this.refresh();
    });
    // Somebody who speaks and is not on the list has just come in.
    store.on("messages", (room) => {
      const last = room.messages.at(-1);
      const isKnown = this.#members.some((member) => member.user === last?.user && member.online);
      if (room === store.room && last && !isKnown && !this.#isCut) this.changed();
    });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.refresh());
    onLanguage(() => this.render());
  }

  /** The open room's members, as far as they are loaded. */
  get all() {
    return this.#members;
  }

  /** Somebody may have come into a room, or left it. */
  changed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(AGAIN_MS), SOON_MS);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#round += 1;
  }

  async refresh(nextMs = REFRESH_MS) {
    clearTimeout(this.#timer);
    const round = ++this.#round;
    const name = this.#store.current;
    if (name === null || document.visibilityState !== "visible") return;
    try {
      const { members, isCut } = await this.#load(name);
      if (round !== this.#round || name !== this.#store.current) return;
      this.#members = members;
      this.#isCut = isCut;
      this.#store.setProfiles(members);
      this.render();
      this.#store.setAlike(this.#store.room, isCut ? await this.#load(name, { alike: 1 }).then((found) => found.members) : members);
      this.#store.emit("members");
      await this.#refreshAuthors(this.#store.room);
      if (isCut) return void this.#refreshRooms();
      const room = this.#store.room;
      if (room.memberCount === members.length) return;
      room.memberCount = members.length; // one number, wherever it shows
      this.#store.emit("rooms");
    } catch {
      // The pull reports the failure; the list stays unchanged.
    } finally {
      if (round === this.#round) this.#timer = setTimeout(() => this.refresh(), nextMs);
    }
  }

  /** The authors of loaded messages that are not on the list: in large rooms, and those who are members no longer. */
  async #refreshAuthors(room) {
    const listed = new Set(this.#members.map((member) => member.user_id));
    const byAuthor = new Map(room.messages.map(({ userId, id }) => [userId, id]));
    const ids = [...byAuthor].filter(([userId]) => !listed.has(userId)).map(([, id]) => id);
    if (ids.length > 0) this.#store.setProfiles((await api.authors(room.name, ids.slice(-AUTHORS_AT_ONCE))).authors);
  }

  async #load(name, only = {}) {
    const members = [];
    let next = "";
    for (let page = 0; page < this.#pages && (page === 0 || next); page += 1) {
      const answer = await api.members(name, next, only);
      members.push(...answer.members);
      next = answer.next;
    }
    return { members, isCut: next !== "" };
  }

  render() {
    const order = new Intl.Collator(locale(), { numeric: true });
    this.#members.sort((a, b) => order.compare(a.nickname || a.user, b.nickname || b.user) || order.compare(a.user, b.user));
    /** @type {[string, any[]][]} */
    const groups = [
      ["members.online", this.#members.filter((member) => member.online)],
      ["members.offline", this.#members.filter((member) => !member.online)],
    ];
    const nodes = groups
      .filter(([, members]) => members.length > 0)
      .map(([title, members]) => {
        const rows = members.map((member) => this.#row(member));
        return el("section", {}, el("h3", {}, t(title, { count: members.length })), el("ul", {}, rows));
      });
    this.#more.textContent = t("members.more");
    this.#list.replaceChildren(...nodes, ...(this.#isCut ? [this.#more] : []));
  }

  #moderateButton(member) {
    const { room, me } = this.#store;
    const isSubject = me && member.user !== me.username && member.role !== "owner" && !member.teacher;
    if (!room || !isSubject || !mayGiveCode(room, me)) return null;
    const act = () => this.#moderate(this.#members.find(({ user }) => user === member.user) ?? member);
    const label = t("order.member", { name: fullName(member.nickname || member.user, member.user, member.user_id, member.alike) });
    return el("button", { type: "button", class: "icon-button", "aria-haspopup": "dialog", "aria-label": label, onclick: act }, icon("more"));
  }

  #row(member) {
    const about = [];
    if (member.user === this.#store.me?.username) about.push(t("members.you"));
    if (member.role !== "member") about.push(t(`role.${member.role}`));
    if (Date.parse(member.muted_until) > serverNow()) about.push(t("order.isMuted"));
    return el(
      "li",
      { class: member.online ? "member online" : "member", },
      avatarNode(member.nickname || member.user, member.user, avatarSource(member.avatar)),
      el("span", { class: "member-name" }, nameNode(member.nickname || member.user, member.user, member.user_id, { isTeacher: member.teacher, isAlike: member.alike })),
      about.length > 0 ? el("span", { class: "member-about" }, about.join(", ")) : null,
      this.#moderateButton(member),
    );
  }
}
