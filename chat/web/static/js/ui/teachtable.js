// A table of the console that the server searches and pages.

import { el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";

const SEARCH_AFTER_MS = 250; // without a further key

export class Table {
  #load;
  #row;
  #nobody;
  #columns;
  #positions = [""]; // `after` of each page up to the one that is shown
  #next = "";
  #round = 0;
  #soon = null;
  #error = el("p", { class: "form-error", role: "alert" });
  #body = el("tbody");
  #search;
  #previousButton = el("button", { type: "button" }, t("people.previous"));
  #nextButton = el("button", { type: "button" }, t("people.next"));

  /**
   * load(q, after) gives a promise of {rows, next}; row(entry) its <tr>. heads: keys of the columns' titles; search and
   * nobody: keys of texts; tools: nodes beside the search.
   */
  constructor(place, { load, row, heads, search, nobody, tools = [] }) {
    this.#load = load;
    this.#row = row;
    this.#nobody = nobody;
    this.#columns = heads.length;
    this.#search = el("input", { type: "search", autocomplete: "off", "aria-label": t(search), placeholder: t(search) });
    this.#search.addEventListener("input", () => {
      clearTimeout(this.#soon);
      this.#soon = setTimeout(() => this.#turn([""]), SEARCH_AFTER_MS);
    });
    this.#previousButton.addEventListener("click", () => this.#turn(this.#positions.slice(0, -1)));
    this.#nextButton.addEventListener("click", () => this.#turn([...this.#positions, this.#next]));
    const table = el("table", { class: heads.at(-1) === "people.manage" ? "people managed" : "people" }, el("thead", {}, el("tr", {}, heads.map(head))), this.#body);
    const pages = el("div", { class: "buttons pages" }, this.#previousButton, this.#nextButton);
    place.append(el("div", { class: "people-head" }, this.#search, tools), this.#error, table, pages);
    this.refresh();
  }

  stop() {
    clearTimeout(this.#soon);
    this.#round += 1;
  }

  /** Load the page that is shown once more. */
  async refresh() {
    const round = ++this.#round;
    try {
      const { rows, next } = await this.#load(this.#search.value.trim(), this.#positions.at(-1));
      if (round !== this.#round) return;
      this.#error.textContent = "";
      this.#next = next ?? "";
      const nobody = el("tr", {}, el("td", { colspan: this.#columns, class: "hint" }, t(this.#nobody)));
      this.#body.replaceChildren(...(rows.length > 0 ? rows.map(this.#row) : [nobody]));
      this.#previousButton.disabled = this.#positions.length === 1;
      this.#nextButton.disabled = this.#next === "";
      this.#previousButton.parentNode.hidden = this.#previousButton.disabled && this.#nextButton.disabled;
    } catch (error) {
      if (round === this.#round) this.#error.textContent = error.message;
    }
  }

  #turn(positions) {
    this.#positions = positions;
    this.refresh();
  }
}

/** The last column's title is for screen readers only: it has the buttons. */
function head(key) {
  const title = key === "people.manage" ? el("span", { class: "hidden-text" }, t(key)) : t(key);
  return el("th", { scope: "col" }, title);
}

/** The button at the end of a row. */
export function manageButton(iconNode, name, manage) {
  const attributes = { type: "button", class: "icon-button", "aria-haspopup": "dialog", "aria-label": t("people.manage.label", { name }) };
  return el("button", { ...attributes, onclick: manage }, iconNode);
}
