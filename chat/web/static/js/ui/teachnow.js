// The console's view of what happens now: numbers, active rooms, online users.

import { siteApi } from "../core/siteapi.js";
import { el } from "../lib/dom.js";
import { shortTime, toDate } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { nameNode } from "../lib/names.js";
import { programName } from "../lib/useragents.js";
import { Table } from "./teachtable.js";

const A_PAGE = 50;
const AGAIN_MS = 5000;
const PROTOCOLS = { polling: "now.page" }; // the page speaks polling; others go by their names

export class Now {
  #table;
  #timer;
  #numbers = el("dl", { class: "numbers" });
  #rooms = el("ul", { class: "active-rooms" });

  constructor(place) {
    place.replaceChildren(this.#numbers, el("h2", {}, t("now.rooms")), this.#rooms, el("h2", {}, t("now.people")));
    this.#table = new Table(place, {
      load: (q, after) => this.#load(q, after),
      row,
      heads: ["people.name", "now.program", "now.since"],
      search: "people.search",
      nobody: "people.nobody",
    });
    this.#timer = setInterval(() => document.visibilityState === "visible" && this.#table.refresh(), AGAIN_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#table.stop();
  }

  async #load(q, after) {
    const found = await siteApi.now(q, after, A_PAGE);
    const number = (key, value) => el("div", {}, el("dt", {}, t(key)), el("dd", {}, String(value)));
    this.#numbers.replaceChildren(
      number("now.online", t("now.of", { count: found.online, all: found.accounts })),
      number("now.messages", found.messages),
    );
    const rooms = found.rooms.map((room) =>
      el("li", {}, el("a", { href: `/#${encodeURIComponent(room.roomname)}` }, el("bdi", {}, room.roomname)), " ",
        el("span", { class: "hint" }, t("now.room", { messages: room.messages, online: room.online, all: room.membercount }))));
    this.#rooms.replaceChildren(...(rooms.length > 0 ? rooms : [el("li", { class: "hint" }, t("now.quiet"))]));
    return { rows: found.people, next: found.next };
  }
}

function row(person) {
  const programs = person.sessions.map(({ protocol, program }) => {
    const by = PROTOCOLS[protocol] && /Mozilla/.test(program) ? t(PROTOCOLS[protocol]) : protocol;
    return el("div", { title: program }, program ? `${by} · ${programName(program)}` : by);
  });
  const since = person.sessions.map((session) => el("div", {}, shortTime(toDate(session.since))));
  const name = nameNode(person.nickname, person.username, person.id, { isTeacher: person.teacher });
  return el("tr", {}, el("td", { class: "who" }, el("div", {}, name)), el("td", {}, programs), el("td", { class: "since" }, since));
}
