// The console's audit log.

import { el } from "./dom.js";
import { fullTime, toDate } from "./format.js";
import { t } from "./i18n.js";
import { siteApi } from "./siteapi.js";
import { Table } from "./teachtable.js";

const A_PAGE = 50;

export class Log {
  #table;

  constructor(place) {
    place.replaceChildren(el("p", { class: "hint" }, t("log.about")));
    this.#table = new Table(place, {
      load: async (q, after) => {
        const { entries, next } = await siteApi.audit(q, after, A_PAGE);
        return { rows: entries, next };
      },
      row,
      heads: ["log.time", "log.user", "log.action", "log.change"],
      search: "log.search",
      nobody: "log.nothing",
    });
  }

  stop() {
    this.#table.stop();
  }
}

function row(entry) {
  const whom = [entry.subject, entry.room].filter(Boolean).map((name) => el("bdi", {}, name));
  const about = whom.flatMap((node) => [" · ", node]);
  const names = [...new Set([...Object.keys(entry.before), ...Object.keys(entry.after)])];
  const change = names.map((name) => el("div", { class: "log-change" }, `${name}: `, difference(entry.before[name], entry.after[name])));
  return el(
    "tr",
    {},
    el("td", { class: "since log-time" }, fullTime(toDate(entry.time))),
    el("td", {}, el("bdi", {}, entry.user || t("log.administrator"))),
    el("td", {}, t(`log.${entry.action}`), about),
    el("td", {}, change),
  );
}

function difference(before, after) {
  const shown = (value) => el("bdi", {}, typeof value === "string" ? value : JSON.stringify(value));
  if (before === undefined) return shown(after);
  return after === undefined ? shown(before) : el("span", {}, shown(before), " → ", shown(after));
}
