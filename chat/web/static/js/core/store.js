// The page's state: rooms, their messages, and unsent messages. Knows nothing of the DOM or the network.
//
// A room's messages have no gaps and are sorted by timestamp (the server assigns strictly increasing ones per room,
// in one format, so they compare as text). Messages from a pull are newer than all of them; messages from history are
// older, or overlap. Messages are identified by id, so that none shows twice. A changed
// message is another object, so the views know what to draw again.

import { changed, isChange } from "./messagechanges.js";
import { authorOf, isBy, isSameAuthor, presented } from "./profiles.js";
import { orderOf } from "./roomsettings.js";

export const KEPT_MESSAGES = 500;
const KEPT_IN_BACKGROUND = 60;

export class Store {
  #listeners = new Map();
  #activity = 0; // counts what was heard of rooms
  #usernames = new Map(); // by user's id, as heard last
  #ids = new Map(); // by username
  #formerNames = new Map(); // ids of rooms by a name that they had

  constructor() {
    this.reset();
  }

  reset() {
    for (const room of this.rooms?.values() ?? []) this.#drop(room.messages);
    this.me = null; // {id, username, nickname, isTeacher, avatar}
    this.#usernames = new Map();
    this.#ids = new Map();
    this.#formerNames = new Map();
    this.rooms = new Map(); // by name; all that may be seen, joined or not
    this.isCut = false; // there are more rooms than these
    this.current = null; // name of the open room
    this.pending = new Map(); // by client_message_id, in the order they were sent
    this.leaving = new Set(); // names of rooms that we leave or delete ourselves
  }

  on(topic, listener) {
    if (!this.#listeners.has(topic)) this.#listeners.set(topic, []);
    this.#listeners.get(topic).push(listener);
  }

  off(topic, listener) {
    const left = (this.#listeners.get(topic) ?? []).filter((known) => known !== listener);
    this.#listeners.set(topic, left);
  }

  emit(topic, detail) {
    for (const listener of this.#listeners.get(topic) ?? []) listener(detail);
  }

  /** Take in the members of a room: who looks like another by name. */
  setAlike(room, members) {
    const alike = new Set(members.filter((member) => member.alike).map((member) => member.user_id));
    if (alike.size === room.alike.size && [...alike].every((id) => room.alike.has(id))) return;
    room.alike = alike;
    this.emit("alike", room);
  }

  /** Take in people as they are called now (members, or authors of messages): names beside loaded messages follow. */
  setProfiles(raws) {
    const authors = new Map(raws.map((raw) => [raw.user_id, authorOf(raw)]));
    const renamed = new Map();
    let isChanged = false;
    for (const [id, { user }] of authors) {
      const before = this.#usernames.get(id) ?? user;
      if (before !== user) renamed.set(before, user);
      isChanged ||= user.includes("@") && !this.#ids.has(user); // its number stands for it
      this.#usernames.set(id, user);
      this.#ids.set(user, id);
    }
    const me = authors.get(this.me?.id);
    if (me) this.setMe({ id: this.me.id, username: me.user, nickname: me.name, isTeacher: me.isTeacher, avatar: me.avatar });
    for (const room of this.rooms.values()) {
      const messages = room.messages.map((message) => presented(message, authors.get(message.userId), renamed));
      isChanged ||= messages.some((message, index) => message !== room.messages[index]);
      room.messages = messages;
      const peer = authors.get(room.peer?.userId);
      if (!peer || isSameAuthor({ ...peer, ...room.peer }, peer)) continue;
      Object.assign(room.peer, { user: peer.user, name: peer.name, isTeacher: peer.isTeacher });
      this.emit("rooms");
    }
    if (isChanged) this.emit("profiles");
  }

  /** The id of the user with this username, or null where no profile was taken in. */
  idOf(user) {
    return this.#ids.get(user) ?? null;
  }

  /** The logged-in user, with a changed name, badge or picture. isHeard: from another tab. */
  setMe(me, isHeard = false) {
    const isSame = Object.keys(me).every((key) => me[key] === this.me[key]);
    this.me = { ...this.me, ...me };
    if (!isSame) this.emit("me", isHeard);
  }

  get room() {
    return this.rooms.get(this.current) ?? null;
  }

  /** The room of this name, or the one that had it. */
  find(name) {
    const id = this.#formerNames.get(name);
    return this.rooms.get(name) ?? [...this.rooms.values()].find((room) => room.id === id) ?? null;
  }

  /** The user's rooms, most active first. */
  get joined() {
    return [...this.rooms.values()].filter((room) => room.joined).sort((one, other) => other.activity - one.activity);
  }

  /**
   * Take in /room/find. `adopt(room, found)` applies the counts of a joined room. If the list is cut, the user's rooms
   * that are not in it stay as they are: the pull tells when one is lost. isSearch: all others stay, too, but for those
   * with `searched` in their names, if it is given: the list would have them. Search results keep their place.
   */
  setRooms(list, adopt, { isCut = false, isSearch = false, searched = null } = {}) {
    const before = this.rooms;
    const byId = new Map([...before.values()].map((room) => [room.id, room]));
    this.rooms = new Map();
    this.isCut = isCut;
    for (const [index, found] of list.entries()) {
      const known = byId.get(found.id);
      const isSame = known?.joined === found.joined;
      this.rooms.set(found.roomname, isSame ? known : newRoom(found));
      const room = this.rooms.get(found.roomname);
      room.isListed = true;
      room.memberCount = found.membercount;
      if (!isSearch || !isSame) room.activity = this.#activity + list.length - index; // the most active come first
      room.role = found.role;
      room.mentions = found.mentions; // unread ones that name the user
      Object.assign(room, orderOf(found), { mutedUntil: Date.parse(found.muted_until) || 0 });
      if (found.last_time > room.lastTime) room.lastTime = found.last_time;
      if (room.joined) adopt(room, found);
    }
    this.#activity += list.length;
    this.#rename();
    const isStillOurs = (room) => list.some((found) => found.id === room.id && found.joined); // it may have another name
    const lost = [];
    for (const [name, room] of before) {
      if (this.rooms.get(room.name) === room) continue;
      room.isListed = false;
      const isGone = searched !== null && isFoundBy(room.name, searched);
      const stays = isCut && (room.joined || (isSearch && !isGone));
      if (stays && !this.rooms.has(name)) this.rooms.set(name, room);
      else {
        if (room.joined && !isStillOurs(room)) lost.push(room);
        this.#forget(room);
      }
    }
    if (this.current !== null && !this.room?.joined) this.open(null);
    this.emit("rooms");
    for (const room of lost) this.#tellLost(room);
  }

  /** Rooms of the list may have other names than before: the open room, unsent messages and drafts follow. */
  #rename() {
    const renamed = new Map();
    for (const [name, room] of this.rooms) {
      if (room.name === name) continue;
      renamed.set(room.name, name);
      this.#formerNames.set(room.name, room.id);
      room.name = name;
    }
    if (renamed.size === 0) return;
    this.current = renamed.get(this.current) ?? this.current;
    for (const pending of this.pending.values()) pending.room = renamed.get(pending.room) ?? pending.room;
    this.emit("renamed", renamed);
  }

  /** We are in this room no longer. */
  lose(name) {
    const room = this.rooms.get(name);
    if (!room?.joined) return;
    room.joined = false;
    this.#forget(room);
    this.rooms.delete(name);
    if (this.current === name) this.open(null);
    this.emit("rooms");
    this.#tellLost(room);
  }

  #tellLost(room) {
    if (!this.leaving.has(room.name)) this.emit("lost", room);
  }

  open(name) {
    if (this.current === name) return;
    const left = this.room;
    this.current = name;
    if (this.room) this.room.isKept = true;
    if (left) {
      left.newFrom = null;
      this.trim(left, KEPT_IN_BACKGROUND);
    }
    this.emit("current");
  }

  /** Add a pull's messages and changes to a room: newer ones, oldest first. */
  addNewer(room, entries) {
    if (entries.length === 0) return;
    room.cursor = entries.at(-1).timestamp;
    const messages = entries.filter((entry) => !isChange(entry));
    if (messages.length > 0) {
      const last = messages.at(-1).timestamp;
      if (last > room.lastTime) room.lastTime = last;
      room.activity = this.#activity += 1;
    }
    for (const message of messages) this.#settle(message);
    // A room loads its messages from history when it is first opened. From then on all are kept: messages that arrive
    // while history is loading may not be in it.
    if (room.isKept) {
      if (messages.length > 0) this.#merge(room, messages);
      this.#change(room, entries.filter(isChange));
    }
    this.emit("messages", room);
  }

  /** Take in a page of history; `isStart`: nothing is older. */
  addOlder(room, messages, isStart) {
    for (const message of messages) this.#settle(message);
    room.isLoaded = true;
    room.isAtStart = isStart;
    this.#merge(room, messages);
    this.emit("messages", room);
  }

  /** Remember where the messages begin that were unread when the room came into sight. */
  markNew(room) {
    if (room.unseen === 0 || !room.isLoaded) return;
    const others = room.messages.filter((message) => !isBy(message, this.me));
    room.newFrom = others.at(-room.unseen)?.id ?? null;
    room.unseen = 0;
    this.emit("messages", room);
  }

  /** Keep only the newest messages; history has the others. */
  trim(room, keep = KEPT_MESSAGES) {
    const excess = room.messages.length - keep;
    if (excess <= 0) return;
    this.#drop(room.messages.splice(0, excess));
    room.isAtStart = false;
  }

  addPending(pending) {
    this.pending.set(pending.id, pending);
    this.emit("pending", pending);
  }

  updatePending(id, change) {
    const pending = this.pending.get(id);
    if (!pending) return; // settled meanwhile
    Object.assign(pending, change);
    this.emit("pending", pending);
  }

  removePending(id) {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    if (pending) this.emit("pending", pending);
    return pending;
  }

  pendingOf(name) {
    return [...this.pending.values()].filter((pending) => pending.room === name);
  }

  #settle(message) {
    if (!isBy(message, this.me) || !message.clientId) return;
    const pending = this.removePending(message.clientId);
    if (pending?.url && message.type === "img") {
      // The picture that is on the screen already need not be decoded again.
      this.emit("dropped", message);
      message.url = pending.url;
    }
  }

  #merge(room, messages) {
    const isNewer = (message, index) => message.timestamp > ((messages[index - 1] ?? room.messages.at(-1))?.timestamp ?? "");
    if (messages.every(isNewer)) {
      room.messages.push(...messages); // as nearly always: sorting thousands for each new one would take ms
      return;
    }
    const known = new Map(room.messages.map((message) => [message.id, message]));
    for (const message of messages) {
      if (known.has(message.id)) this.emit("dropped", message);
      else known.set(message.id, message);
    }
    room.messages = [...known.values()].sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1));
  }

  #change(room, changes) {
    for (const change of changes) {
      const at = room.messages.findLastIndex((message) => message.id === change.id);
      if (at < 0) continue;
      const before = room.messages[at];
      const after = changed(before, change);
      room.messages.splice(at, 1, ...(after ? [after] : []));
      if (!after) this.#drop([before]);
    }
  }

  #drop(messages) {
    for (const message of messages) this.emit("dropped", message);
  }

  #forget(room) {
    this.#drop(room.messages);
    room.messages = [];
    const pending = this.pendingOf(room.name);
    room.unsent = pending.filter(({ state }) => state !== "sent").map(({ text, name }) => text || name);
    for (const { id } of pending) this.removePending(id);
  }
}

/** Whether a search for a part of a name finds this one. */
export const isFoundBy = (name, part) => name.toLowerCase().includes(part.trim().toLowerCase());

function newRoom(found) {
  return {
    name: found.roomname,
    id: found.id,
    type: found.type,
    isLocked: found.locked,
    joined: found.joined,
    role: found.role,
    memberCount: found.membercount,
    alike: new Set(), // ids of members whose names look like others'
    lastTime: found.last_time,
    cursor: found.last_time, // the pull goes on from here
    mentions: 0,
    unread: 0, // see unread.js, also for the next three
    counted: { count: 0, upTo: "" }, // by the server
    fresh: [], // times of what has come since
    seenUpTo: "",
    messages: [],
    isKept: false, // has been open: messages are kept
    isLoaded: false, // history has been fetched, so that the messages reach back without a gap
    isAtStart: false,
    unseen: 0, // how many were unread when the room came into sight, until they are marked
    newFrom: null, // id of the first of these
  };
}
