// The whole chat: who is logged in, which room is open, and how the parts tell one another.

import { actFor, api } from "./api.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { closeAllDialogs, openForm, openPicture } from "./dialogs.js";
import { Directs } from "./directs.js";
import { byId, el } from "./dom.js";
import { onLanguage, t } from "./i18n.js";
import { release } from "./incoming.js";
import { Layout } from "./layout.js";
import { Live } from "./live.js";
import { Login } from "./login.js";
import { Members } from "./members.js";
import { roomTitle } from "./names.js";
import { notify } from "./notices.js";
import { Outbox } from "./outbox.js";
import { RoomDialogs } from "./roomdialogs.js";
import { RoomList } from "./rooms.js";
import { lasting, Records } from "./storage.js";
import { Store } from "./store.js";
import { Tabs } from "./tabs.js";
import { Unread } from "./unread.js";

const REFRESH_MS = 30_000;
const RETRY_AGAIN_MS = 3000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

export class Chat {
  #store = new Store();
  #unread = new Unread(this.#store);
  #connection = new Connection();
  #tabs = new Tabs();
  #records = new Records();
  #setAside = null; // {username, inTab}: what was being written when the session ended
  #outbox = new Outbox(this.#store, this.#records, () => this.#signedOut());
  #layout = new Layout(this.#store, { openRoom: (name) => this.#openByLink(name), onSeen: () => this.#see() });
  #login = new Login(() => this.#logIn());
  #refreshing = 0;
  #pages = 1; // of the room list
  #timer = null;

  constructor() {
    const store = this.#store;
    store.on("dropped", release);
    store.on("lost", (room) => notify(t("rooms.lost", { room: roomTitle(room) }), "bad"));
    store.on("current", () => this.#opened());
    for (const topic of ["unread", "rooms"]) store.on(topic, () => this.#showTitle());
    const open = (name) => this.#layout.open(name);
    this.rooms = new RoomDialogs(store, {
      refresh: () => this.refresh(),
      search: (name) => this.#search(name),
      owner: () => this.members.owner,
      open,
    });
    new RoomList(store, open, () => this.#more());
    new Directs(store);
    this.members = new Members(store, () => this.#refreshQuietly());
    this.conversation = new Conversation(store, {
      enlarge: openPicture,
      retry: (view) => this.#outbox.retry(view.id),
      edit: (view) => this.#discard(view) && this.composer.edit(view.text),
      discard: (view) => this.#discard(view),
      onSignedOut: () => this.#signedOut(),
    });
    this.composer = new Composer(store, this.#records, this.#outbox, () => this.conversation.toBottom());
    this.live = new Live(store, this.#tabs, this.#liveHandlers());
    store.on("pending", (pending) => this.#announceFailure(pending));
    this.#wireButtons();
    this.#listenToTabs();
    onLanguage(() => this.#showTitle());
  }

  /** First of all: is somebody logged in? */
  async start() {
    for (let tries = 0; ; tries += 1) {
      try {
        const { state } = await api.session();
        if (state === "living") return await this.#enter();
        return this.#showLogin(state === "none" ? {} : { reason: `login.ended.${state}` });
      } catch (error) {
        this.#connection.show("reconnecting");
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]));
      }
    }
  }

  /** Bring the room list up to date. Raises ApiError. */
  async refresh() {
    clearTimeout(this.#timer);
    const round = ++this.#refreshing;
    try {
      const { rooms, isCut } = await api.rooms(this.#pages);
      // A list that was asked for before something was done may not know of it.
      if (round === this.#refreshing && this.#store.me) this.#takeRooms(rooms, { isCut });
    } finally {
      if (round === this.#refreshing) this.#timer = setTimeout(() => this.#refreshQuietly(), REFRESH_MS);
    }
  }

  #takeRooms(rooms, options) {
    this.#store.setRooms(rooms, (room, found) => this.#unread.adopt(room, found.unread, found.last_time), options);
    this.#see();
  }

  /** Take in rooms of that name too, where there are more than the list has. Raises ApiError. */
  async #search(name) {
    const { rooms } = await api.rooms(1, name);
    if (this.#store.me) this.#takeRooms(rooms, { isCut: true, isSearch: true });
  }

  async #more() {
    this.#pages += 1;
    await this.#refreshQuietly();
  }

  async #refreshQuietly() {
    if (!this.#store.me) return;
    if (document.visibilityState !== "visible") {
      this.#timer = setTimeout(() => this.#refreshQuietly(), REFRESH_MS);
      return;
    }
    try {
      await this.refresh();
    } catch (error) {
      if (error.status === 401) this.#signedOut();
    }
  }

  async #logIn() {
    const username = await this.#enter();
    this.#tabs.tell("user", { username });
    this.#layout.focus();
  }

  async #enter() {
    actFor(null);
    const me = await api.me();
    actFor(me.id);
    const store = this.#store;
    if (store.me?.username !== me.username) this.#forgetUser();
    store.me = { username: me.username, nickname: me.nickname || me.username };
    this.#records.open(me.username, this.#setAside?.username === me.username ? this.#setAside.inTab : {});
    this.#setAside = null;
    await this.refresh();
    this.#outbox.restore();
    this.#layout.showChat();
    this.#connection.show("online");
    this.live.start();
    this.#layout.openFirst(this.#records.get("room", lasting));
    this.conversation.heal();
    return me.username;
  }

  #showLogin(options) {
    actFor(null);
    this.#connection.show("connecting");
    this.#layout.showWelcome();
    this.#login.show(options);
    document.title = "Commonroom";
  }

  /** The session is over, not by our own wish: what was written stays in this page, and nowhere else. */
  async #signedOut() {
    if (!this.#store.me || this.#layout.isWelcome) return;
    const { username } = this.#store.me;
    this.#pause();
    this.#setAside = { username, inTab: this.#records.close() };
    this.#showLogin({ reason: "login.ended.ended", username });
    try {
      let found = await api.session();
      if (!this.#setAside) return; // another tab has told meanwhile why it is over
      if (found.state !== "living") {
        this.#login.explain(`login.ended.${found.state}`);
        await new Promise((done) => setTimeout(done, 1000)); // the cookie of a log-in elsewhere may be on its way
        found = await api.session();
        if (!this.#setAside || found.state !== "living") return;
      }
      if (found.username !== username) return this.#loggedInElsewhere(found.username);
      await this.#enter(); // another tab logged in again
    } catch {
      // What is known must do.
    }
  }

  /** Another tab of this browser has logged in; all tabs are this user's from now on. */
  async #loggedInElsewhere(username) {
    if (this.#store.me?.username === username) {
      if (this.#layout.isWelcome) await this.#enter().catch(() => {});
      else this.live.restart();
      return;
    }
    if (this.#store.me) this.#leave({ reason: "login.other", other: username });
    else this.#login.offer(username);
  }

  async #logout() {
    const count = this.#outbox.unsent.length;
    if (count === 0) return this.#logoutNow();
    const text = el("p", {}, t("logout.unsent", { count }));
    openForm(t("account.logout"), [text], { text: t("account.logout"), isDangerous: true }, () => this.#logoutNow());
  }

  async #logoutNow() {
    try {
      await api.logout();
    } catch (error) {
      if (error.status !== 401) return void notify(error.message, "bad");
    }
    this.#tabs.tell("logout", { username: this.#store.me.username });
    this.#leave();
  }

  #leave(options) {
    this.#pause();
    this.#records.close();
    this.#setAside = null;
    this.#forgetUser();
    this.#layout.forgetRoom();
    this.#showLogin(options);
  }

  #pause() {
    this.live.stop();
    clearTimeout(this.#timer);
    closeAllDialogs();
  }

  #forgetUser() {
    this.#store.open(null);
    this.composer.clear();
    this.#store.reset();
  }

  #liveHandlers() {
    return {
      lookedAt: () => (this.#isLookedAt() ? this.#store.room : null),
      onNews: (room, messages) => this.#news(room, messages),
      onAnswer: (count, since) => {
        if (count === 0) this.#outbox.forgetSent(since);
        if (count === 0) this.members.changed();
        this.#outbox.retryPassing(RETRY_AGAIN_MS);
      },
      onSignedOut: () => this.#signedOut(),
      onRoomsChanged: () => this.#refreshQuietly(),
      onState: (state) => {
        this.#connection.show(state);
        if (state !== "online") return;
        this.#outbox.retryPassing();
        this.conversation.heal();
        this.members.refresh();
      },
    };
  }

  #news(room, messages) {
    const others = messages.filter((message) => message.user !== this.#store.me.username);
    if (room === this.#store.room) this.conversation.noteNew(others.length);
    this.#unread.add(room, messages);
    if (this.#isLookedAt() && room === this.#store.room) this.#markSeen(room);
  }

  #isLookedAt() {
    return this.#store.room !== null && this.#layout.isLookedAt(this.#store.room);
  }

  #see() {
    const room = this.#store.room;
    if (!this.#isLookedAt() || room.unread === 0) return;
    room.unseen = room.unread;
    this.#markSeen(room);
    this.#store.markNew(room);
  }

  #markSeen(room) {
    if (room.unread === 0) return;
    this.#unread.see(room, room.lastTime);
    this.live.tellSeen(room.id);
    this.#tabs.tell("seen", { username: this.#store.me.username, id: room.id, upTo: room.lastTime });
  }

  #listenToTabs() {
    this.#tabs.on("user", ({ username }) => this.#loggedInElsewhere(username));
    this.#tabs.on("logout", ({ username }) => {
      if (this.#store.me?.username === username) this.#leave({ reason: "login.out" });
    });
    this.#tabs.on("seen", ({ username, id, upTo }) => {
      const room = this.#store.joined.find((joined) => joined.id === id);
      if (!room || this.#store.me?.username !== username) return;
      this.#unread.see(room, upTo);
      this.live.tellSeen(id);
    });
  }

  #opened() {
    const room = this.#store.room;
    this.#layout.showRoom();
    if (!room) return this.#layout.showAddress();
    this.#records.set("room", room.name, lasting);
    this.#see();
  }

  /** A link led to a room that is not ours, as far as we know. */
  async #openByLink(name) {
    if (!this.#store.rooms.has(name)) await this.#refreshQuietly();
    if (!this.#store.rooms.has(name) && this.#store.isCut) await this.#search(name).catch(() => {});
    const room = this.#store.rooms.get(name);
    if (room?.joined) return this.#layout.open(name);
    if (room) return this.rooms.join(room).node.addEventListener("close", () => this.#layout.showAddress());
    notify(t("rooms.unknown", { room: name }), "bad");
    this.#layout.showAddress();
  }

  #discard(view) {
    const pending = this.#store.removePending(view.id);
    if (pending) release(pending);
    return pending;
  }

  #announceFailure(pending) {
    if (pending.state !== "failed" || !this.#store.pending.has(pending.id)) return;
    if (pending.isAnnounced === pending.error) return;
    pending.isAnnounced = pending.error;
    notify(`${t("message.failed")}: ${pending.error}`, "quiet");
  }

  #showTitle() {
    const total = this.#store.me ? this.#unread.total : 0;
    document.title = total > 0 ? `(${total}) Commonroom` : "Commonroom";
    this.#layout.showRoom();
  }

  #wireButtons() {
    const onClick = (ids, act) => ids.forEach((id) => byId(id).addEventListener("click", act));
    onClick(["find-rooms", "no-rooms-find", "none-find"], () => this.rooms.find());
    onClick(["create-room", "none-create"], () => this.rooms.create());
    byId("room-details").addEventListener("click", () => this.rooms.details(this.#store.room));
    byId("logout").addEventListener("click", () => this.#logout());
    globalThis.addEventListener("focus", () => this.#see());
    byId("login-other").addEventListener("click", () => this.#logIn().catch((error) => notify(error.message, "bad")));
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      this.#see();
      this.#refreshQuietly();
    });
  }
}
