// The first page: log in or register.

import { api } from "./api.js";
import { byId } from "./dom.js";
import { onLanguage, t } from "./i18n.js";

export class Login {
  #onDone;
  #isNew = false;
  #isBusy = false;
  #reason = null;

  constructor(onDone) {
    this.#onDone = onDone;
    byId("tab-login").addEventListener("click", () => this.#choose(false));
    byId("tab-register").addEventListener("click", () => this.#choose(true));
    byId("login-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    onLanguage(() => this.#label());
  }

  /** reason: the key of a text that says why one is here (again); username: who was logged in. */
  show({ reason = null, username = "" } = {}) {
    this.#reason = reason;
    byId("username").value = username;
    byId("password").value = "";
    this.#choose(false);
    byId(username ? "password" : "username").focus();
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
    byId("password-hint").textContent = this.#isNew ? t("register.hint", { min: document.body.dataset.passwordMin }) : "";
    byId("login-reason").textContent = this.#reason && !this.#isNew ? t(this.#reason) : "";
    byId("password").autocomplete = this.#isNew ? "new-password" : "current-password";
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
    this.#isBusy = true;
    byId("login-submit").setAttribute("aria-disabled", "true");
    try {
      await (this.#isNew ? api.register(username, password) : api.login(username, password));
      byId("password").value = "";
      await this.#onDone();
    } catch (problem) {
      error.textContent = problem.feedback ?? problem.message;
      byId("password").focus();
    } finally {
      this.#isBusy = false;
      byId("login-submit").removeAttribute("aria-disabled");
    }
  }
}
