// The whole chat: who is logged in, which room is open, and how the parts tell one another.

import { api } from "./api.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { closeAllDialogs, openPicture } from "./dialogs.js";
import { byId } from "./dom.js";
import { onLanguage, t } from "./i18n.js";
import { release } from "./incoming.js";
import { Layout } from "./layout.js";
import { Live } from "./live.js";
import { Login } from "./login.js";
import { Members } from "./members.js";
import { notify } from "./notices.js";
import { Outbox } from "./outbox.js";
import { RoomDialogs } from "./roomdialogs.js";
import { RoomList } from "./rooms.js";
import { lasting } from "./storage.js";
import { Store } from "./store.js";
import { Unread } from "./unread.js";

const REFRESH_MS = 30_000;
const RETRY_AGAIN_MS = 3000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

export class Chat {
  #store = new Store();
  #unread = new Unread(this.#store);
  #connection = new Connection();
  #outbox = new Outbox(this.#store, () => this.#signedOut());
  #layout = new Layout(this.#store, { openRoom: (name) => this.#openByLink(name), onSeen: () => this.#see() });
  #login = new Login(() => this.#enter());
  #refreshing = 0;
  #timer = null;

  constructor() {
    const store = this.#store;
    store.on("dropped", release);
    store.on("lost", (name) => notify(t("rooms.lost", { room: name }), "bad"));
    store.on("current", () => this.#opened());
    for (const topic of ["unread", "rooms"]) store.on(topic, () => this.#showTitle());
    const open = (name) => this.#layout.open(name);
    this.rooms = new RoomDialogs(store, { refresh: () => this.refresh(), open });
    new RoomList(store, open);
    this.members = new Members(store);
    this.conversation = new Conversation(store, {
      enlarge: openPicture,
      retry: (view) => this.#outbox.retry(view.id),
      edit: (view) => this.#discard(view) && this.composer.edit(view.text),
      discard: (view) => this.#discard(view),
      onSignedOut: () => this.#signedOut(),
    });
    this.composer = new Composer(store, this.#outbox, () => this.conversation.toBottom());
    this.live = new Live(store, this.#liveHandlers());
    store.on("pending", (pending) => this.#announceFailure(pending));
    this.#wireButtons();
    onLanguage(() => this.#showTitle());
  }

  /** First of all: is somebody logged in? */
  async start() {
    for (let tries = 0; ; tries += 1) {
      try {
        await this.#enter();
        return;
      } catch (error) {
        if (error.status === 401) return this.#showLogin();
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
      const rooms = await api.rooms();
      // A list that was asked for before something was done may not know of it.
      if (round === this.#refreshing && this.#store.me) this.#store.setRooms(rooms, (room) => this.#unread.atFirst(room));
    } finally {
      if (round === this.#refreshing) this.#timer = setTimeout(() => this.#refreshQuietly(), REFRESH_MS);
    }
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

  async #enter() {
    const me = await api.me();
    const store = this.#store;
    if (store.me?.username !== me.username) this.#forgetUser();
    store.me = { username: me.username, nickname: me.nickname || me.username };
    this.#unread.load();
    await this.refresh();
    this.#outbox.restore();
    this.#layout.showChat();
    this.#connection.show("online");
    this.live.start();
    this.#layout.openFirst(lasting.get(`commonroom.room.${me.username}`));
    this.conversation.heal();
  }

  #showLogin(options) {
    this.#connection.show("connecting");
    this.#layout.showWelcome();
    this.#login.show(options);
    document.title = "Commonroom";
  }

  /** The session is over, not by our own wish: what was written stays. */
  #signedOut() {
    if (!this.#store.me || this.#layout.isWelcome) return;
    this.live.stop();
    clearTimeout(this.#timer);
    closeAllDialogs();
    this.#showLogin({ reason: "login.ended", username: this.#store.me.username });
  }

  async #logout() {
    try {
      await api.logout();
    } catch (error) {
      if (error.status !== 401) return notify(error.feedback, "bad");
    }
    this.live.stop();
    clearTimeout(this.#timer);
    this.#forgetUser();
    this.#layout.forgetRoom();
    this.#showLogin();
  }

  #forgetUser() {
    this.#store.open(null);
    this.composer.clear();
    this.#store.reset();
  }

  #liveHandlers() {
    return {
      onNews: (room, messages) => this.#news(room, messages),
      onAnswer: (count, since) => {
        if (count === 0) this.#outbox.forgetSent(since);
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
    const isLookedAt = this.#layout.isLookedAt(room);
    const others = messages.filter((message) => message.user !== this.#store.me.username);
    if (room === this.#store.room) this.conversation.noteNew(others.length);
    this.#unread.count(room, messages, isLookedAt);
  }

  #see() {
    const room = this.#store.room;
    if (!room || room.unread === 0 || !this.#layout.isLookedAt(room)) return;
    room.unseen = room.unread;
    this.#unread.clear(room);
    this.#store.markNew(room);
  }

  #opened() {
    const room = this.#store.room;
    this.#layout.showRoom();
    if (!room) return;
    lasting.set(`commonroom.room.${this.#store.me.username}`, room.name);
    this.#see();
  }

  /** A link led to a room that is not ours, as far as we know. */
  async #openByLink(name) {
    if (!this.#store.rooms.has(name)) await this.#refreshQuietly();
    const room = this.#store.rooms.get(name);
    if (!room) notify(t("rooms.unknown", { room: name }), "bad");
    else if (room.joined) this.#layout.open(name);
    else this.rooms.join(room);
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
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      this.#see();
      this.#refreshQuietly();
    });
  }
}
