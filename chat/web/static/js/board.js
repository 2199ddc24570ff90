// The board for the projector: a room's newest messages in large type, and how to come in.

import { actFor, api } from "./core/api.js";
import { release, toEntries } from "./core/servermessages.js";
import { siteApi } from "./core/siteapi.js";
import { all, byId, el } from "./lib/dom.js";
import { keepFocus } from "./lib/focus.js";
import { announceLanguage, onLanguage, t } from "./lib/i18n.js";
import { nameNode } from "./lib/names.js";
import { loginAddress, siteName } from "./ui/arrival.js";
import { formatted, isOnlyEmoji } from "./ui/formatting.js";
import { qrCodes } from "./ui/qr.js";
import { addressChoice, joinAddress } from "./ui/roomlink.js";
import { setUpSwitches } from "./ui/switches.js";

const SHOWN = 40; // messages
const HOLD_S = 25;
const AGAIN_MS = 500; // between two looks
const LOOK_MS = 2000; // for who reads without being in the room: pulls are for members
const RETRY_MS = 5000;

class Board {
  #room;
  #id = null; // the room's, by which it is found where it has another name
  #messages = [];
  #hidden = null; // id of the message that the button has hidden
  #switches = { names: false, frozen: false };
  #log = byId("board-log");
  #problem = null; // why nothing can be shown
  #cursor = null;
  #isMember = true;
  #alike = new Set(); // ids of members whose names look like others'

  constructor(room) {
    this.#room = room;
    // Pictures get their height when they are loaded; the window's size changes the size of the text.
    this.#log.addEventListener("load", () => this.#follow(), { capture: true });
    new ResizeObserver(() => this.#follow()).observe(this.#log);
    onLanguage(() => this.#label());
  }

  async start() {
    if ((await api.session()).state !== "living") return logIn();
    actFor((await api.me()).id);
    await this.#look();
    this.#label();
    this.#identify().catch(() => {});
    this.#showJoin().catch(() => {}); // not for everybody: there is no code to show, then
    for (;;) {
      try {
        await this.#wait();
        await this.#look();
        byId("board-state").textContent = this.#switches.frozen ? t("board.frozen") : "";
        await pause(this.#isMember ? AGAIN_MS : LOOK_MS);
      } catch (error) {
        if (error.status === 401) return logIn(); // the session has ended, or is another user's
        if (error.status === 404 && !this.#isMember) {
          if (!(await this.#rename().catch(() => false))) return this.tell(error);
        } else if (error.status === 404) this.#isMember = false;
        else byId("board-state").textContent = error.message;
        await pause(RETRY_MS);
      }
    }
  }

  async #identify() {
    const room = this.#room;
    this.#id = (await api.findRoom(({ roomname }) => roomname === room, { q: room }))?.id ?? null;
  }

  /** Whether the room has another name, by which it goes on. */
  async #rename() {
    const found = this.#id && (await api.findRoom(({ id }) => id === this.#id));
    if (!found) return false;
    this.#room = found.roomname;
    this.#isMember = found.joined;
    history.replaceState(null, "", `/board/${encodeURIComponent(this.#room)}`);
    this.#label();
    return true;
  }

  tell(error) {
    this.#problem = error;
    this.#label();
  }

  /** Until something has come or changed. */
  async #wait() {
    if (!this.#isMember) return;
    const answer = await api.pull({ [this.#room]: this.#cursor }, { hold: HOLD_S, read: [], timeout: (HOLD_S + 15) * 1000 });
    this.#isMember = Object.hasOwn(answer, this.#room);
    if (this.#isMember) this.#cursor = answer[this.#room].at(-1)?.timestamp ?? this.#cursor;
  }

  async #look() {
    const { messages } = await api.history(this.#room, null, SHOWN);
    this.#cursor = messages.at(-1)?.timestamp ?? this.#cursor ?? "";
    if (this.#switches.frozen) return;
    const before = this.#messages;
    const shown = await toEntries(messages);
    if (namesOf(shown) !== namesOf(before)) await this.#compare();
    this.#messages = shown;
    this.#draw();
    before.forEach(release);
  }

  /** Whose names look like others'. */
  async #compare() {
    const { members } = await api.members(this.#room, "", { alike: 1 });
    this.#alike = new Set(members.map((member) => member.user_id));
  }

  #draw() {
    if (this.#problem) {
      const isUnknown = [400, 404].includes(this.#problem.status); // 400: no room can have this name
      const text = isUnknown ? t("board.unknown") : this.#problem.message;
      this.#log.replaceChildren(el("p", { class: "board-empty" }, text), el("a", { class: "button-link", href: "/" }, t("teach.back")));
      return;
    }
    const shown = this.#messages.filter((message) => message.id !== this.#hidden);
    const nodes = shown.map((message) => this.#node(message));
    const places = new Map(all(".words", this.#log).map((words) => [words.dataset.id, words.scrollTop]));
    this.#log.replaceChildren(...(nodes.length > 0 ? nodes : [el("p", { class: "board-empty" }, t("conversation.empty"))]));
    for (const words of all(".words", this.#log)) words.scrollTop = places.get(words.dataset.id) ?? 0;
    this.#follow();
  }

  #follow() {
    for (const words of all(".words", this.#log)) {
      if (words.scrollHeight > words.clientHeight + 1) words.tabIndex = 0; // to be scrolled by keyboard
      else words.removeAttribute("tabindex");
    }
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #node(message) {
    const name = nameNode(message.name, message.user, message.userId, { isTeacher: message.isTeacher, isAlike: this.#alike.has(message.userId) });
    return el("article", { class: "board-message" }, this.#switches.names ? null : el("p", { class: "board-name" }, name), content(message));
  }

  #label() {
    byId("board-title").textContent = this.#room;
    document.title = `${this.#room} · ${siteName()}`;
    const button = (key, isOn, act) =>
      el("button", { type: "button", "aria-pressed": String(isOn), onclick: () => { act(); this.#label(); } }, t(key));
    byId("board-buttons").hidden = this.#problem !== null;
    byId("board-buttons").replaceChildren(
      button("board.names", this.#switches.names, () => this.#toggle("names")),
      button("board.last", this.#hidden !== null, () => this.#hideLast()),
      button("board.freeze", this.#switches.frozen, () => this.#toggle("frozen")),
    );
    byId("board-state").textContent = this.#switches.frozen ? t("board.frozen") : "";
    this.#draw();
  }

  #toggle(name) {
    this.#switches[name] = !this.#switches[name];
    if (name === "frozen" && !this.#switches.frozen) this.#look().catch(() => {}); // the loop reports the failure
  }

  /** The newest one, and again to show it. */
  #hideLast() {
    this.#hidden = this.#hidden === null ? (this.#messages.at(-1)?.id ?? null) : null;
  }

  /** QR code and join code, for users with the right to see it. */
  async #showJoin() {
    const { code } = await siteApi.roomCode(this.#room);
    if (!code) return;
    const picture = el("div");
    const address = el("p", { class: "board-address" });
    const choice = await addressChoice(async (chosen) => {
      address.replaceChildren(...joinAddress(chosen, code));
      picture.replaceChildren(...(await qrCodes([`${chosen}/join/${code}`])));
    });
    byId("board-join").replaceChildren(picture, el("p", { class: "board-code" }, el("code", {}, code)), address, choice);
    byId("board-join").hidden = false;
  }
}

const namesOf = (messages) => [...new Set(messages.map(({ userId, name }) => `${userId} ${name}`))].sort().join("\n");

const logIn = () => location.replace(loginAddress());

function content(message) {
  if (message.type === "img") return message.url ? el("img", { src: message.url, alt: t("picture.alt", { name: message.name }) }) : t("picture.gone");
  if (message.type === "file") return el("p", {}, message.file?.name ?? t("message.file"));
  return el("div", { class: isOnlyEmoji(message.text) ? "words emoji" : "words", dir: "auto", "data-id": message.id }, formatted(message.text));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function roomInPath() {
  const text = location.pathname.replace(/^\/board\//, "");
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

keepFocus();
setUpSwitches();
const board = new Board(roomInPath());
announceLanguage();
board.start().catch((error) => board.tell(error));
