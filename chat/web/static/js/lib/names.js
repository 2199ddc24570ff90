// How people and rooms are called on the page. Two people may have the same nickname: the username, which is unique,
// stands beside it wherever it says something else. A mail address is not shown: the number of its account stands for it,
// and also beside names that look like another member's. Teachers have a badge.

import { el } from "./dom.js";
import { t } from "./i18n.js";

const DOTS = /[·•‧∙⋅・･ᐧ]/u; // a username with one could look like a nickname and another username
const NUMBER = /#\s*\d+\s*$/; // a username that ends in one could look like an account's number

/** What to show beside the name, or null: the username, or the account's number. */
function beside(name, user, id, isAlike) {
  if (id && (user.includes("@") || NUMBER.test(user.normalize("NFKC")))) return `#${id}`;
  if (id && isAlike && name === user) return `#${id}`;
  return name !== user || DOTS.test(user) ? user : null;
}

/** In one line of plain text, for labels. Of a message or a member: name, username, account's number. */
export function fullName(name, user, id, isAlike = false) {
  const shown = beside(name, user, id, isAlike);
  return shown === null ? name : `${name} · ${shown}`;
}

/** By the username alone, in one line of plain text, to readers of the store's open room. */
export function publicUsername(user, store) {
  const id = store.idOf(user);
  if (user.includes("@")) return id ? `#${id}` : t("people.somebody");
  return fullName(user, user, id, store.room?.alike.has(id));
}

/** As a node. The nickname is cut off before the username is; neither turns the other's direction round. */
export function nameNode(name, user, id, { isAlike = false, isTeacher = false } = {}) {
  const shown = beside(name, user, id, isAlike);
  const title = fullName(name, user, id, isAlike);
  const node = el("span", { class: "person", title }, el("bdi", { class: "person-name" }, name));
  if (shown !== null) node.append(el("span", { class: "person-user" }, " · ", el("bdi", {}, shown)));
  if (isTeacher) node.append(teacherBadge());
  return node;
}

/** The name by which a text mentions a member. */
export const mentionOf = ({ user, user_id: id }) => (user.includes("@") ? `#${id}` : user);

/** What stands beside the name of a teacher. Nobody's name can contain it. */
export const teacherBadge = () => el("span", { class: "mark teacher" }, t("people.teacher"));

/** A direct conversation, which polling calls by its id. */
export const isDirect = (room) => room.name === `#${room.id}`;

/** A room's display name: for a direct conversation the other user's, once known. */
export function roomTitle(room) {
  if (room.peer) return fullName(room.peer.name, room.peer.user, room.peer.userId);
  return isDirect(room) ? t("rooms.direct") : room.name;
}

/** The display name as a node. */
export function roomTitleNode(room) {
  return room.peer ? nameNode(room.peer.name, room.peer.user, room.peer.userId, room.peer) : el("bdi", {}, roomTitle(room));
}
