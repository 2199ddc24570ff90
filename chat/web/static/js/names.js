// How people and rooms are called on the page. A nickname is free text, so that it may be another's name: the username,
// which is unique, stands beside it wherever it says something else.

import { el } from "./dom.js";
import { t } from "./i18n.js";

const DOTS = /[·•‧∙⋅・･ᐧ]/u; // a username with one could look like a nickname and another username

/** The username to show beside the name, or null. */
export const userBeside = (name, user) => (name !== user || DOTS.test(user) ? user : null);

/** In one line of plain text, for labels. */
export function fullName(name, user) {
  const beside = userBeside(name, user);
  return beside === null ? name : `${name} · ${beside}`;
}

/** As a node. The nickname is cut off before the username is; neither turns the other's direction round. */
export function nameNode(name, user) {
  const beside = userBeside(name, user);
  const node = el("span", { class: "person", title: fullName(name, user) }, el("bdi", { class: "person-name" }, name));
  if (beside !== null) node.append(el("span", { class: "person-user" }, " · ", el("bdi", {}, beside)));
  return node;
}

/** A direct conversation, which polling calls by its id. */
export const isDirect = (room) => room.name === `#${room.id}`;

/** What a room is called: a direct conversation by the other person, once known. */
export function roomTitle(room) {
  if (room.peer) return fullName(room.peer.name, room.peer.user);
  return isDirect(room) ? t("rooms.direct") : room.name;
}

/** The same as a node. */
export const roomTitleNode = (room) => (room.peer ? nameNode(room.peer.name, room.peer.user) : el("bdi", {}, roomTitle(room)));
