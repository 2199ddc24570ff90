// Completing @names while one writes, from the members of the open room.

import { byId, el } from "./dom.js";
import { t } from "./i18n.js";
import { nameNode } from "./names.js";

const BEGUN = /(?:^|[^A-Za-z0-9._%+-])@([^\s@"]{0,32})$/u;
const MOST = 6;

/** The text with the name that was begun before the caret put in its place: {text, caret}. */
export function completed(text, caret, name) {
  const begun = BEGUN.exec(text.slice(0, caret))[1];
  const mention = /[\s"]/.test(name) ? `@"${name}" ` : `@${name} `;
  const before = text.slice(0, caret - begun.length - 1) + mention;
  return { text: before + text.slice(caret), caret: before.length };
}

export class Completion {
  #text;
  #members;
  #list = byId("mention-list");
  #found = [];
  #at = 0; // the one that is chosen

  /** members() gives the open room's members. */
  constructor(text, members) {
    this.#text = text;
    this.#members = members;
    text.addEventListener("input", () => this.#look());
    text.addEventListener("blur", () => this.close());
    text.setAttribute("aria-controls", this.#list.id);
  }

  /** Whether the key was meant for the list. */
  takes(event) {
    if (this.#found.length === 0 || event.isComposing) return false;
    if (event.key === "Escape") this.close();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.#at = (this.#at + (event.key === "ArrowDown" ? 1 : -1) + this.#found.length) % this.#found.length;
      this.#render();
    } else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab") this.#choose(this.#found[this.#at]);
    else return false;
    event.preventDefault();
    return true;
  }

  close() {
    this.#found = [];
    this.#render();
  }

  #look() {
    const begun = BEGUN.exec(this.#text.value.slice(0, this.#text.selectionStart))?.[1].toLowerCase();
    const starts = (name) => name.toLowerCase().startsWith(begun);
    this.#found = begun === undefined ? [] : this.#members().filter(({ user, nickname }) => starts(user) || starts(nickname)).slice(0, MOST);
    this.#at = 0;
    this.#render();
  }

  #choose(member) {
    const { text, caret } = completed(this.#text.value, this.#text.selectionStart, member.user);
    this.#text.value = text;
    this.#text.setSelectionRange(caret, caret);
    this.close();
    this.#text.dispatchEvent(new Event("input"));
  }

  #render() {
    const chosen = this.#found.length > 0 ? `mention-${this.#at}` : null;
    this.#list.hidden = !chosen;
    this.#list.setAttribute("aria-label", t("mention.label"));
    if (chosen) this.#text.setAttribute("aria-activedescendant", chosen);
    else this.#text.removeAttribute("aria-activedescendant");
    this.#list.replaceChildren(...this.#found.map((member, index) => {
      const choose = (event) => {
        event.preventDefault(); // the text keeps the focus
        this.#choose(member);
      };
      const about = { id: `mention-${index}`, role: "option", "aria-selected": String(index === this.#at) };
      return el("li", { ...about, onpointerdown: choose }, nameNode(member.nickname || member.user, member.user));
    }));
  }
}
