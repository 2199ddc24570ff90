// The session: login and logout, the end of a session, and announcements of these by other tabs.

import { actFor, api } from "../core/api.js";
import { avatarSource } from "../core/servermessages.js";
import { byId, el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { arrive, pageToReturnTo, siteName, welcome } from "./arrival.js";
import { openForm } from "./dialogs.js";
import { Login } from "./login.js";
import { notify } from "./notices.js";

const RETRY_MS = [500, 1000, 2000, 4000, 8000];

export class Session {
  #store;
  #tabs;
  #records;
  #layout;
  #connection;
  #handlers;
  #login;
  #setAside = null; // {username, inTab}: what was being written when the session ended

  /**
   * handlers: onEnter() loads and shows the user's rooms, onRenewed() reports a new session of the same user in another
   * tab, onPause() stops the user's background work, onResume() restarts it, onForget() drops the user's data, unsent()
   * counts messages that a log-out would lose.
   */
  constructor({ store, tabs, records, layout, connection }, handlers) {
    this.#store = store;
    this.#tabs = tabs;
    this.#records = records;
    this.#layout = layout;
    this.#connection = connection;
    this.#handlers = handlers;
    this.#login = new Login((request) => this.#tabs.entering(() => this.#logIn(request)));
    byId("logout").addEventListener("click", () => this.#logout());
    byId("login-other").addEventListener("click", () => this.#goOn());
    globalThis.addEventListener("focus", () => this.#findOut()); // not only this page logs in
    tabs.on("user", ({ username }) => this.#loggedInElsewhere(username));
    tabs.on("logout", ({ username }) => {
      if (store.me?.username === username) this.#leave({ reason: "login.out" });
    });
  }

  /** First of all: is somebody logged in? */
  async start() {
    for (let tries = 0; ; tries += 1) {
      try {
        const { state } = await api.session();
        if (state === "living") return await this.#enter();
        return this.#showLogin(state === "none" ? {} : { reason: `login.ended.${state}` });
      } catch {
        this.#connection.show("reconnecting");
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]));
      }
    }
  }

  /** The session ended unexpectedly: unsent text stays in this page, and nowhere else. */
  async end() {
    if (!this.#store.me || this.#layout.isWelcome) return;
    const { username } = this.#store.me;
    this.#handlers.onPause();
    this.#setAside = { username, inTab: this.#records.close() };
    this.#showLogin({ reason: "login.ended.ended", username });
    const state = await this.#findOut();
    if (!this.#setAside || state === undefined) return; // another tab has told meanwhile why it is over
    this.#login.explain(`login.ended.${state}`);
    await this.#tabs.nobodyEnters(); // the cookie of a log-in in another tab may be on its way
    await this.#findOut();
  }

  /** After the end of a session: go on with a new one, if there is one; else give the state of the old one. */
  async #findOut() {
    if (!this.#setAside) return undefined;
    const { username } = this.#setAside;
    try {
      const found = await api.session();
      if (!this.#setAside) return undefined;
      if (found.state !== "living") return found.state;
      if (found.username === username) await this.#enter(); // another tab logged in again
      else this.#loggedInElsewhere(found.username);
    } catch {
      // Continue with the known data.
    }
    return undefined;
  }

  /** request(): what logs in, if it has not been done. */
  async #logIn(request = null) {
    await request?.();
    const username = await this.#enter().catch((problem) => {
      throw problem.status === 401 && request ? new Error(t("login.cookie")) : problem;
    });
    this.#tabs.tell("user", { username });
    this.#layout.focus();
  }

  #goOn() {
    this.#logIn().catch((error) => notify(error.message, "bad"));
  }

  async #enter() {
    actFor(null);
    const me = await api.me();
    actFor(me.id);
    const store = this.#store;
    if (store.me?.username !== me.username) this.#handlers.onForget();
    await arrive(me);
    const next = pageToReturnTo(me);
    if (next && !me.must_change_password) {
      location.replace(next);
      return me.username;
    }
    store.me = { id: me.id, username: me.username, nickname: me.nickname || me.username, isTeacher: me.teacher, avatar: avatarSource(me.avatar) };
    this.#records.open(me.username, this.#setAside?.username === me.username ? this.#setAside.inTab : {});
    this.#setAside = null;
    await this.#handlers.onEnter();
    welcome(me, () => this.#logoutNow("login.out.password"), () => this.#layout.focus());
    return me.username;
  }

  #showLogin(options) {
    actFor(null);
    this.#connection.show("connecting");
    this.#layout.showWelcome();
    this.#login.show(options);
    document.title = siteName();
  }

  /** Another tab of this browser has logged in; all tabs are this user's from now on. */
  async #loggedInElsewhere(username) {
    if (this.#store.me?.username === username) {
      if (this.#layout.isWelcome) await this.#enter().catch(() => {});
      else this.#handlers.onRenewed();
      return;
    }
    if (this.#store.me) this.#leave({ reason: "login.other", other: username });
    else this.#login.offer(username);
  }

  async #logout() {
    const count = this.#handlers.unsent();
    if (count === 0) return this.#logoutNow();
    const text = el("p", {}, t("logout.unsent", { count }));
    openForm(t("account.logout"), [text], { text: t("account.logout"), isDangerous: true }, () => this.#logoutNow());
  }

  /** reason: the key of a text for the page's first screen. */
  async #logoutNow(reason = null) {
    this.#handlers.onPause(); // a pull under way would end with a refusal
    try {
      await api.logout();
    } catch (error) {
      if (error.status !== 401) {
        this.#handlers.onResume();
        return void notify(error.message, "bad");
      }
    }
    this.#tabs.tell("logout", { username: this.#store.me.username });
    this.#leave({ reason });
  }

  #leave(options) {
    this.#handlers.onPause();
    this.#records.close();
    this.#setAside = null;
    this.#handlers.onForget();
    this.#layout.forgetRoom();
    this.#showLogin(options);
  }
}
