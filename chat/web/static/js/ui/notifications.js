// Sounds and the browser's notifications while the page is open. Choices are kept in this browser, as its permission is.

import { el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { isDirect, roomTitle } from "../lib/names.js";
import { lasting } from "../lib/storage.js";
import { authorName, snippet } from "./messagerules.js";

const LEVELS = ["all", "mentions", "nothing"];
const TONE_HZ = 660;
const TONE_S = 0.18;
const PAUSE_MS = 1000; // between two sounds

export class Notifications {
  #store;
  #records;
  #open;
  #sounded = 0;
  #audio = null;

  /** open(name) shows a room. */
  constructor(store, records, open) {
    this.#store = store;
    this.#records = records;
    this.#open = open;
  }

  /** "all", "mentions" (which direct messages are, too) or "nothing". */
  level(room) {
    return this.#records.get("levels", lasting)?.[room.id] ?? "mentions";
  }

  /** Messages of others, in a room that is not looked at. Call it in one tab only. */
  tell(room, messages) {
    const wanted = messages.filter((message) => this.#wants(room, message));
    if (wanted.length === 0) return;
    if (this.#records.get("sound", lasting)) this.#sound();
    if (this.#mayShow()) this.#show(room, wanted.at(-1));
  }

  /** Whether a message names this user. */
  isForMe(room, { mentions, mentionsAll }) {
    return isDirect(room) || mentionsAll || mentions.includes(this.#store.me.username);
  }

  /** A choice for a room's dialog. */
  choice(room) {
    const options = LEVELS.map((level) => el("option", { value: level, selected: level === this.level(room) }, t(`notify.${level}`)));
    const select = el("select", { id: "notify-level" }, options);
    select.addEventListener("change", () => {
      this.#records.set("levels", { ...this.#records.get("levels", lasting), [room.id]: select.value }, lasting);
      this.#store.emit("unread");
    });
    return el("div", { class: "field" }, el("label", { for: "notify-level" }, t("notify.level")), select);
  }

  /** Switches for the account's dialog. */
  switches() {
    const desktop = this.#switch("notify.desktop", this.#mayShow(), async (isOn) => {
      const allowed = isOn && (await globalThis.Notification.requestPermission()) === "granted";
      this.#records.set("desktop", allowed, lasting);
      return allowed;
    });
    const hasThem = globalThis.Notification !== undefined && globalThis.isSecureContext;
    desktop.querySelector("input").disabled = !hasThem;
    const sound = this.#switch("notify.sound", Boolean(this.#records.get("sound", lasting)), async (isOn) => {
      this.#records.set("sound", isOn, lasting);
      if (isOn) this.#sound();
      return isOn;
    });
    return [desktop, hasThem ? null : el("p", { class: "hint" }, t("notify.https")), sound];
  }

  #switch(key, isOn, act) {
    const input = el("input", { type: "checkbox", checked: isOn });
    input.addEventListener("change", async () => (input.checked = await act(input.checked)));
    return el("label", { class: "check" }, input, " ", t(key));
  }

  #wants(room, message) {
    const level = this.level(room);
    return level === "all" || (level === "mentions" && this.isForMe(room, message));
  }

  #mayShow() {
    return Boolean(this.#records.get("desktop", lasting)) && globalThis.Notification?.permission === "granted";
  }

  #show(room, message) {
    const body = isDirect(room) ? snippet(message) : `${authorName(message, room)}: ${snippet(message)}`;
    try {
      const shown = new globalThis.Notification(roomTitle(room), { body, tag: `room ${room.id}` });
      shown.onclick = () => {
        globalThis.focus();
        this.#open(room.name);
        shown.close();
      };
    } catch {
      // Browsers of phones show them by service workers only.
    }
  }

  #sound() {
    if (Date.now() - this.#sounded < PAUSE_MS) return;
    this.#sounded = Date.now();
    this.#audio ??= new AudioContext();
    const [tone, volume] = [this.#audio.createOscillator(), this.#audio.createGain()];
    const now = this.#audio.currentTime;
    tone.frequency.value = TONE_HZ;
    volume.gain.setValueAtTime(0.15, now);
    volume.gain.exponentialRampToValueAtTime(0.001, now + TONE_S);
    tone.connect(volume).connect(this.#audio.destination);
    tone.start(now);
    tone.stop(now + TONE_S);
  }
}
