// The console's list of accounts, paged by the server, and the dialogs to manage them.

import { siteApi } from "../core/siteapi.js";
import { el, icon } from "../lib/dom.js";
import { colourOf, initials, shortTime, toDate } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { fullName, nameNode } from "../lib/names.js";
import { askBeforeLeaving } from "../lib/unsaved.js";
import { field, openDialog, openForm } from "./dialogs.js";
import { notify } from "./notices.js";
import { showCards } from "./teachcards.js";
import { openRoster } from "./teachroster.js";
import { manageButton, Table } from "./teachtable.js";

const A_PAGE = 50;

const hasPasswords = (cards) => cards?.some((card) => card.password) ?? false;

export class People {
  static #cards = null; // of the last import, until they are left: its passwords show nowhere else
  #place;
  #me;
  #table = null;
  #total = el("p", { class: "hint", role: "status" });

  constructor(place, me) {
    this.#place = place;
    this.#me = me;
    askBeforeLeaving(People, () => hasPasswords(People.#cards));
    if (People.#cards) this.#showCards();
    else this.#showTable();
  }

  #showTable() {
    const importing = el("button", { type: "button", onclick: () => openRoster((cards) => this.#imported(cards)) }, t("roster.open"));
    this.#place.replaceChildren();
    this.#table = new Table(this.#place, {
      load: (q, after) => this.#load(q, after),
      row: (person) => this.#row(person),
      heads: ["people.name", "people.state", "people.since", "people.manage"],
      search: "people.search",
      nobody: "people.nobody",
      tools: [this.#total, importing],
    });
  }

  stop() {
    this.#table?.stop();
  }

  /** Another part of the console may be shown by now. */
  #imported(cards) {
    People.#cards = cards;
    if (["", "#people"].includes(location.hash)) this.#showCards();
    else location.hash = "people";
  }

  #showCards() {
    this.stop();
    showCards(this.#place, People.#cards, () => (hasPasswords(People.#cards) ? this.#askToLeaveCards() : this.#leaveCards()));
  }

  #askToLeaveCards() {
    openForm(t("cards.leave.title"), [el("p", {}, t("cards.leave.text"))], { text: t("cards.back") }, async () => () => this.#leaveCards());
  }

  #leaveCards() {
    People.#cards = null;
    this.#showTable();
  }

  async #load(q, after) {
    const { people, total, next } = await siteApi.people(q, after, A_PAGE);
    this.#total.textContent = t("people.total", { count: total });
    return { rows: people, next };
  }

  #row(person) {
    const shown = fullName(person.nickname, person.username);
    const states = [
      person.teacher && el("span", { class: "mark teacher" }, t("people.teacher")),
      person.disabled && el("span", { class: "mark disabled" }, t("people.disabled")),
      person.must_change_password && el("span", { class: "mark" }, t("people.one-time")),
      el("span", { class: person.online ? "mark online" : "mark" }, t(person.online ? "people.online" : "people.offline")),
    ];
    const face = el("span", { class: "avatar", "aria-hidden": "true", "data-colour": colourOf(person.username) }, initials(person.nickname));
    const manage = manageButton(icon("more"), shown, () => this.#manage(person, shown));
    return el(
      "tr",
      {},
      el("td", { class: "who" }, el("div", {}, face, nameNode(person.nickname, person.username))),
      el("td", {}, el("div", { class: "marks" }, states.filter(Boolean))),
      el("td", { class: "since" }, shortTime(toDate(person.created))),
      el("td", {}, manage),
    );
  }

  #manage(person, name) {
    const isMe = person.id === this.#me.id;
    const ask = (key, act, options = {}) => this.#ask(key, name, act, options);
    const acts = [
      ["people.rename", () => this.#rename(person, name)],
      !isMe && ["people.reset", () => this.#reset(person, name)],
      person.teacher
        ? ["people.revoke", ask("people.revoke", () => siteApi.appoint(person.username, false))]
        : ["people.appoint", ask("people.appoint", () => siteApi.appoint(person.username, true))],
      !isMe && person.disabled && ["people.enable", () => this.#act(() => siteApi.disable(person.username, false))],
      !isMe && !person.disabled && ["people.disable", ask("people.disable", () => siteApi.disable(person.username, true), { isDangerous: true })],
      !isMe && ["people.delete", ask("people.delete", () => siteApi.remove(person.username), { isDangerous: true })],
    ];
    const button = ([key, next]) =>
      el("button", { type: "button", class: key === "people.delete" ? "danger" : "", onclick: () => { dialog.close(); next(); } }, t(key));
    const dialog = openDialog(name, [el("div", { class: "choices" }, acts.filter(Boolean).map(button))]);
  }

  /** A function that asks before it acts. */
  #ask(key, name, act, options) {
    return () => {
      const text = el("p", {}, t(`${key}.text`, { name }));
      openForm(t(`${key}.title`, { name }), [text], { text: t(key), ...options }, () => this.#done(act));
    };
  }

  async #act(act) {
    try {
      await this.#done(act);
    } catch (error) {
      notify(error.message, "bad");
    }
  }

  async #done(act) {
    const answer = await act();
    notify(answer.feedback);
    await this.#table.refresh();
    return null;
  }

  #reset(person, name) {
    const text = el("p", {}, t("people.reset.text", { name }));
    openForm(t("people.reset.title", { name }), [text], { text: t("people.reset") }, async () => {
      const { password } = await siteApi.resetPassword(person.username);
      await this.#table.refresh();
      return () => {
        const nodes = [el("p", {}, t("people.reset.done", { name })), el("p", { class: "one-time" }, el("code", {}, password))];
        openDialog(t("people.reset"), nodes);
      };
    });
  }

  #rename(person, name) {
    const typed = { autocomplete: "off", required: true };
    const nodes = [
      field("username", t("login.username"), { ...typed, value: person.username }),
      field("nickname", t("people.rename.nickname"), { ...typed, value: person.nickname }),
    ];
    openForm(t("people.rename.title", { name }), nodes, { text: t("people.rename") }, (values) => {
      const changed = Object.entries(values).filter(([key, value]) => value.trim() !== person[key]);
      const names = Object.fromEntries(changed.map(([key, value]) => [key, value.trim()]));
      return this.#done(() => siteApi.rename(person.username, names));
    });
  }
}
