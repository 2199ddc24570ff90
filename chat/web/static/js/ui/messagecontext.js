// A message that was found, with the messages before and after it.

import { api } from "../core/api.js";
import { release, toEntries } from "../core/servermessages.js";
import { el, isolated } from "../lib/dom.js";
import { fullTime, toDate } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { fullName } from "../lib/names.js";
import { formatted } from "./formatting.js";

const PAGE = 30;

export class Surroundings {
  #hit;
  #messages = [];
  #isReleased = false;
  #list = el("ol", { class: "search-place", "aria-label": t("search.place") });
  #error = el("p", { class: "form-error", role: "alert" });
  #older = el("button", { type: "button", hidden: true, onclick: () => this.#extend(0) }, t("search.older"));
  #newer = el("button", { type: "button", hidden: true, onclick: () => this.#extend(-1) }, t("search.newer"));

  /** actions: back(), open() the room. */
  constructor(hit, actions) {
    this.#hit = hit;
    const back = el("button", { type: "button", onclick: actions.back }, t("search.back"));
    const open = el("button", { type: "button", onclick: actions.open }, t("search.room"));
    const buttons = el("div", { class: "buttons" }, back, open);
    this.node = el("div", { class: "search-around" }, buttons, this.#error, this.#older, this.#list, this.#newer);
  }

  async load() {
    if (!(await this.#take(this.#hit.id))) return;
    const row = this.#list.querySelector(".found");
    row?.scrollIntoView({ block: "center" });
    row?.focus({ preventScroll: true });
  }

  /** Give back the memory of pictures. */
  release() {
    this.#isReleased = true;
    this.#messages.forEach(release);
  }

  /** Load more around the first or the last message. */
  async #extend(at) {
    const edge = this.#messages.at(at);
    const before = this.#row(edge.id);
    const top = before?.getBoundingClientRect().top;
    if (!(await this.#take(edge.id, at))) return;
    const row = this.#row(edge.id);
    const scroller = this.node.closest("dialog");
    if (row && scroller) scroller.scrollTop += row.getBoundingClientRect().top - top;
    if (this.#older.hidden && at === 0) row?.focus({ preventScroll: true });
  }

  #row(id) {
    return this.#list.querySelector(`[data-id="${id}"]`);
  }

  async #take(id, at = null) {
    this.#error.textContent = "";
    try {
      const page = await api.around(this.#hit.roomname, id, PAGE);
      const known = new Set(this.#messages.map((message) => message.id));
      const messages = await toEntries(page.messages.filter((message) => !known.has(message.id)));
      if (this.#isReleased) {
        messages.forEach(release);
        return false;
      }
      this.#messages = [...this.#messages, ...messages].sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1));
      if (at !== -1) this.#older.hidden = !page.more;
      if (at !== 0) this.#newer.hidden = !page.newer;
      this.#list.replaceChildren(...this.#messages.map((message) => this.#node(message)));
      return true;
    } catch (error) {
      this.#error.textContent = error.message;
      return false;
    }
  }

  #node(message) {
    const isFound = message.id === this.#hit.id;
    const about = isolated([fullName(message.name, message.user, message.userId), fullTime(toDate(message.timestamp))]);
    return el(
      "li",
      { class: isFound ? "found" : null, "data-id": message.id, tabindex: "-1", "aria-current": isFound && "true" },
      el("p", { class: "hint" }, about),
      content(message),
    );
  }
}

function content(message) {
  if (message.type === "img") return el("img", { src: message.url, alt: t("picture.alt", { name: message.name }) });
  if (message.url) return el("a", { href: message.url, download: "" }, message.file?.name ?? message.url);
  return el("div", { class: "words", dir: "auto" }, formatted(message.text));
}
