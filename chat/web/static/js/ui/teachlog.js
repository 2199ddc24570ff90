// The console's audit log.

import { siteApi } from "../core/siteapi.js";
import { el } from "../lib/dom.js";
import { fullTime, toDate } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { differences } from "./logchanges.js";
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
  return el(
    "tr",
    {},
    el("td", { class: "since log-time" }, fullTime(toDate(entry.time))),
    el("td", { class: "log-user" }, el("bdi", {}, entry.user || t("log.administrator"))),
    el("td", {}, t(`log.${entry.action}`), about),
    el("td", {}, differences(entry)),
  );
}
