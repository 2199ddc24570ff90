// Keeping order as owner, admin or teacher: the room's settings, its log, and actions on a member.

import { serverNow } from "../core/api.js";
import { orderApi } from "../core/moderationapi.js";
import { el } from "../lib/dom.js";
import { fullTime, lengthOfTime, toDate } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { fullName } from "../lib/names.js";
import { slowModes } from "../lib/slowmode.js";
import { askBeforeLeaving, editsOf } from "../lib/unsaved.js";
import { field, openDialog, openForm } from "./dialogs.js";
import { differences, meanwhile } from "./logchanges.js";
import { notify } from "./notices.js";
import { pagedList } from "./pagedlist.js";

const CHANGED = 409; // by somebody else meanwhile
const MUTES = [5, 15, 60, 1440]; // minutes
const RECENT = 10; // minutes

/** The part of the room's dialog with its settings; saved() is called after a change. */
export function settingsSection(room, saved) {
  const place = el("section", { class: "order-section" }, el("h3", {}, t("order.title")));
  const error = el("div", { class: "form-error", role: "alert" });
  let shown = null;
  let form = null;
  const load = async (edits = {}) => {
    shown = (await orderApi.settings(room.name)).settings;
    form = settingsForm(shown, edits, save);
    askBeforeLeaving(form, () => Object.keys(edited()).length > 0);
    place.replaceChildren(el("h3", {}, t("order.title")), form, error);
  };
  const edited = () => editsOf(chosen(form), { ...shown, slow_mode: ownPause(shown) });
  const save = async () => {
    const { archived, ...others } = chosen(form);
    const changes = archived === shown.archived ? others : { ...others, archived };
    try {
      error.textContent = "";
      await orderApi.change(room.name, shown.version, changes);
      notify(t("order.saved"), "quiet");
      await load();
      saved();
    } catch (problem) {
      error.textContent = problem.message;
      if (problem.status === CHANGED) await showMeanwhile(problem).catch(() => {});
    }
  };
  const showMeanwhile = async (problem) => {
    const before = shown;
    await load(edited());
    error.replaceChildren(...meanwhile(problem, before, shown));
  };
  load().catch((problem) => place.append(el("p", { class: "form-error" }, problem.message)));
  return place;
}

function settingsForm(now, edits, save) {
  const start = { ...now, slow_mode: ownPause(now), ...edits };
  const box = (name, key) =>
    el("label", { class: "choice" }, el("input", { type: "checkbox", name, checked: start[name] }), el("span", {}, t(key)));
  const form = el(
    "form",
    { novalidate: true },
    field("topic", t("order.topic"), { value: start.topic, autocomplete: "off" }),
    box("read_only", "order.readOnly.set"),
    pauseField(start.slow_mode, now),
    box("seen_by", "order.seenBy.set"),
    box("archived", "order.archive.set"),
    el("div", { class: "buttons" }, el("button", { type: "submit", class: "primary" }, t("order.save"))),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  return form;
}

/** The settings as they stand in the form. */
function chosen(form) {
  const { topic, read_only: readOnly, seen_by: seenBy, archived, pause } = form.elements;
  return {
    topic: topic.value.trim(),
    read_only: readOnly.checked,
    seen_by: seenBy.checked,
    archived: archived.checked,
    slow_mode: pause.value === "" ? null : Number(pause.value),
  };
}

/** The room's own slow mode in seconds; null: it has the site's. */
const ownPause = (settings) => (settings.slow_mode_is_default ? null : settings.slow_mode);

function pauseField(pause, now) {
  const start = pause === null ? "" : String(pause);
  const values = ["", ...slowModes(pause ?? 0)];
  const text = (value) => (value === "" ? t("order.slow.default", { time: now.slow_mode_is_default ? pauseText(now.slow_mode) : "…" }) : pauseText(value));
  const options = values.map((value) => el("option", { value: String(value), selected: String(value) === start }, text(value)));
  return el("div", { class: "field" }, el("label", { for: "field-pause" }, t("order.slow.set")), el("select", { id: "field-pause", name: "pause" }, options));
}

const pauseText = (seconds) => (seconds === 0 ? t("order.slow.off") : lengthOfTime(seconds));

/** Buttons of the room's dialog that lead to the barred users and the log. */
export function orderButtons(room, leadTo) {
  const barred = el("button", { type: "button" }, t("order.barred"));
  const log = el("button", { type: "button" }, t("order.audit"));
  leadTo(barred, () => openBarred(room).catch(tell));
  leadTo(log, () => openLog(room).catch(tell));
  return el("div", { class: "buttons" }, barred, log);
}

const tell = (problem) => notify(problem.message, "bad");

async function openBarred(room) {
  const { barred } = await orderApi.barred(room.name);
  const row = (user) => {
    const pardon = () => orderApi.bar(room.name, user, false).then(() => item.remove()).catch(tell);
    const button = el("button", { type: "button", onclick: pardon }, t("order.pardon", { name: user }));
    const item = el("li", {}, button);
    return item;
  };
  const list = barred.length > 0 ? el("ul", { class: "order-list" }, barred.map(row)) : el("p", {}, t("order.audit.none"));
  openDialog(t("order.barred"), [list], { room });
}

async function openLog(room) {
  const list = el("ol", { class: "audit-list" });
  const more = await pagedList(list, t("order.audit.more"), async (after) => {
    const { entries, next } = await orderApi.audit(room.name, after);
    return { rows: entries.map(logRow), next };
  });
  if (list.children.length === 0) list.append(el("li", {}, t("order.audit.none")));
  openDialog(t("order.audit"), [list, more], { room });
}

function logRow(entry) {
  const who = el("strong", {}, el("bdi", {}, entry.user || t("order.audit.admin")));
  const words = [who, " ", t(`audit.${entry.action}`), ...(entry.subject ? [" ", el("bdi", {}, entry.subject)] : [])];
  const before = entry.before.content && el("del", { dir: "auto" }, entry.before.content);
  const after = entry.after.content && el("ins", { dir: "auto" }, entry.after.content);
  const changes = before || after ? [before, " ", after].filter(Boolean) : differences(entry);
  return el("li", {}, el("time", { class: "hint" }, fullTime(toDate(entry.time))), el("p", {}, words), el("div", { class: "hint audit-change" }, changes));
}

/** The actions on a member; done() is called after one. */
export function openMemberActions(room, member, done) {
  const name = fullName(member.nickname || member.user, member.user, member.user_id, member.alike);
  const error = el("p", { class: "form-error", role: "alert" });
  const act = async (request, told = (_answer) => t("order.done")) => {
    const answer = await request();
    dialog.close();
    notify(told(answer), "quiet");
    done();
  };
  const atOnce = (request) => () => act(request).catch((problem) => (error.textContent = problem.message));
  const button = (text, onclick) => el("button", { type: "button", onclick }, text);
  /** A button that asks first: no other one beside it undoes the act. */
  const asking = (key, request, told = undefined) => {
    const ask = () => {
      dialog.close();
      const text = el("p", {}, t(`${key}.text`));
      openForm(t(`${key}.title`, { name }), [text], { text: t(`${key}.submit`), isDangerous: true }, () => act(request, told), { room });
    };
    return el("button", { type: "button", class: "danger", onclick: ask }, t(key));
  };
  const mute = (minutes) => orderApi.mute(room.name, member.user, minutes);
  const isMuted = Date.parse(member.muted_until) > serverNow();
  const nodes = [
    isMuted ? button(t("order.unmute"), atOnce(() => mute(0))) : null,
    ...MUTES.map((minutes) => button(t("order.mute", { time: lengthOfTime(minutes * 60) }), atOnce(() => mute(minutes)))),
    asking("order.recent", () => orderApi.deleteRecent(room.name, member.user, RECENT), ({ deleted }) => t("order.recent.done", { count: deleted })),
    asking("order.remove", () => orderApi.remove(room.name, member.user)),
    asking("order.bar", () => orderApi.bar(room.name, member.user, true)),
  ];
  const dialog = openDialog(t("order.member", { name }), [el("div", { class: "sheet-actions" }, nodes.filter(Boolean)), error], { room });
}

/** The archived rooms, which can be brought back; open(name) shows one that is joined. */
export async function openArchived(store, back) {
  const list = el("ul", { class: "order-list" });
  const row = (found) => {
    const bring = () =>
      orderApi.change(found.roomname, null, { archived: false }).then(() => {
        dialog.close();
        back(found.roomname);
      }).catch(tell);
    const may = ["owner", "admin"].includes(found.role) || store.me.isTeacher;
    return el("li", {}, el("span", {}, found.roomname), may ? el("button", { type: "button", onclick: bring }, t("order.unarchive")) : null);
  };
  const more = await pagedList(list, t("rooms.more"), async (after) => {
    const { rooms, next } = await orderApi.archived(after);
    return { rows: rooms.map(row), next };
  });
  const nodes = list.children.length > 0 ? [list, more] : [el("p", {}, t("order.archivedRooms.none"))];
  const dialog = openDialog(t("order.archivedRooms"), nodes);
}
