// The open room's messages: showing, scrolling, loading older ones.
//
// The document has a window of at most WINDOW messages: scrolling back removes the newest, scrolling forward the oldest.
// Unchanged messages are not drawn again, so a new message costs the same however many are shown.

import { api } from "../core/api.js";
import { isBy } from "../core/profiles.js";
import { toEntries } from "../core/servermessages.js";
import { byId, el, setChildren } from "../lib/dom.js";
import { dayKey, dayName, toDate } from "../lib/format.js";
import { onLanguage, t } from "../lib/i18n.js";
import { publicUsername, roomTitle } from "../lib/names.js";
import { onNewDay } from "../lib/newday.js";
import { askBeforeLeaving } from "../lib/unsaved.js";
import { authorName, offers, snippet } from "./messagerules.js";
import { MessageTools } from "./messagetools.js";
import { MessageView } from "./messageview.js";
import { notify } from "./notices.js";

const PAGE = 50; // of history
const MOVE = 10; // messages by which the window moves: few, as each is drawn in one frame
const WINDOW = 200; // messages in the document
const DRAWN = 40; // messages at the window's end that are laid out even if they are not on the screen
const NEAR_TOP_PX = 400;
const NEAR_BOTTOM_PX = 60;
const GROUP_MS = 5 * 60_000;
const MOST_PAGES = 40; // loaded to find the message that somebody answered
const POINTED_MS = 2000;

export class Conversation {
  #store;
  #actions;
  #log = byId("log");
  #tools;
  #jump = byId("jump");
  #rows = new Map(); // by key, for the open room: {view, message, isGrouped, isFar}, as drawn last
  #edited = new Map(); // rows out of sight whose text is being edited, by key
  #lines = new Map(); // lines between messages, by key
  #dated = new WeakMap(); // of messages: {key, isMine, date, day}
  // By timestamp, because the message itself may be deleted:
  #from = null; // the first message in the window
  #until = null; // the last message in the window; null: the newest
  #isAtBottom = true;
  #height = 0; // of what is seen, as dealt with last
  #below = 0; // new messages below what is seen
  #loading = null; // the room whose history is being fetched
  #problem = null; // the room whose history could not be fetched

  /** actions: enlarge, retry, edit, discard, onSignedOut; react(message, emoji, on), reply(message), remove(message),
   * change(message, text), which gives a promise. */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = {
      ...actions,
      quoted: (view) => this.#quoted(view),
      jump: (id) => this.jumpTo(id),
      isMe: (users) => users.includes(store.me?.username),
      called: (user) => publicUsername(user, store),
    };
    this.#tools = new MessageTools(this.#log, {
      find: (node) => this.#stored(node),
      offers: (message) => offers(message, store),
      react: (message, emoji) => actions.react(message, emoji, !message.reactions[emoji]?.includes(store.me.username)),
      reply: actions.reply,
      remove: actions.remove,
      pin: actions.pin,
      seen: actions.seen,
      edit: (message) => this.#edit(message),
    });
    store.on("current", () => this.#switch());
    store.on("messages", (room) => room === store.room && this.render());
    store.on("alike", (room) => room === store.room && this.#redraw());
    for (const topic of ["profiles", "me"]) store.on(topic, () => this.#redraw());
    store.on("pending", (pending) => pending.room === store.current && this.render());
    this.#log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#jump.addEventListener("click", () => this.toBottom());
    new ResizeObserver(() => this.#resized()).observe(this.#log);
    this.#log.addEventListener("grown", () => this.#isAtBottom && this.#stick());
    onLanguage(() => this.#redraw());
    onNewDay(() => this.#redraw());
    askBeforeLeaving(this, () => this.#edited.size > 0);
  }

  /** Something new came for the open room, from somebody else. */
  noteNew(count) {
    if (this.#isAtBottom || count === 0) return;
    this.#below += count;
    this.#showJump();
  }

  toBottom() {
    this.#below = 0;
    this.#isAtBottom = true;
    if (this.#until !== null) {
      this.#until = null;
      this.render({ isQuiet: true });
    }
    this.#stick();
    this.#showJump();
  }

  /** Another user may log in. */
  forgetEdits() {
    this.#edited.clear();
  }

  /** Fetch what could not be fetched before. */
  heal() {
    if (this.#problem) this.#loadOlder();
  }

  /** Show a message of the open room, loading older ones if need be. */
  async jumpTo(id) {
    const room = this.#store.room;
    for (let pages = 0; pages < MOST_PAGES && !room.messages.some((message) => message.id === id); pages += 1) {
      const count = room.messages.length;
      if (room.isAtStart || room.messages[0]?.id < id) break;
      await this.#loadOlder();
      if (this.#store.room !== room || room.messages.length === count) return;
    }
    const at = room.messages.findIndex((message) => message.id === id);
    if (at < 0) return notify(t("reply.gone"), "quiet");
    const { first, end } = this.#window(room);
    if (at < first || at >= end) this.#move(Math.min(room.messages.length, at + WINDOW / 2) - end);
    const node = this.nodeOf(room.messages[at]);
    if (!node) return;
    this.#isAtBottom = false;
    node.scrollIntoView({ block: "center" });
    node.tabIndex = -1;
    node.focus({ preventScroll: true });
    node.classList.add("pointed-at");
    setTimeout(() => node.classList.remove("pointed-at"), POINTED_MS);
  }

  /** The node of a message of the open room, if it is in the window. */
  nodeOf(message) {
    return this.#rows.get(this.#about(message).key)?.view.node;
  }

  /** The message that a node shows, once it is stored. */
  #stored(node) {
    const message = this.#rows.get(node.dataset.key)?.message;
    return message && message.createdAt === undefined ? message : null;
  }

  #edit(message) {
    const row = this.#rows.get(this.#about(message).key);
    row?.view.edit(message.text, (text) => this.#actions.change(message, text));
  }

  /** The sender and beginning of the message that a reply refers to, if it is loaded. */
  #quoted(view) {
    const message = this.#store.room?.messages.find(({ id }) => id === view.replyTo);
    if (!message) return { label: t("tools.reply"), text: "…" };
    const { isMine, isAlike } = this.#about(message);
    if (isMine) return { label: t("message.you"), text: snippet(message) };
    return { label: authorName(message, this.#store.room), author: { ...message, isAlike }, text: snippet(message) };
  }

  async #switch() {
    this.#keepEdits([...this.#rows.keys()]);
    this.#rows = new Map();
    this.#lines.clear();
    this.#until = null;
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
      const messages = await toEntries(page.messages);
      if (this.#loading === room) this.#loading = null;
      if (this.#store.rooms.get(room.name) === room) {
        this.#setBusy();
        this.#until = this.#until ?? this.#endOfWindow(room, messages.length);
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
    this.#height = this.#log.clientHeight;
    if (this.#height === 0) return; // a phone shows another pane
    if (this.#isAtBottom) this.#stick();
    this.#scrolled();
    if (this.#store.room?.isLoaded) this.#fill();
  }

  /** Go on while the page is not filled. */
  #fill() {
    if (this.#log.clientHeight === 0) return; // a phone shows another pane
    if (this.#log.scrollTop >= NEAR_TOP_PX || this.#problem) return;
    if (this.#window(this.#store.room).first > 0) this.#move(-MOVE);
    else this.#loadOlder();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    if (clientHeight !== this.#height) return; // scrolled by a change of its size, which is dealt with right after this
    const left = scrollHeight - scrollTop - clientHeight; // below what is seen
    this.#isAtBottom = this.#until === null && left < NEAR_BOTTOM_PX;
    if (this.#isAtBottom) this.#below = 0;
    this.#showJump();
    if (!this.#store.room?.isLoaded) return;
    if (this.#until !== null && left < NEAR_TOP_PX) this.#move(MOVE);
    else if (scrollTop < NEAR_TOP_PX) this.#fill();
  }

  /** Which of the room's messages are in the window: from first on, before end. */
  #window(room) {
    const { messages } = room;
    const last = this.#until === null ? -1 : messages.findLastIndex((message) => message.timestamp <= this.#until);
    const end = last === -1 ? messages.length : last + 1;
    return { first: Math.max(0, end - WINDOW), end };
  }

  /** Where the window ends once so many older messages are in it; null: where it does. */
  #endOfWindow(room, count) {
    const excess = room.messages.length + count - WINDOW;
    return excess > 0 && !this.#isAtBottom ? (room.messages.at(-1 - excess)?.timestamp ?? null) : null;
  }

  /** Move the window by so many messages, or to the end; back if that is negative. */
  #move(count) {
    const { messages } = this.#store.room;
    const end = Math.max(Math.min(WINDOW, messages.length), this.#window(this.#store.room).end + count);
    this.#until = end >= messages.length ? null : messages[end - 1].timestamp;
    this.#from = null;
    this.render({ isQuiet: true });
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

  /** Screen readers announce new messages only, not history. */
  #setBusy() {
    this.#log.setAttribute("aria-live", "off");
    setTimeout(() => this.#log.setAttribute("aria-live", "polite"), 300);
  }

  render({ isQuiet = false } = {}) {
    const room = this.#store.room;
    if (!room) return;
    if (isQuiet) this.#setBusy();
    if (this.#isAtBottom) this.#store.trim(room);
    else this.#stay(room);
    const anchor = this.#isAtBottom ? null : this.#anchor();
    const hasFocus = this.#log.contains(document.activeElement);
    const focused = hasFocus ? document.activeElement.closest(".message") : null;
    const before = this.#rows;
    setChildren(this.#log, this.#nodes(room));
    this.#tools.leaveRemoved(before, this.#rows, focused);
    if (hasFocus && !this.#log.contains(document.activeElement)) this.#tools.refocus(focused);
    if (this.#isAtBottom) this.#stick();
    else if (anchor?.node.isConnected) this.#log.scrollTop = anchor.node.offsetTop - anchor.offset;
    this.#showJump();
  }

  /** While the user reads above the end, new messages remove nothing from the window. */
  #stay(room) {
    const first = this.#from === null ? -1 : room.messages.findIndex((message) => message.timestamp >= this.#from);
    if (this.#until === null && first >= 0 && first < this.#window(room).first) {
      this.#until = room.messages[first + WINDOW - 1].timestamp;
    }
  }

  /** The topmost visible message and its position. */
  #anchor() {
    const top = this.#log.scrollTop;
    const shown = /** @type {HTMLElement[]} */ ([...this.#log.children]);
    const node = shown.find((child) => child.dataset.key && child.offsetTop + child.offsetHeight > top);
    return node ? { node, offset: node.offsetTop - top } : null;
  }

  #redraw() {
    for (const row of this.#rows.values()) row.message = null;
    this.#dated = new WeakMap();
    this.render();
  }

  #nodes(room) {
    const nodes = [this.#head(room)];
    const { first, end } = this.#window(room);
    const shown = room.messages.slice(first, end);
    this.#from = shown[0]?.timestamp ?? null;
    if (this.#until === null) shown.push(...this.#store.pendingOf(room.name));
    const kept = new Map();
    let previous = null;
    for (const [index, message] of shown.entries()) {
      const about = this.#about(message);
      const isNewDay = previous?.day !== about.day;
      if (isNewDay) nodes.push(this.#line(`day ${about.day}`, "day", dayName(about.date)));
      const isFirstNew = room.newFrom !== null && message.id === room.newFrom;
      if (isFirstNew) nodes.push(this.#line("new", "new-line", t("conversation.new")));
      const isGrouped =
        !isNewDay && !isFirstNew && previous.user === about.user && about.date - previous.date < GROUP_MS;
      const row = this.#row(message, about, isGrouped);
      this.#setFar(row, index < shown.length - DRAWN);
      kept.set(about.key, row);
      nodes.push(row.view.node);
      previous = about;
    }
    const isDeleted = (key) => !room.messages.some((message) => this.#about(message).key === key);
    this.#keepEdits([...this.#rows.keys()].filter((key) => !kept.has(key) && this.#rows.get(key).view.isEdited && !isDeleted(key)));
    for (const key of kept.keys()) this.#edited.delete(key);
    this.#rows = kept;
    if (shown.length === 0 && room.isLoaded) nodes.push(el("p", { class: "log-empty" }, t("conversation.empty")));
    return nodes.filter(Boolean);
  }

  /** Text that is being edited is there again when its message is. keys: of rows that go out of sight. */
  #keepEdits(keys) {
    for (const key of keys) if (this.#rows.get(key).view.isEdited) this.#edited.set(key, this.#rows.get(key));
  }

  #head(room) {
    if (this.#loading === room) return el("p", { class: "log-head" }, t("conversation.loading"));
    if (this.#problem === room) {
      const retry = el("button", { type: "button", class: "link", onclick: () => this.#loadOlder() }, t("message.retry"));
      return el("p", { class: "log-head" }, t("conversation.older.failed"), " ", retry);
    }
    if (!room.isAtStart || room.messages.length === 0 || this.#window(room).first > 0) return null;
    return el("p", { class: "log-head" }, t("conversation.start", { room: roomTitle(room) }));
  }

  /** How a message is displayed, apart from its content. */
  #about(message) {
    const known = this.#dated.get(message);
    if (known) return known;
    const me = this.#store.me;
    const isPending = message.createdAt !== undefined;
    const isMine = isPending || isBy(message, me);
    const clientId = isPending ? message.id : message.clientId;
    const date = isPending ? message.createdAt : toDate(message.timestamp);
    const key = isMine && clientId ? `c:${clientId}` : `m:${message.id}`;
    const isAlike = this.#store.room?.alike.has(message.userId) ?? false;
    const about = { key, isMine, isAlike, date, day: dayKey(date), user: isMine ? me.username : message.user };
    if (isPending) about.name = me.nickname;
    this.#dated.set(message, about);
    return about;
  }

  #row(message, about, isGrouped) {
    const row = this.#rows.get(about.key) ?? this.#edited.get(about.key) ?? { view: null, message: null, isGrouped, isFar: false };
    const isPending = message.createdAt !== undefined; // changes as it is sent
    if (row.message === message && row.isGrouped === isGrouped && !isPending) return row;
    const shown = { ...message, ...about };
    row.view ??= new MessageView(shown, this.#actions);
    row.view.update(shown, isGrouped);
    row.message = message;
    row.isGrouped = isGrouped;
    return row;
  }

  /** Far from the end: not laid out while off the screen. By a class: a selector would style all of them each time. */
  #setFar(row, isFar) {
    if (row.isFar === isFar) return;
    row.isFar = isFar;
    row.view.node.classList.toggle("far", isFar);
  }

  #line(key, kind, text) {
    const node = this.#lines.get(key) ?? el("div", { class: kind, "data-line": key, role: "separator" }, el("span"));
    this.#lines.set(key, node);
    if (node.firstChild.textContent !== text) node.firstChild.textContent = text;
    node.setAttribute("aria-label", text);
    return node;
  }
}
