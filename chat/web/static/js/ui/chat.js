// The whole chat: the logged-in user, the open room, and communication between the parts.

import { api } from "../core/api.js";
import { Directs } from "../core/directs.js";
import { LongPoll } from "../core/longpoll.js";
import { Outbox } from "../core/outbox.js";
import { isBy } from "../core/profiles.js";
import { RoomFeed } from "../core/roomfeed.js";
import { avatarSource, release } from "../core/servermessages.js";
import { Store } from "../core/store.js";
import { Tabs } from "../core/tabs.js";
import { Unread } from "../core/unread.js";
import { byId, el } from "../lib/dom.js";
import { cutBefore } from "../lib/format.js";
import { onLanguage, t } from "../lib/i18n.js";
import { lasting, Records } from "../lib/storage.js";
import { wireAccount } from "./account.js";
import { Announcements } from "./announcements.js";
import { siteName } from "./arrival.js";
import { ConnectionBanner } from "./banner.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { closeAllDialogs, leaveFor, openForm, openPicture } from "./dialogs.js";
import { wirePanel } from "./joincode.js";
import { Layout } from "./layout.js";
import { tellLost } from "./lostroom.js";
import { Members } from "./members.js";
import { authorName, snippet } from "./messagerules.js";
import { RoomOrder } from "./moderation.js";
import { openMemberActions } from "./moderationdialogs.js";
import { notify } from "./notices.js";
import { Notifications } from "./notifications.js";
import { RoomDialogs } from "./roomdialogs.js";
import { RoomList } from "./rooms.js";
import { Search } from "./search.js";
import { SeenBy } from "./seen.js";
import { Session } from "./session.js";
import { Typing } from "./typing.js";

const RETRY_AGAIN_MS = 3000;
const NAME_SHOWN = 60; // characters of a name in an address

export class Chat {
  #store = new Store();
  #unread = new Unread(this.#store);
  #connection = new ConnectionBanner();
  #tabs = new Tabs();
  #records = new Records();
  #outbox = new Outbox(this.#store, this.#records, () => this.session.end());
  #layout = new Layout(this.#store, { openRoom: (name) => this.#openByLink(name), onSeen: () => this.#see() });
  #typing = new Typing(this.#store);

  constructor() {
    const store = this.#store;
    store.on("dropped", release);
    store.on("lost", (room) => tellLost(room, [...room.unsent, this.composer.draftOf(room.name)]));
    store.on("current", () => this.#opened());
    store.on("renamed", () => {
      if (store.room) this.#records.set("room", store.room.name, lasting);
      if (history.state === null) this.#layout.showAddress(); // else a dialog's entry
    });
    store.on("me", (isHeard) => this.#meChanged(isHeard));
    for (const topic of ["unread", "rooms"]) store.on(topic, () => this.#showTitle());
    const open = (name) => this.#layout.open(name);
    this.feed = new RoomFeed(store, {
      adopt: (room, found) => this.#unread.adopt(room, found.unread, found.last_time),
      onTaken: () => this.#see(),
      onSignedOut: () => this.session.end(),
    });
    wirePanel(store);
    this.notifications = new Notifications(store, this.#records, open);
    wireAccount(store, { changed: () => this.#showMe(), left: () => leaveFor("/"), notifications: this.notifications });
    this.rooms = new RoomDialogs(store, this.feed, open, (room) => this.notifications.choice(room));
    new RoomList(store, open, () => this.feed.more());
    new Directs(store);
    this.announcements = new Announcements(store, this.#records);
    this.members = new Members(store, () => this.feed.refreshQuietly(), (member) => this.#moderate(member));
    this.conversation = new Conversation(store, {
      enlarge: openPicture,
      retry: (view) => this.#outbox.retry(view.id),
      edit: (view) => this.#discard(view) && this.composer.edit(view.text),
      discard: (view) => this.#discard(view),
      onSignedOut: () => this.session.end(),
      ...this.#messageActions(),
    });
    this.seen = new SeenBy(store, (message) => this.conversation.nodeOf(message));
    new Search(store, {
      isLoaded: (name, id) => name === store.current && store.room.messages.some((message) => message.id === id),
      jump: (id) => this.conversation.jumpTo(id),
      open,
    });
    this.order = new RoomOrder(store, {
      refreshRooms: () => this.feed.refreshQuietly(),
      jump: (id) => this.conversation.jumpTo(id),
    });
    this.composer = new Composer(store, this.#records, this.#outbox, this.#typing, () => this.members.all, () =>
      this.conversation.toBottom(),
    );
    this.live = new LongPoll(store, this.#tabs, this.#liveHandlers());
    this.session = this.#newSession();
    store.on("pending", (pending) => this.#announceFailure(pending));
    this.#wireButtons();
    this.#listenToTabs();
    onLanguage(() => this.#showTitle());
  }

  #newSession() {
    const shared = { store: this.#store, tabs: this.#tabs, records: this.#records, layout: this.#layout };
    return new Session({ ...shared, connection: this.#connection }, {
      onEnter: () => this.#enter(),
      onRenewed: () => this.live.restart(),
      onPause: () => this.#pause(),
      onResume: () => {
        this.live.start();
        this.feed.refreshQuietly();
      },
      onForget: () => this.#forgetUser(),
      unsent: () => this.#outbox.unsent.length,
    });
  }

  start() {
    return this.session.start();
  }

  /** The user has changed name or picture. */
  async #showMe() {
    const { nickname, avatar } = await api.me();
    this.#store.setMe({ nickname, avatar: avatarSource(avatar) });
    this.members.refresh();
  }

  /** The user has another name, badge or picture, here or elsewhere. */
  #meChanged(isHeard) {
    const { me } = this.#store;
    this.#records.rename(me.username);
    this.#layout.showName();
    if (!isHeard) this.#tabs.tell("me", { me }); // two tabs could answer each other without end
  }

  async #enter() {
    await this.feed.refresh();
    this.#outbox.restore();
    this.#layout.showChat();
    this.#connection.show("online");
    this.live.start();
    this.#layout.openFirst(this.#records.get("room", lasting));
    this.conversation.heal();
  }

  #pause() {
    this.members.stop();
    this.announcements.stop();
    this.live.stop();
    this.feed.stop();
    closeAllDialogs();
  }

  #forgetUser() {
    this.#store.open(null);
    this.conversation.forgetEdits();
    this.composer.clear();
    this.#store.reset();
  }

  #liveHandlers() {
    return {
      lookedAt: () => (this.#isLookedAt() ? this.#store.room : null),
      onNews: (room, messages) => this.#news(room, messages),
      onTyping: (room, users) => this.#typing.hear(room, users),
      onChanges: (room, changes) => this.#changed(room, changes),
      onAnswer: (count, since) => {
        if (count === 0) this.#outbox.forgetSent(since);
        if (count === 0) this.members.changed();
        if (count === 0) this.announcements.changed();
        this.#outbox.retryPassing(RETRY_AGAIN_MS);
      },
      onSignedOut: () => this.session.end(),
      onRoomsChanged: () => this.feed.refreshQuietly(),
      onMissing: (rooms) => this.#missing(rooms),
      onState: (state) => {
        this.#connection.show(state);
        if (state !== "online") return;
        this.#outbox.retryPassing();
        this.conversation.heal();
        this.members.changed(); // soon, as the first pull's answer asks for the same
      },
    };
  }

  /** A pull did not know these rooms by name: the list tells whether they have others, or are not ours any more. */
  async #missing(rooms) {
    const asked = new Map(rooms.map((room) => [room, room.name]));
    try {
      await this.feed.refreshWith(rooms);
    } catch (error) {
      if (error.status === 401) this.session.end();
      return; // the next pull tells again
    }
    for (const [room, name] of asked) {
      if (!room.isListed && this.#store.rooms.get(name) === room) this.#store.lose(name);
    }
  }

  /** Actions on messages; failures are shown. */
  #messageActions() {
    const act = (request) => request.catch((error) => notify(error.message, "bad"));
    const inRoom = () => this.#store.room.name;
    return {
      react: (message, emoji, on) => act(api.react(inRoom(), message.id, emoji, on)),
      reply: (message) => this.composer.reply(message, authorName(message, this.#store.room), snippet(message)),
      change: (message, text) => api.edit(inRoom(), message.id, text, message.edited),
      remove: (message) => this.#askToDelete(inRoom(), message),
      pin: (message) => act(this.order.pin(message, true)),
      seen: (message) => this.seen.open(message),
    };
  }

  #askToDelete(roomname, message) {
    const nodes = [el("p", {}, t("message.delete.text")), el("blockquote", {}, snippet(message))];
    openForm(t("message.delete.title"), nodes, { text: t("tools.remove"), isDangerous: true }, async () => {
      await api.deleteMessage(roomname, message.id);
      notify(t("message.delete.done"), "quiet");
    });
  }

  #news(room, messages) {
    this.#typing.stop(room, messages.map(({ user }) => user));
    const others = messages.filter((message) => !isBy(message, this.#store.me));
    if (room === this.#store.room) this.conversation.noteNew(others.length);
    room.mentions += others.filter((message) => this.notifications.isForMe(room, message)).length;
    this.#unread.add(room, messages);
    if (this.#isLookedAt() && room === this.#store.room) this.#markSeen(room);
    else if (this.#tabs.isLeading) this.notifications.tell(room, others);
  }

  /** Deleted messages may have counted as unread: ask the server. */
  #changed(room, changes) {
    this.order.changed(room, changes);
    if (room === this.#store.room && changes.some(({ change }) => change === "members")) this.members.changed();
    if (room.unread > 0 && changes.some(({ change }) => change === "deleted")) this.feed.recount();
  }

  #moderate(member) {
    openMemberActions(this.#store.room, member, () => this.members.refresh());
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
    this.#tabs.on("me", ({ me }) => this.#store.me?.id === me.id && this.#store.setMe(me, true));
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
    try {
      // The list may be from before we joined.
      await this.feed.refresh();
      if (!this.#store.rooms.has(name) && this.#store.isCut) await this.feed.search(name);
    } catch (error) {
      if (error.status === 401) this.session.end();
      else notify(error.message, "bad");
      return;
    } finally {
      this.feed.search("");
    }
    const room = this.#store.rooms.get(name);
    if (room?.joined) return this.#layout.open(name);
    this.#layout.showAddress();
    if (room) this.rooms.join(room);
    else notify(t("rooms.unknown", { room: name.slice(0, cutBefore(name, NAME_SHOWN)) }), "bad");
  }

  #discard(view) {
    const pending = this.#outbox.discard(view.id);
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
    const total = this.#store.me ? this.#unread.totalOf((room) => this.notifications.level(room) !== "nothing") : 0;
    document.title = total > 0 ? `(${total}) ${siteName()}` : siteName();
    this.#layout.showRoom();
  }

  #wireButtons() {
    const onClick = (ids, act) => {
      for (const id of ids) byId(id).addEventListener("click", act);
    };
    onClick(["find-rooms", "no-rooms-find", "none-find"], () => this.rooms.find());
    onClick(["create-room", "none-create"], () => this.rooms.create());
    byId("room-details").addEventListener("click", () => this.rooms.details(this.#store.room));
    globalThis.addEventListener("focus", () => this.#see());
    globalThis.addEventListener("online", () => this.#outbox.retryPassing()); // a held pull may not have noticed
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      this.#see();
      this.feed.refreshQuietly();
    });
  }
}
