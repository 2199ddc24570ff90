// Finding, making, joining, leaving and deleting rooms.

import { addressFor, api } from "../core/api.js";
import { isOpenRoom, mayGiveCode } from "../core/rights.js";
import { isFoundBy } from "../core/store.js";
import { el, icon } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { fullName, isDirect, roomTitle, roomTitleNode } from "../lib/names.js";
import { field, openDialog, openForm } from "./dialogs.js";
import { codeSection } from "./joincode.js";
import { openArchived, orderButtons, settingsSection } from "./moderationdialogs.js";
import { notify } from "./notices.js";
import { roomLink } from "./roomlink.js";

const SEARCH_AFTER_MS = 250; // without a further key

export class RoomDialogs {
  #store;
  #feed;
  #open;
  #notifyChoice;

  /** feed: a RoomFeed; open(name) shows a joined room; notifyChoice(room) gives a node. */
  constructor(store, feed, open, notifyChoice) {
    this.#notifyChoice = notifyChoice;
    this.#store = store;
    this.#feed = feed;
    this.#open = open;
  }

  find() {
    const label = { "aria-label": t("find.search"), placeholder: t("find.search") };
    const search = el("input", { type: "search", autocomplete: "off", ...label });
    const list = el("ul", { class: "found" });
    const error = el("p", { class: "form-error", role: "alert" });
    const create = el("button", { type: "button" }, icon("plus"), t("rooms.create"));
    create.addEventListener("click", () => {
      dialog.close();
      this.create(search.value.trim());
    });
    const archived = el("button", { type: "button", class: "link" }, t("order.archivedRooms"));
    archived.addEventListener("click", () => {
      dialog.close();
      openArchived(this.#store, (name) => this.#feed.refresh().then(() => this.#open(name))).catch((problem) => notify(problem.message, "bad"));
    });
    const show = () => this.#showFound(list, search.value, error, () => dialog.close());
    const tell = (problem) => (error.textContent = problem.message);
    let soon = null;
    search.addEventListener("input", () => {
      show();
      clearTimeout(soon);
      soon = setTimeout(() => this.#search(search.value.trim()).catch(tell), SEARCH_AFTER_MS);
    });
    const dialog = openDialog(t("find.title"), [search, error, list, el("div", { class: "buttons" }, archived, create)]);
    show();
    this.#store.on("rooms", show);
    dialog.node.addEventListener("close", () => {
      clearTimeout(soon);
      this.#store.off("rooms", show);
      this.#feed.search("");
    });
    this.#feed.refresh().catch(tell);
    search.focus();
  }

  /** A complete list is filtered locally. */
  async #search(name) {
    await this.#feed.search(this.#store.isCut ? name : "");
  }

  #showFound(list, text, error, close) {
    const found = [...this.#store.rooms.values()].filter((room) => isFoundBy(room.name, text) || isFoundBy(roomTitle(room), text));
    list.replaceChildren(...found.map((room) => this.#foundRow(room, error, close)));
    if (found.length === 0) list.append(el("li", { class: "hint" }, t("find.nothing")));
  }

  #foundRow(room, error, close) {
    const about = [t("rooms.members", { count: room.memberCount })];
    if (room.joined) about.push(t("find.joined"));
    else if (room.isLocked) about.push(t("rooms.locked"));
    const act = room.joined ? "find.open" : "find.join";
    const button = el("button", { type: "button", class: room.joined ? "" : "primary" }, t(act));
    button.setAttribute("aria-label", t(`${act}.label`, { room: roomTitle(room) }));
    button.addEventListener("click", async () => {
      try {
        await this.#enter(room, close);
      } catch (problem) {
        error.textContent = problem.message;
      }
    });
    const name = el("span", { class: "found-name" }, roomTitleNode(room));
    const text = el("div", {}, name, el("span", { class: "hint" }, about.join(" · ")));
    return el("li", {}, icon(room.isLocked ? "lock" : isDirect(room) ? "people" : "hash"), text, button);
  }

  async #enter(room, close) {
    let next = () => this.#open(room.name);
    if (!room.joined) next = room.isLocked && !this.#store.me.isTeacher ? () => this.join(room) : await this.#join(room.name, "");
    close();
    next();
  }

  /** Ask before joining: for the passwd, or because it was a link that led here. */
  join(room) {
    if (this.#store.me?.isTeacher && isOpenRoom(room)) return void this.#enterAsTeacher(room);
    const nodes = [el("p", {}, t(room.isLocked ? "join.text" : "join.ask"))];
    const secret = { type: "password", autocomplete: "off", required: true };
    if (room.isLocked) nodes.push(field("passwd", t("join.passwd"), secret));
    const act = ({ passwd = "" }) => this.#join(room.name, passwd);
    return openForm(t("join.title", { room: room.name }), nodes, { text: t("join.submit") }, act);
  }

  /** A teacher needs neither invitation nor password. */
  async #enterAsTeacher(room) {
    try {
      (await this.#join(room.name, ""))();
    } catch (error) {
      notify(error.message, "bad");
    }
  }

  async #join(name, passwd) {
    await api.joinRoom(name, passwd);
    await this.#feed.refresh();
    notify(t("join.done", { room: name }));
    return () => this.#open(name);
  }

  create(name = "") {
    const passwd = field("passwd", t("create.passwd"), { type: "password", autocomplete: "new-password" });
    passwd.hidden = true;
    const kind = (value, isChecked) => {
      const choose = () => (passwd.hidden = value === "open");
      const radio = el("input", { type: "radio", name: "kind", value, checked: isChecked, onchange: choose });
      const hint = el("span", { class: "hint" }, t(`create.${value}.hint`));
      return el("label", { class: "choice" }, radio, el("span", {}, el("strong", {}, t(`create.${value}`)), hint));
    };
    const named = { hint: t("create.name.hint"), autocomplete: "off", required: true, value: name };
    const nodes = [
      field("name", t("create.name"), named),
      el("fieldset", {}, el("legend", {}, t("create.kind")), kind("open", true), kind("locked", false)),
      passwd,
    ];
    openForm(t("create.title"), nodes, { text: t("create.submit") }, (values) => this.#create(values));
  }

  async #create(values) {
    const name = values.name.trim();
    const isLocked = values.kind === "locked";
    await api.createRoom(name, isLocked ? values.passwd : "", isLocked);
    await this.#feed.refresh();
    notify(t("create.done", { room: name }));
    return () => this.#open(name);
  }

  details(room) {
    const facts = [t(room.isLocked ? "room.locked" : "room.open"), t("rooms.members", { count: room.memberCount })];
    const leave = el("button", { type: "button" }, icon("out"), t("leave.button"));
    const remove = el("button", { type: "button", class: "danger" }, t("room.delete.button"));
    const { me } = this.#store;
    const mayDelete = room.role === "owner" || (me.isTeacher && isOpenRoom(room));
    const leadTo = (button, next) =>
      button.addEventListener("click", () => {
        dialog.close();
        next();
      });
    leadTo(leave, () => this.leave(room));
    leadTo(remove, () => this.delete(room));
    const nodes = [
      room.topic && el("p", { dir: "auto" }, room.topic),
      el("p", {}, facts.join(" · ")),
      room.role && el("p", {}, t(`room.role.${room.role}`)),
      roomLink(room),
      this.#notifyChoice(room),
      el("div", { class: "buttons" }, leave, mayDelete ? remove : null),
      mayDelete && el("p", {}, el("a", { href: addressFor("/room/export", { roomname: room.name }), download: "" }, t("export.button"))),
      mayGiveCode(room, me) && codeSection(room, () => dialog.close()),
      mayGiveCode(room, me) && settingsSection(room, () => this.#feed.refresh().catch(() => {})),
      mayGiveCode(room, me) && orderButtons(room, leadTo),
    ];
    const dialog = openDialog(roomTitle(room), nodes.filter(Boolean), { room });
    if (room.role !== "owner") this.#offerLeaveAll(room, leave, leadTo);
  }

  /** Insert a button for leaving all rooms of the owner before the other one, once the owner is known. */
  async #offerLeaveAll(room, leave, leadTo) {
    const owner = await api.owner(room.name).catch(() => null); // without it, rooms can be left one by one
    if (!owner) return;
    const name = fullName(owner.nickname || owner.user, owner.user, owner.user_id);
    const leaveAll = el("button", { type: "button" }, t("leave.all.button", { name }));
    leadTo(leaveAll, () => this.leaveAll(owner.user, name));
    leave.before(leaveAll);
  }

  leave(room) {
    const text = t(room.role === "owner" ? "leave.text.owner" : "leave.text");
    const act = () => this.#part(room, () => api.leaveRoom(room.name), "leave.done");
    openForm(t("leave.title", { room: roomTitle(room) }), [el("p", {}, text)], { text: t("leave.button"), isDangerous: true }, act, { room });
  }

  delete(room) {
    const nodes = [el("p", {}, t("room.delete.text"))];
    if (room.isLocked && !this.#store.me.isTeacher) nodes.push(field("passwd", t("room.delete.passwd"), { type: "password", autocomplete: "off" }));
    const act = ({ passwd = "" }) => this.#part(room, () => api.deleteRoom(room.name, passwd), "room.delete.done");
    openForm(t("room.delete.title", { room: room.name }), nodes, { text: t("room.delete.submit"), isDangerous: true }, act, { room });
  }

  /** Leave all rooms of somebody who put one into room after room. */
  leaveAll(owner, name) {
    const act = async () => {
      await api.leaveAll(owner);
      notify(t("leave.all.done", { name }));
      await this.#feed.refresh().catch(() => {});
    };
    const text = el("p", {}, t("leave.all.text", { name }));
    openForm(t("leave.all.title", { name }), [text], { text: t("leave.all.submit"), isDangerous: true }, act);
  }

  async #part(room, request, done) {
    const { name } = room;
    // The pull may tell before the answer does.
    this.#store.leaving.add(name);
    try {
      await request();
      this.#store.lose(name);
      notify(t(done, { room: roomTitle(room) }));
      await this.#feed.refresh().catch(() => {}); // it is done; the list comes up to date by itself
    } finally {
      this.#store.leaving.delete(name);
    }
  }
}
