// Completing @names while one writes, from the members of the open room.

import { byId, el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { mentionOf, nameNode } from "../lib/names.js";

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
  #begun = null; // the part of a name that is being completed
  #found = [];
  #at = 0; // the one that is chosen

  /** members() gives the open room's members; the store emits "members" when they change. */
  constructor(text, members, store) {
    this.#text = text;
    this.#members = members;
    text.addEventListener("input", () => this.#look());
    store.on("members", () => this.#membersChanged());
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
    this.#begun = null;
    this.#find();
  }

  #look() {
    this.#begun = BEGUN.exec(this.#text.value.slice(0, this.#text.selectionStart))?.[1].toLowerCase() ?? null;
    this.#find();
  }

  /** The name may have been begun before its owner was known. The chosen entry stays chosen. */
  #membersChanged() {
    if (this.#begun !== null) this.#find(this.#found[this.#at]?.user);
  }

  #find(chosen = null) {
    const starts = (name) => ` ${name.toLowerCase()}`.includes(` ${this.#begun}`); // or one of its words does
    const isMeant = ({ user, nickname }) => starts(user) || starts(nickname);
    this.#found = this.#begun === null ? [] : this.#members().filter(isMeant).slice(0, MOST);
    this.#at = Math.max(0, this.#found.findIndex(({ user }) => user === chosen));
    this.#render();
  }

  #choose(member) {
    const { text, caret } = completed(this.#text.value, this.#text.selectionStart, mentionOf(member));
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
      return el("li", { ...about, onpointerdown: choose }, nameNode(member.nickname || member.user, member.user, member.user_id, { isTeacher: member.teacher, isAlike: member.alike }));
    }));
  }
}
