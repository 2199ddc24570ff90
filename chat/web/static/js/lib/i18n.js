// The page's language, and the texts in it.

import { CONSOLE_STRINGS } from "./consolestrings.js";
import { all } from "./dom.js";
import { LOG_STRINGS } from "./logstrings.js";
import { ORDER_STRINGS } from "./moderationstrings.js";
import { PEOPLE_STRINGS } from "./peoplestrings.js";
import { SEARCH_STRINGS } from "./searchstrings.js";
import { STRINGS as CHAT_STRINGS } from "./strings.js";

export const STRINGS = { ...CHAT_STRINGS, ...PEOPLE_STRINGS, ...ORDER_STRINGS, ...SEARCH_STRINGS, ...CONSOLE_STRINGS, ...LOG_STRINGS };
const KEY = "commonroom.language";
const LANGUAGES = ["en", "zh"];
const LOCALES = { en: "en", zh: "zh-CN" };
const listeners = new Set();

let current = initial();

function initial() {
  let chosen = null;
  try {
    chosen = localStorage.getItem(KEY);
  } catch {
    // The browser's language, then.
  }
  if (LANGUAGES.includes(chosen)) return chosen;
  // The server chose by Accept-Language, which is the browser's own list.
  return document.documentElement.lang === "zh" ? "zh" : "en";
}

export const language = () => current;

/** For Intl: the browser's own variant of the language where it has one. */
export function locale() {
  const own = (navigator.languages ?? []).find((tag) => tag.toLowerCase().startsWith(current));
  return own ?? LOCALES[current];
}

/** The text for key, with {name} filled in from values; `one` is used for a count of 1. */
export function t(key, values = {}) {
  const index = LANGUAGES.indexOf(current);
  const entry = (values.count === 1 && STRINGS[`${key}.one`]) || STRINGS[key];
  if (!entry) return key;
  return entry[index].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export const hasText = (key) => key in STRINGS;

/** Fill the static texts under root: data-i18n (text), data-i18n-label, data-i18n-placeholder. */
export function translate(root = document) {
  for (const node of all("[data-i18n]", root)) node.textContent = t(node.dataset.i18n);
  for (const node of all("[data-i18n-label]", root)) {
    const text = t(node.dataset.i18nLabel);
    node.setAttribute("aria-label", text);
    if (node.tagName === "BUTTON") node.title = text;
  }
  for (const node of all("[data-i18n-placeholder]", root)) {
    node.placeholder = t(node.dataset.i18nPlaceholder);
  }
}

export function setLanguage(wanted) {
  current = wanted;
  try {
    localStorage.setItem(KEY, wanted);
  } catch {
    // It holds until the page is reloaded.
  }
  announceLanguage();
}

export function announceLanguage() {
  document.documentElement.lang = LOCALES[current];
  translate();
  for (const listener of listeners) listener();
}

/** Call listener whenever the language changes. */
export function onLanguage(listener) {
  listeners.add(listener);
}
