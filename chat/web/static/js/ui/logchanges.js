// The differences that an entry of a log has stored, in the reader's words.

import { el } from "../lib/dom.js";
import { fullTime, toDate } from "../lib/format.js";
import { hasText, t } from "../lib/i18n.js";

const SWITCHES = { true: "change.yes", false: "change.no" };
// What a value stands for, by the name of the difference.
const VALUES = {
  role: (value) => t(`role.${value}`),
  registration: (value) => t(`site.${value}`),
  until: (value) => fullTime(toDate(value)),
  slow_mode: (value) => t("change.seconds", { count: value }),
  keep_days: (value) => (value === 0 ? t("change.ever") : t("change.days", { count: value })),
  type: (value) => t(value === "file" ? "message.file" : "message.picture"),
};

/** One node for each difference of {before, after}. */
export function differences({ before, after }) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.map((name) => el("div", { class: "log-change" }, label(name), difference(name, before[name], after[name])));
}

/** What is told when somebody else has saved in between: nodes with the failure and the differences of the settings. */
export function meanwhile({ message }, before, after) {
  const names = Object.keys(after).filter((name) => name !== "version" && after[name] !== before[name]);
  const pick = (settings) => Object.fromEntries(names.map((name) => [name, settings[name]]));
  return [message, ...differences({ before: pick(before), after: pick(after) })];
}

const label = (name) => t("change.label", { name: hasText(`change.${name}`) ? t(`change.${name}`) : name });

function difference(name, before, after) {
  if (before === undefined) return shown(name, after);
  return after === undefined ? shown(name, before) : el("span", {}, shown(name, before), " → ", shown(name, after));
}

function shown(name, value) {
  if (value === null || value === "") return t("change.none");
  if (typeof value === "boolean") return t(SWITCHES[value]);
  return el("bdi", {}, Object.hasOwn(VALUES, name) ? VALUES[name](value) : String(value));
}
