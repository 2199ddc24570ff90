// The first page: log in or register.

import { api } from "../core/api.js";
import { byId } from "../lib/dom.js";
import { onLanguage, t } from "../lib/i18n.js";
import { passwordMin, passwordObjection } from "../lib/passwordrules.js";
import { entry, lookUpCode, siteAbout, usernameInAddress } from "./arrival.js";

const isTouch = matchMedia("(hover: none) and (pointer: coarse)");

export class Login {
  #logIn;
  #isNew = false;
  #isBusy = false;
  #reason = null;
  #other = "";
  #joining = null; // where the code in the address leads, once it is known

  /** logIn(request) makes the request and shows the chat. Raises an Error with words for the user. */
  constructor(logIn) {
    this.#logIn = logIn;
    for (const id of ["tab-login", "tab-register"]) {
      byId(id).addEventListener("click", () => {
        this.#choose(id === "tab-register");
        if (isTouch.matches) this.#focus(); // saves a tap
      });
    }
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
    byId("username").value = username || usernameInAddress();
    byId("password").value = "";
    const { isClosed, isUsed } = siteAbout();
    this.#choose(Boolean(entry()) && !username && !isClosed && !isUsed);
    if (entry()?.kind === "join") this.#lookUp();
    this.#focus();
  }

  #focus() {
    byId(byId("username").value ? "password" : "username").focus();
  }

  async #lookUp() {
    this.#joining = await lookUpCode();
    this.#label();
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
    const { isClosed, needsCode, about, loginTitle } = siteAbout(this.#joining);
    byId("tab-register").hidden = isClosed;
    byId("join-code-field").hidden = !this.#isNew || !needsCode;
    byId("login-about").textContent = about;
    byId("login-title").textContent = this.#isNew ? t("register.title") : loginTitle;
    byId("login-submit").textContent = t(`${kind}.submit`);
    byId("password-hint").textContent = this.#isNew ? t("register.hint", { min: passwordMin() }) : "";
    byId("login-reason").textContent = this.#reason && !this.#isNew ? t(this.#reason, { name: this.#other }) : "";
    byId("login-other").hidden = !this.#other;
    byId("login-other").textContent = t("login.as", { name: this.#other });
    // Browsers call localhost secure, as nothing travels.
    byId("login-clear").textContent = globalThis.isSecureContext ? "" : t("login.clear");
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
    const objection = this.#isNew ? passwordObjection(password) : "";
    if (objection) {
      error.textContent = objection;
      byId("password").focus();
      return;
    }
    this.#isBusy = true;
    byId("login-submit").setAttribute("aria-disabled", "true");
    try {
      const code = (this.#joining?.error ? "" : entry()?.code) || byId("join-code").value.trim();
      await this.#logIn(async () => {
        await (this.#isNew ? api.register(username, password, code || null) : api.login(username, password));
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
