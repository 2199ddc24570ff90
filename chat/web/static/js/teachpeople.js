// The console's list of accounts, paged by the server, and the dialogs to manage them.

import { field, openDialog, openForm } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { colourOf, initials, shortTime, toDate } from "./format.js";
import { t } from "./i18n.js";
import { fullName, nameNode } from "./names.js";
import { notify } from "./notices.js";
import { siteApi } from "./siteapi.js";
import { showCards } from "./teachcards.js";
import { openRoster } from "./teachroster.js";

const A_PAGE = 50;
const SEARCH_AFTER_MS = 250; // without a further key

export class People {
  #me;
  #positions = [""]; // `after` of each page up to the one that is shown
  #next = "";
  #round = 0;
  #soon = null;
  #total = el("p", { class: "hint", role: "status" });
  #error = el("p", { class: "form-error", role: "alert" });
  #body = el("tbody");
  #search = el("input", { type: "search", autocomplete: "off", "aria-label": t("people.search"), placeholder: t("people.search") });
  #previousButton = el("button", { type: "button" }, t("people.previous"));
  #nextButton = el("button", { type: "button" }, t("people.next"));

  constructor(place, me) {
    this.#me = me;
    this.#search.addEventListener("input", () => {
      clearTimeout(this.#soon);
      this.#soon = setTimeout(() => this.#turn([""]), SEARCH_AFTER_MS);
    });
    this.#previousButton.addEventListener("click", () => this.#turn(this.#positions.slice(0, -1)));
    this.#nextButton.addEventListener("click", () => this.#turn([...this.#positions, this.#next]));
    const heads = ["people.name", "people.state", "people.since"].map((key) => el("th", { scope: "col" }, t(key)));
    const last = el("th", { scope: "col" }, el("span", { class: "hidden-text" }, t("people.manage")));
    const table = el("table", { class: "people" }, el("thead", {}, el("tr", {}, heads, last)), this.#body);
    const pages = el("div", { class: "buttons pages" }, this.#previousButton, this.#nextButton);
    const importing = el("button", { type: "button", onclick: () => openRoster((cards) => this.#showCards(place, cards)) }, t("roster.open"));
    place.replaceChildren(el("div", { class: "people-head" }, this.#search, this.#total, importing), this.#error, table, pages);
    this.#load();
  }

  stop() {
    clearTimeout(this.#soon);
    this.#round += 1;
  }

  #showCards(place, cards) {
    this.stop();
    showCards(place, cards, () => new People(place, this.#me));
  }

  #turn(positions) {
    this.#positions = positions;
    this.#load();
  }

  async #load() {
    const round = ++this.#round;
    try {
      const found = await siteApi.people(this.#search.value.trim(), this.#positions.at(-1), A_PAGE);
      if (round !== this.#round) return;
      this.#error.textContent = "";
      this.#next = found.next;
      this.#total.textContent = t("people.total", { count: found.total });
      const nobody = el("tr", {}, el("td", { colspan: 4, class: "hint" }, t("people.nobody")));
      this.#body.replaceChildren(...(found.people.length > 0 ? found.people.map((person) => this.#row(person)) : [nobody]));
      this.#previousButton.disabled = this.#positions.length === 1;
      this.#nextButton.disabled = this.#next === "";
      this.#previousButton.parentNode.hidden = this.#previousButton.disabled && this.#nextButton.disabled;
    } catch (error) {
      if (round === this.#round) this.#error.textContent = error.message;
    }
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
    const manage = el("button", { type: "button", class: "icon-button", "aria-haspopup": "dialog" }, icon("more"));
    manage.setAttribute("aria-label", t("people.manage.label", { name: shown }));
    manage.addEventListener("click", () => this.#manage(person, shown));
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
      el("button", { type: "button", class: key === "people.delete" ? "danger" : "", onclick: () => (dialog.close(), next()) }, t(key));
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
    await this.#load();
    return null;
  }

  #reset(person, name) {
    const text = el("p", {}, t("people.reset.text", { name }));
    openForm(t("people.reset.title", { name }), [text], { text: t("people.reset") }, async () => {
      const { password } = await siteApi.resetPassword(person.username);
      await this.#load();
      return () => {
        const nodes = [el("p", {}, t("people.reset.done", { name })), el("p", { class: "one-time" }, el("code", {}, password))];
        openDialog(t("people.reset"), nodes);
      };
    });
  }

  #rename(person, name) {
    const typed = { autocomplete: "off", required: true };
    const nodes = [
      field("username", t("login.username"), { ...typed, maxlength: 32, value: person.username }),
      field("nickname", t("people.rename.nickname"), { ...typed, maxlength: 32, value: person.nickname }),
    ];
    openForm(t("people.rename.title", { name }), nodes, { text: t("people.rename") }, (values) => {
      const changed = Object.entries(values).filter(([key, value]) => value.trim() !== person[key]);
      const names = Object.fromEntries(changed.map(([key, value]) => [key, value.trim()]));
      return this.#done(() => siteApi.rename(person.username, names));
    });
  }
}
