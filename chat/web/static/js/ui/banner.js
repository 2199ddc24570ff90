// Says when the connection is gone, and when it is back.

import { byId } from "../lib/dom.js";
import { onLanguage, t } from "../lib/i18n.js";

const BACK_MS = 2500;

export class ConnectionBanner {
  #node = byId("connection");
  #key = null;
  #timer = null;

  constructor() {
    onLanguage(() => this.#label());
  }

  /** state: "connecting" (says nothing), "reconnecting", or "online". */
  show(state) {
    clearTimeout(this.#timer);
    const wasAway = document.body.dataset.connection === "reconnecting";
    document.body.dataset.connection = state;
    if (state === "reconnecting") this.#set("connection.reconnecting");
    else if (state === "online" && wasAway) {
      this.#set("connection.back");
      this.#timer = setTimeout(() => this.#set(null), BACK_MS);
    } else this.#set(null);
  }

  #set(key) {
    this.#key = key;
    this.#node.classList.toggle("is-back", key === "connection.back");
    this.#label();
  }

  #label() {
    this.#node.textContent = this.#key ? t(this.#key) : "";
  }
}
