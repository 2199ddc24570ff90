// The console's list of rooms, and the dialogs to run them.

import { siteApi } from "../core/siteapi.js";
import { el, icon } from "../lib/dom.js";
import { lengthOfTime, shortTime, toDate } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { nameNode } from "../lib/names.js";
import { openDialog, openForm } from "./dialogs.js";
import { codeSection } from "./joincode.js";
import { settingsSection } from "./moderationdialogs.js";
import { notify } from "./notices.js";
import { manageButton, Table } from "./teachtable.js";

const A_PAGE = 50;

export class RoomsTable {
  #table;
  #archived = el("input", { type: "checkbox" });

  constructor(place) {
    this.#archived.addEventListener("change", () => this.#table.refresh());
    place.replaceChildren();
    this.#table = new Table(place, {
      load: async (q, after) => {
        const { rooms, next } = await siteApi.rooms(q, after, A_PAGE, this.#archived.checked);
        return { rows: rooms, next };
      },
      row: (room) => this.#row(room),
      heads: ["roomtable.column.name", "people.state", "roomtable.column.members", "roomtable.column.last", "people.manage"],
      search: "roomtable.search",
      nobody: "roomtable.nothing",
      tools: [el("label", { class: "choice" }, this.#archived, el("span", {}, t("roomtable.archived")))],
    });
  }

  stop() {
    this.#table.stop();
  }

  #row(room) {
    const states = [
      room.locked && t("roomtable.locked"),
      room.read_only && t("roomtable.read-only"),
      room.slow_mode > 0 && t("roomtable.slow", { time: lengthOfTime(room.slow_mode) }),
      room.archived && t("roomtable.archived"),
    ];
    return el(
      "tr",
      {},
      el("td", { class: "who" }, el("a", { href: `/#${encodeURIComponent(room.roomname)}` }, el("bdi", {}, room.roomname))),
      el("td", {}, el("div", { class: "marks" }, states.filter(Boolean).map((text) => el("span", { class: "mark" }, text)))),
      el("td", { "data-label": t("change.label", { name: t("roomtable.column.members") }) }, String(room.membercount)),
      el("td", { class: "since" }, room.last_time ? shortTime(toDate(room.last_time)) : ""),
      el("td", {}, manageButton(icon("more"), room.roomname, () => this.#manage(room))),
    );
  }

  #manage(room) {
    const name = room.roomname;
    const act = (next) => () => { dialog.close(); next(); };
    const button = (key, next, kind = "") => el("button", { type: "button", class: kind, onclick: act(next) }, t(key));
    const link = (key, href, more = {}) => el("a", { href, ...more }, t(key));
    const dialog = openDialog(name, [
      el(
        "div",
        { class: "choices" },
        link("roomtable.board", `/board/${encodeURIComponent(name)}`, { target: "_blank", rel: "noopener" }),
        button("roomtable.settings", () => this.#settings(name)),
        button("roomtable.members", () => showMembers(name)),
        button("code.title", () => this.#code(room)),
        link("roomtable.export", `/room/export?roomname=${encodeURIComponent(name)}`, { download: "" }),
        button(room.archived ? "roomtable.unarchive" : "roomtable.archive", () => this.#change(name, { archived: !room.archived })),
        button("roomtable.delete", () => this.#delete(name), "danger"),
      ),
    ]);
  }

  async #change(name, changes) {
    try {
      await siteApi.changeRoom(name, changes);
      notify(t("site.saved"));
      await this.#table.refresh();
    } catch (error) {
      notify(error.message, "bad");
    }
  }

  #settings(name) {
    const saved = () => {
      dialog.close();
      this.#table.refresh();
    };
    const dialog = openDialog(name, [settingsSection({ name }, saved)]);
  }

  #code(room) {
    const place = el("div");
    const dialog = openDialog(room.roomname, [place]);
    place.append(codeSection({ ...room, name: room.roomname }, () => dialog.close()));
  }

  #delete(name) {
    const text = el("p", {}, t("roomtable.delete.text", { room: name }));
    openForm(t("roomtable.delete.title", { room: name }), [text], { text: t("roomtable.delete"), isDangerous: true }, async () => {
      await siteApi.deleteRoom(name);
      await this.#table.refresh();
      return null;
    });
  }
}

function showMembers(room) {
  const place = el("div", { class: "members-table" });
  const dialog = openDialog(room, [place], { className: "wide" });
  const table = new Table(place, {
    load: async (q, after) => {
      const { members, next } = await siteApi.roomMembers(room, q, after, A_PAGE);
      return { rows: members, next };
    },
    row: (member) =>
      el(
        "tr",
        {},
        el("td", { class: "who" }, el("div", {}, nameNode(member.nickname, member.user, member.user_id, { isTeacher: member.teacher, isAlike: member.alike }))),
        el("td", {}, t(`role.${member.role}`)),
        el("td", {}, t(member.online ? "people.online" : "people.offline")),
      ),
    heads: ["people.name", "roomtable.role", "people.state"],
    search: "people.search",
    nobody: "people.nobody",
  });
  dialog.node.addEventListener("close", () => table.stop());
}
