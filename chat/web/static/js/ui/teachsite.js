// The console's form with the site's settings.

import { siteApi } from "../core/siteapi.js";
import { el } from "../lib/dom.js";
import { lengthOfTime } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { slowModes } from "../lib/slowmode.js";
import { askBeforeLeaving, editsOf } from "../lib/unsaved.js";
import { field, openForm } from "./dialogs.js";
import { meanwhile } from "./logchanges.js";
import { notify } from "./notices.js";

const CHANGED = 409; // by somebody else meanwhile
const SWITCHES = {
  pupils_change_names: "site.names",
  pupils_make_rooms: "site.rooms",
  private_rooms: "site.private",
  direct_conversations: "site.directs",
};

function slowField(now) {
  const text = (value) => (value === 0 ? t("roomtable.slow.none") : t("roomtable.slow", { time: lengthOfTime(value) }));
  const options = slowModes(now).map((value) => el("option", { value, selected: value === now }, text(value)));
  return el("div", { class: "field" }, el("label", { for: "field-slow" }, t("site.slow")), el("select", { name: "slow_mode", id: "field-slow" }, options));
}

export class SiteForm {
  static #edits = {}; // not saved: kept while another part of the console, or another language, is shown
  #place;
  #settings = null;
  #form = null;
  #error = el("div", { class: "form-error", role: "alert" });

  constructor(place) {
    this.#place = place;
    place.replaceChildren(this.#error);
    askBeforeLeaving(SiteForm, () => Object.keys(SiteForm.#edits).length > 0); // also while another part is shown
    this.#load();
  }

  stop() {
    this.#keepEdits();
    this.#place = el("div"); // what is on its way is not shown any more
  }

  async #load() {
    try {
      this.#settings = await siteApi.settings();
      this.#show();
    } catch (error) {
      this.#error.textContent = error.message;
    }
  }

  /** The settings as they stand in the form. */
  #values() {
    const { elements } = this.#form;
    const [name, registration] = [elements.name.value.trim(), elements.registration.value];
    const values = { name, registration, keep_days: Number(elements.keep_days.value), slow_mode: Number(elements.slow_mode.value) };
    for (const key of Object.keys(SWITCHES)) values[key] = elements[key].checked;
    return values;
  }

  #keepEdits() {
    if (this.#form) SiteForm.#edits = editsOf(this.#values(), this.#settings);
  }

  #show() {
    const now = { ...this.#settings, ...SiteForm.#edits };
    const choice = (value) => {
      const radio = el("input", { type: "radio", name: "registration", value, checked: now.registration === value });
      return el("label", { class: "choice" }, radio, el("span", {}, t(`site.${value}`)));
    };
    const box = ([name, key]) => {
      const input = el("input", { type: "checkbox", name, checked: now[name] });
      return el("label", { class: "choice" }, input, el("span", {}, t(key)));
    };
    const hint = t("site.name.hint");
    const save = el("button", { type: "submit", class: "primary" }, t("site.save"));
    const modes = ["open", "code", "closed"].map(choice);
    const form = el(
      "form",
      { class: "site-form", novalidate: true },
      field("name", t("site.name"), { value: now.name, autocomplete: "off", hint }),
      el("fieldset", {}, el("legend", {}, t("site.registration")), modes, this.#code()),
      el("fieldset", {}, el("legend", {}, t("site.allowed")), Object.entries(SWITCHES).map(box), el("p", { class: "hint" }, t("site.private.hint"))),
      slowField(now.slow_mode),
      field("keep_days", t("site.keep"), { type: "number", min: 0, max: 3650, step: 1, value: now.keep_days, hint: t("site.keep.hint") }),
      this.#error,
      el("div", { class: "buttons" }, save),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    form.addEventListener("input", () => this.#keepEdits());
    this.#form = form;
    this.#place.replaceChildren(form);
  }

  #code() {
    const now = this.#settings;
    const renew = el("button", { type: "button" }, t("site.new-code"));
    renew.addEventListener("click", () => {
      const text = el("p", {}, t("site.new-code.text"));
      openForm(t("site.new-code.title"), [text], { text: t("site.new-code") }, () => this.#change({ new_code: true }));
    });
    const code = now.code ? el("code", {}, now.code) : el("span", { class: "hint" }, t("site.join-code.none"));
    return el("p", { class: "site-code" }, el("span", {}, t("site.join-code")), code, now.code ? renew : null);
  }

  /** Ask before older messages are removed. */
  #submit() {
    const values = this.#values();
    const days = (keep) => keep || Infinity; // 0: for ever
    if (days(values.keep_days) < days(this.#settings.keep_days)) this.#askToRemove(values);
    else this.#save(values);
  }

  #askToRemove(values) {
    const text = el("p", {}, t("site.keep.text", { days: values.keep_days }));
    openForm(t("site.keep.title"), [text], { text: t("site.save"), isDangerous: true }, async () => () => this.#save(values));
  }

  async #save(values) {
    try {
      await this.#change(values);
    } catch (error) {
      this.#error.textContent = error.message;
      if (error.status === CHANGED) await this.#showMeanwhile(error);
    }
  }

  /** Show what somebody else has changed, and keep what is not saved. */
  async #showMeanwhile(error) {
    const before = this.#settings;
    await this.#load();
    this.#error.replaceChildren(...meanwhile(error, before, this.#settings));
  }

  async #change(changes) {
    this.#settings = await siteApi.changeSettings(this.#settings.version, changes);
    this.#keepEdits(); // none after saving; those in the form stay when there is a new code
    this.#error.textContent = "";
    this.#show();
    notify(t("site.saved"));
  }
}
