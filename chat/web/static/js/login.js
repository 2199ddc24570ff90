// The first page: log in or register.

import { api } from "./api.js";
import { isCommonPassword } from "./commonpasswords.js";
import { byId } from "./dom.js";
import { onLanguage, t } from "./i18n.js";

const MIN_CHARS = 8; // the page asks for more than the server, whose other clients have shorter ones

export class Login {
  #logIn;
  #isNew = false;
  #isBusy = false;
  #reason = null;
  #other = "";

  /** logIn(request) makes the request and shows the chat. Raises an Error with words for the user. */
  constructor(logIn) {
    this.#logIn = logIn;
    byId("tab-login").addEventListener("click", () => this.#choose(false));
    byId("tab-register").addEventListener("click", () => this.#choose(true));
    byId("login-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    onLanguage(() => this.#label());
  }

  /** reason: the text's key for why login is required; username: the previous user; other: the current one. */
  show({ reason = null, username = "", other = "" } = {}) {
    this.#reason = reason;
    this.#other = other;
    byId("username").value = username;
    byId("password").value = "";
    this.#choose(false);
    byId(username ? "password" : "username").focus();
  }

  /** More is known of why one is here. */
  explain(reason) {
    this.#reason = reason;
    this.#label();
  }

  /** In another tab this user has logged in. */
  offer(username) {
    this.#other = username;
    this.explain("login.other");
  }

  #choose(isNew) {
    this.#isNew = isNew;
    byId("login-error").textContent = "";
    this.#label();
  }

  #label() {
    const kind = this.#isNew ? "register" : "login";
    byId("tab-login").setAttribute("aria-pressed", String(!this.#isNew));
    byId("tab-register").setAttribute("aria-pressed", String(this.#isNew));
    byId("login-title").textContent = t(`${kind}.title`);
    byId("login-submit").textContent = t(`${kind}.submit`);
    byId("password-hint").textContent = this.#isNew ? t("register.hint", { min: this.#min }) : "";
    byId("login-reason").textContent = this.#reason && !this.#isNew ? t(this.#reason, { name: this.#other }) : "";
    byId("login-other").hidden = !this.#other;
    byId("login-other").textContent = t("login.as", { name: this.#other });
    // Browsers call localhost secure, as nothing travels.
    byId("login-clear").textContent = globalThis.isSecureContext ? "" : t("login.clear");
    byId("password").autocomplete = this.#isNew ? "new-password" : "current-password";
  }

  get #min() {
    return Math.max(MIN_CHARS, Number(document.body.dataset.passwordMin));
  }

  /** What speaks against a new password, in words; "" for a good one. */
  #objection(password) {
    if ([...password].length < this.#min) return t("register.short", { min: this.#min });
    return isCommonPassword(password) ? t("register.common") : "";
  }

  async #submit() {
    const [username, password] = [byId("username").value.trim(), byId("password").value];
    const error = byId("login-error");
    error.textContent = "";
    if (this.#isBusy) return;
    if (!username || !password) {
      error.textContent = t("login.missing");
      byId(username ? "password" : "username").focus();
      return;
    }
    const objection = this.#isNew ? this.#objection(password) : "";
    if (objection) {
      error.textContent = objection;
      byId("password").focus();
      return;
    }
    this.#isBusy = true;
    byId("login-submit").setAttribute("aria-disabled", "true");
    try {
      await this.#logIn(async () => {
        await (this.#isNew ? api.register(username, password) : api.login(username, password));
        byId("password").value = "";
      });
    } catch (problem) {
      error.textContent = problem.message;
      byId("password").focus();
    } finally {
      this.#isBusy = false;
      byId("login-submit").removeAttribute("aria-disabled");
    }
  }
}
