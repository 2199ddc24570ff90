// Screen layout: the welcome page or the chat, with one pane at a time on phones.

import { byId, el, first } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { roomTitle, roomTitleNode, teacherBadge } from "../lib/names.js";
import { lasting } from "../lib/storage.js";
import { claimEntry, closeAllDialogs, stepBack } from "./dialogs.js";
import { avatarNode } from "./messageview.js";

const MEMBERS_KEY = "commonroom.members";
const isNarrow = matchMedia("(max-width: 47.5em)");
const isMedium = matchMedia("(max-width: 65em)");
const hasKeyboard = matchMedia("(hover: hover) and (pointer: fine)");

function roomInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

const addressOf = (name) => `#${encodeURIComponent(name)}`;

export class Layout {
  #store;
  #handlers;
  #chat = byId("chat");
  #shown = ""; // about the open room
  #isWide = lasting.get(MEMBERS_KEY) !== false && !isMedium.matches;

  /** handlers: openRoom(name) for a room in the address that is not ours, onSeen() when the open room came into sight. */
  constructor(store, handlers) {
    this.#store = store;
    this.#handlers = handlers;
    byId("back").addEventListener("click", () => this.#showList());
    byId("toggle-members").addEventListener("click", () => this.#toggleMembers());
    byId("close-members").addEventListener("click", () => {
      this.#toggleMembers();
      byId("toggle-members").focus();
    });
    window.addEventListener("popstate", () => this.#followEntry());
    byId("skip").addEventListener("click", (event) => {
      event.preventDefault();
      byId("message-text").focus();
    });
    byId("members-pane").addEventListener("keydown", (event) => {
      if (event.key === "Escape" && isMedium.matches) byId("close-members").click();
    });
    window.addEventListener("hashchange", () => this.#followAddress());
    isMedium.addEventListener("change", () => {
      if (history.state?.members) stepBack();
      this.#showMembers(!isMedium.matches && lasting.get(MEMBERS_KEY) !== false, false);
    });
  }

  get isWelcome() {
    return this.#chat.hidden;
  }

  /** Whether a room is open before the user's eyes. */
  isLookedAt(room) {
    const isPaneShown = !isNarrow.matches || this.#chat.dataset.pane === "conversation";
    return room.name === this.#store.current && document.visibilityState === "visible" && document.hasFocus() && isPaneShown && !this.isWelcome;
  }

  showWelcome() {
    this.#chat.hidden = true;
    byId("welcome").hidden = false;
  }

  showChat() {
    byId("welcome").hidden = true;
    this.#chat.hidden = false;
    this.showName();
    this.#showMembers(this.#isWide, false);
  }

  /** The user's own name and picture. */
  showName() {
    const { username, nickname, avatar } = this.#store.me;
    byId("my-name").replaceChildren(el("span", { class: "account-nick" }, nickname), ...(this.#store.me.isTeacher ? [" ", teacherBadge()] : []));
    byId("my-name").title = username;
    const face = avatarNode(nickname, username, avatar);
    face.id = "my-avatar";
    byId("my-avatar").replaceWith(face);
  }

  /** After logging in: the room in the address, the one last open, or the first. */
  openFirst(last) {
    const wanted = roomInAddress();
    // Not the most active one: to open a room is to read it.
    const names = this.#store.joined.toSorted((one, other) => one.id - other.id).map((room) => room.name);
    const name = [wanted, this.#store.current, last, names[0]].find((candidate) => names.includes(candidate));
    // On a phone the list comes first, unless the address names a room.
    if (name !== undefined) this.#open(name, wanted === name || !isNarrow.matches);
    else this.#store.open(null);
    this.showRoom();
    if (wanted && !names.includes(wanted)) this.#handlers.openRoom(wanted);
    else this.showAddress();
  }

  open(name) {
    this.#open(name, true);
    if (location.hash !== addressOf(name)) claimEntry(null, addressOf(name));
    if (hasKeyboard.matches) byId("message-text").focus();
    else if (isNarrow.matches) byId("log").focus({ preventScroll: true });
  }

  #open(name, isShown) {
    if (isShown) this.#chat.dataset.pane = "conversation";
    if (isMedium.matches) this.#showMembers(false, false);
    this.#store.open(name);
    this.#handlers.onSeen();
  }

  /** Let the address name the room that is shown. */
  showAddress() {
    if (this.isWelcome) return;
    const isShown = this.#store.room && (!isNarrow.matches || this.#chat.dataset.pane === "conversation");
    history.replaceState(null, "", isShown ? addressOf(this.#store.current) : location.pathname);
  }

  /** After logging in: to the field to write in, or on a phone to the list. */
  focus() {
    if (hasKeyboard.matches && this.#store.room) byId("message-text").focus();
    else first("[aria-current], button", byId("room-list"))?.focus();
  }

  forgetRoom() {
    history.replaceState(null, "", location.pathname);
    this.#chat.dataset.pane = "rooms";
  }

  #showList() {
    this.#chat.dataset.pane = "rooms";
    claimEntry(null, location.pathname);
    first("[aria-current] , button", byId("room-list"))?.focus();
  }

  #followAddress() {
    if (this.isWelcome) return;
    closeAllDialogs();
    const name = roomInAddress();
    const room = this.#store.find(name);
    if (room?.joined) {
      this.#open(room.name, true);
      if (room.name !== name) this.showAddress();
      return;
    }
    if (name) return this.#handlers.openRoom(name);
    this.#chat.dataset.pane = "rooms";
    this.showAddress();
  }

  /** By the user. Where the members cover the room, going back closes them. */
  #toggleMembers() {
    this.#showMembers(!this.#isWide);
    if (isMedium.matches && this.#isWide) claimEntry({ members: true });
    else if (history.state?.members) stepBack();
  }

  #followEntry() {
    const isShown = Boolean(history.state?.members);
    if (isShown && !isMedium.matches) return stepBack(); // the window was widened meanwhile
    if (this.isWelcome || !isMedium.matches || isShown === this.#isWide) return;
    this.#showMembers(isShown, false);
    byId(isShown ? "close-members" : "toggle-members").focus();
  }

  #showMembers(isShown, isKept = true) {
    this.#isWide = isShown;
    this.#chat.classList.toggle("with-members", isShown);
    byId("toggle-members").setAttribute("aria-expanded", String(isShown));
    if (isKept && !isMedium.matches) lasting.set(MEMBERS_KEY, isShown);
    if (isShown && isKept && isMedium.matches) byId("close-members").focus();
  }

  /** The open room's name and description, or the hint that none is open. */
  showRoom() {
    const room = this.#store.room;
    if (!room && this.#chat.dataset.pane === "conversation") this.#chat.dataset.pane = "rooms";
    for (const id of ["conversation-head", "composer"]) byId(id).hidden = !room;
    first(".log-frame").hidden = !room;
    byId("no-conversation").hidden = Boolean(room);
    if (!room) this.#chat.classList.remove("with-members");
    else this.#chat.classList.toggle("with-members", this.#isWide);
    if (!room) return;
    const about = [t("rooms.members", { count: room.memberCount })];
    if (room.isLocked) about.push(t("room.locked"));
    const key = JSON.stringify([room.id, roomTitle(room), room.peer, about, room.topic, document.documentElement.lang]);
    if (this.#shown === key) return; // each new message comes here
    this.#shown = key;
    const topic = room.topic ? [" · ", el("bdi", {}, room.topic)] : [];
    byId("room-title").replaceChildren(roomTitleNode(room));
    byId("room-title").title = roomTitle(room);
    byId("room-about").replaceChildren(about.join(" · "), ...topic);
    byId("room-about").title = room.topic;
    byId("log").setAttribute("aria-label", t("conversation.label", { room: roomTitle(room) }));
  }
}
