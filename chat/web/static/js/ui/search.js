// The search: a dialog with the messages found, and each of them in its place.

import { api } from "../core/api.js";
import { byId, el, isolated } from "../lib/dom.js";
import { cutBefore, shortTime, toDate } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { fullName, roomTitle } from "../lib/names.js";
import { openDialog } from "./dialogs.js";
import { Surroundings } from "./messagecontext.js";

const SHOWN_BEFORE = 40; // characters before the first match
const SHOWN = 200;
const MOST_TURNS = 10; // requests without a hit before the user is asked whether to go on
const TYPING_MS = 350;
const WORTH_CHARS = 3; // shorter words take longer, so Enter starts that search

export class Search {
  #store;
  #actions;

  /** actions: isLoaded(room name, id), jump(id), open(room name). */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    byId("search").addEventListener("click", () => this.open());
    document.addEventListener("keydown", (event) => {
      if (event.key !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      if (!store.me || document.querySelector("dialog[open]")) return; // not one that is about to go
      event.preventDefault();
      this.open();
    });
  }

  open() {
    if (this.#store.me) new SearchDialog(this.#store, this.#actions);
  }
}

class SearchDialog {
  #store;
  #actions;
  #round = 0;
  #next = 0;
  #count = 0;
  #timer = null;
  #asked = "";
  #place = null;
  #input = el("input", { type: "search", id: "search-text", name: "q", autocomplete: "off", "aria-describedby": "search-hint", enterkeyhint: "search" });
  #where = el("select", { id: "search-where", name: "where" });
  #status = el("p", { class: "hint", role: "status" });
  #list = el("ol", { class: "search-hits" });
  #more = el("button", { type: "button", hidden: true, onclick: () => this.#go(false) }, t("search.more"));
  #form;
  #results;
  #dialog;

  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    this.#where.append(el("option", { value: "" }, t("search.all")));
    if (store.room) this.#where.append(el("option", { value: store.room.name }, roomTitle(store.room)));
    this.#form = this.#makeForm();
    this.#results = el("div", { class: "search-results" }, this.#status, this.#list, this.#more);
    this.#dialog = openDialog(t("search.title"), [this.#form, this.#results], { className: "search" });
    this.#dialog.node.addEventListener("close", () => this.#stop());
    this.#input.focus();
  }

  #makeForm() {
    const submit = el("button", { type: "submit", class: "primary" }, t("search.submit"));
    const row = el("div", { class: "search-row" }, this.#input, submit);
    const form = el(
      "form",
      { class: "search-form", role: "search", novalidate: true },
      el("label", { for: "search-text" }, t("search.what")),
      row,
      el("p", { id: "search-hint", class: "hint" }, t("search.hint")),
      el("label", { for: "search-where" }, t("search.where")),
      this.#where,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#go(true);
    });
    this.#where.addEventListener("change", () => this.#input.value.trim() && this.#go(true));
    this.#input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      if ([...this.#input.value.trim()].length < WORTH_CHARS) return;
      this.#timer = setTimeout(() => this.#asked !== this.#wanted && this.#go(true), TYPING_MS);
    });
    return form;
  }

  get #wanted() {
    return JSON.stringify([this.#input.value.trim(), this.#where.value]);
  }

  #stop() {
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#place?.release();
  }

  /** Search from the newest message on, or go on. */
  async #go(isNew) {
    const q = this.#input.value.trim();
    clearTimeout(this.#timer);
    if (!q) return this.#input.focus();
    const round = ++this.#round;
    if (isNew) {
      this.#asked = this.#wanted;
      this.#next = 0;
      this.#count = 0;
      this.#list.replaceChildren();
    }
    this.#more.hidden = true;
    this.#status.textContent = t("search.working");
    try {
      for (let turn = 0, found = 0; turn < MOST_TURNS && found === 0 && (turn === 0 || this.#next); turn += 1) {
        const answer = await api.search(q, this.#where.value, this.#next);
        if (round !== this.#round) return;
        found = answer.messages.length;
        this.#take(answer);
      }
      this.#status.textContent = this.#count ? t("search.found", { count: this.#count }) : t("search.none");
      this.#more.hidden = !this.#next;
    } catch (error) {
      if (round === this.#round) this.#status.textContent = error.message;
    }
  }

  #take(answer) {
    this.#next = answer.next;
    this.#count += answer.messages.length;
    this.#list.append(...answer.messages.map((hit) => this.#row(hit)));
  }

  #row(hit) {
    const room = this.#store.rooms.get(hit.roomname);
    const by = fullName(hit.nickname || hit.user, hit.user, hit.user_id, room?.alike.has(hit.user_id));
    const about = isolated([by, room ? roomTitle(room) : hit.roomname, shortTime(toDate(hit.timestamp))]);
    const button = el(
      "button",
      { type: "button", class: "search-hit", onclick: () => this.#show(hit, button) },
      el("span", { class: "hint" }, about),
      el("span", { class: "words", dir: "auto" }, marked(hit.content, hit.matches)),
    );
    return el("li", {}, button);
  }

  /** Show a hit in its place: in the conversation where it is loaded, else here. */
  #show(hit, button) {
    if (this.#actions.isLoaded(hit.roomname, hit.id)) {
      this.#dialog.close();
      return this.#actions.jump(hit.id);
    }
    this.#place?.release();
    this.#place = new Surroundings(hit, {
      back: () => this.#back(button),
      open: () => {
        this.#dialog.close();
        this.#actions.open(hit.roomname);
      },
    });
    this.#form.hidden = this.#results.hidden = true;
    this.#dialog.node.append(this.#place.node);
    this.#place.load();
  }

  #back(button) {
    this.#place.release();
    this.#place.node.remove();
    this.#place = null;
    this.#form.hidden = this.#results.hidden = false;
    button.focus();
  }
}

/** The part of a text around the first match, with the matches marked. matches: [start, length] in code points. */
export function marked(text, matches) {
  const characters = Array.from(text);
  const cutAt = (at) => Array.from(text.slice(0, cutBefore(text, characters.slice(0, at).join("").length))).length;
  const start = cutAt(Math.max(0, matches[0][0] - SHOWN_BEFORE));
  const end = cutAt(start + SHOWN);
  const nodes = [start > 0 ? "…" : ""];
  let at = start;
  for (const [first, length] of matches) {
    if (first >= end) break;
    nodes.push(characters.slice(at, first).join(""));
    at = Math.min(end, first + length);
    nodes.push(el("mark", {}, characters.slice(first, at).join("")));
  }
  nodes.push(characters.slice(at, end).join(""), end < characters.length ? "…" : "");
  return nodes.filter((node) => node !== "");
}
