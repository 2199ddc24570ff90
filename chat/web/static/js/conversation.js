// The open room's messages: showing, scrolling, loading older ones.

import { api } from "./api.js";
import { onNewDay } from "./calendar.js";
import { byId, el, setChildren } from "./dom.js";
import { dayKey, dayName, toDate } from "./format.js";
import { onLanguage, t } from "./i18n.js";
import { toMessages } from "./incoming.js";
import { MessageView } from "./messageview.js";
import { roomTitle } from "./names.js";

const PAGE = 50;
const NEAR_TOP_PX = 400;
const NEAR_BOTTOM_PX = 60;
const GROUP_MS = 5 * 60_000;

export class Conversation {
  #store;
  #actions;
  #log = byId("log");
  #jump = byId("jump");
  #views = new Map(); // by key, for the open room
  #isAtBottom = true;
  #below = 0; // new messages below what is seen
  #loading = null; // the room whose history is being fetched
  #problem = null; // the room whose history could not be fetched

  /** actions: enlarge, retry, edit, discard, onSignedOut. */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    store.on("current", () => this.#switch());
    store.on("messages", (room) => room === store.room && this.render());
    store.on("pending", (pending) => pending.room === store.current && this.render());
    this.#log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#jump.addEventListener("click", () => this.toBottom());
    new ResizeObserver(() => this.#resized()).observe(this.#log);
    onLanguage(() => this.render());
    onNewDay(() => this.render());
  }

  /** Something new came for the open room, from somebody else. */
  noteNew(count) {
    if (this.#isAtBottom || count === 0) return;
    this.#below += count;
    this.#showJump();
  }

  toBottom() {
    this.#stick();
    this.#below = 0;
    this.#isAtBottom = true;
    this.#showJump();
  }

  /** Fetch what could not be fetched before. */
  heal() {
    if (this.#problem) this.#loadOlder();
  }

  async #switch() {
    this.#views.clear();
    this.#below = 0;
    this.#isAtBottom = true;
    this.#problem = null;
    this.#log.replaceChildren();
    const room = this.#store.room;
    if (!room) return;
    this.render({ isQuiet: true });
    this.toBottom();
    if (!room.isLoaded) await this.#loadOlder();
  }

  async #loadOlder() {
    const room = this.#store.room;
    if (!room || this.#loading === room || (room.isLoaded && room.isAtStart)) return;
    this.#loading = room;
    this.#problem = null;
    this.render();
    try {
      const page = await api.history(room.name, room.messages[0]?.timestamp, PAGE);
      const messages = await toMessages(page.messages);
      if (this.#loading === room) this.#loading = null;
      if (this.#store.rooms.get(room.name) === room) {
        this.#setBusy();
        this.#store.addOlder(room, messages, !page.more);
        this.#store.markNew(room);
      }
    } catch (error) {
      if (this.#loading === room) this.#loading = null;
      if (error.status === 401) return this.#actions.onSignedOut();
      if (error.status !== 404 && this.#store.room === room) this.#problem = room;
      this.render();
      return;
    }
    if (this.#store.room === room) this.#fill();
  }

  #resized() {
    if (this.#isAtBottom) this.#stick();
    if (this.#store.room?.isLoaded) this.#fill();
  }

  /** Go on while the page is not filled. */
  #fill() {
    if (this.#log.clientHeight === 0) return; // a phone shows another pane
    if (this.#log.scrollTop < NEAR_TOP_PX && !this.#problem) this.#loadOlder();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    this.#isAtBottom = scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM_PX;
    if (this.#isAtBottom) this.#below = 0;
    this.#showJump();
    if (scrollTop < NEAR_TOP_PX && this.#store.room?.isLoaded) this.#fill();
  }

  #showJump() {
    this.#jump.hidden = this.#isAtBottom;
    const text = this.#below ? t("conversation.jump", { count: this.#below }) : t("conversation.bottom");
    byId("jump-text").textContent = text;
    this.#jump.classList.toggle("has-new", this.#below > 0);
  }

  #stick() {
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** History is not read out; only what is said from now on. */
  #setBusy() {
    this.#log.setAttribute("aria-live", "off");
    setTimeout(() => this.#log.setAttribute("aria-live", "polite"), 300);
  }

  render({ isQuiet = false } = {}) {
    const room = this.#store.room;
    if (!room) return;
    if (isQuiet) this.#setBusy();
    if (this.#isAtBottom) this.#store.trim(room);
    const anchor = this.#isAtBottom ? null : this.#anchor();
    setChildren(this.#log, this.#nodes(room));
    if (this.#isAtBottom) this.#stick();
    else if (anchor?.node.isConnected) this.#log.scrollTop = anchor.node.offsetTop - anchor.offset;
    this.#showJump();
  }

  /** The message at the top of what is seen, and where it stands. */
  #anchor() {
    const top = this.#log.scrollTop;
    const node = [...this.#log.children].find((child) => child.dataset.key && child.offsetTop + child.offsetHeight > top);
    return node ? { node, offset: node.offsetTop - top } : null;
  }

  #nodes(room) {
    const nodes = [this.#head(room)];
    const views = this.#viewsOf(room);
    const keys = new Set(views.map((view) => view.key));
    for (const key of this.#views.keys()) if (!keys.has(key)) this.#views.delete(key);
    let previous = null;
    for (const view of views) {
      const isNewDay = !previous || dayKey(previous.date) !== dayKey(view.date);
      if (isNewDay) nodes.push(this.#line(`day ${dayKey(view.date)}`, "day", dayName(view.date)));
      const isFirstNew = room.newFrom !== null && view.id === room.newFrom;
      if (isFirstNew) nodes.push(this.#line("new", "new-line", t("conversation.new")));
      const isGrouped =
        !isNewDay && !isFirstNew && previous.user === view.user && view.date - previous.date < GROUP_MS;
      nodes.push(this.#messageNode(view, isGrouped));
      previous = view;
    }
    if (views.length === 0 && room.isLoaded) nodes.push(el("p", { class: "log-empty" }, t("conversation.empty")));
    return nodes.filter(Boolean);
  }

  #head(room) {
    if (this.#loading === room) return el("p", { class: "log-head" }, t("conversation.loading"));
    if (this.#problem === room) {
      const retry = el("button", { type: "button", class: "link", onclick: () => this.#loadOlder() }, t("message.retry"));
      return el("p", { class: "log-head" }, t("conversation.older.failed"), " ", retry);
    }
    if (!room.isAtStart || room.messages.length === 0) return null;
    return el("p", { class: "log-head" }, t("conversation.start", { room: roomTitle(room) }));
  }

  #viewsOf(room) {
    const me = this.#store.me;
    const stored = room.messages.map((message) => {
      const isMine = message.user === me.username;
      const key = isMine && message.clientId ? `c:${message.clientId}` : `m:${message.id}`;
      return { ...message, key, isMine, date: toDate(message.timestamp) };
    });
    const pending = this.#store.pendingOf(room.name).map((message) => ({
      ...message, key: `c:${message.id}`, isMine: true, user: me.username, name: me.nickname, date: message.createdAt,
    }));
    return [...stored, ...pending];
  }

  #messageNode(view, isGrouped) {
    if (!this.#views.has(view.key)) this.#views.set(view.key, new MessageView(view, this.#actions));
    const shown = this.#views.get(view.key);
    shown.update(view, isGrouped);
    return shown.node;
  }

  #line(key, kind, text) {
    const known = [...this.#log.children].find((child) => child.dataset.line === key);
    const node = known ?? el("div", { class: kind, "data-line": key, role: "separator" }, el("span"));
    if (node.firstChild.textContent !== text) node.firstChild.textContent = text;
    node.setAttribute("aria-label", text);
    return node;
  }
}
