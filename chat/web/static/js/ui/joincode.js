// A room's join code: in the room's dialog for owner, admins and teachers, and full-screen for the class.

import { mayGiveCode } from "../core/rights.js";
import { siteApi } from "../core/siteapi.js";
import { byId, el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { askInPlace, openDialog } from "./dialogs.js";
import { notify } from "./notices.js";
import { qrCodes } from "./qr.js";
import { addressChoice, joinAddress } from "./roomlink.js";

const COUNT_EVERY_MS = 3000;

const linkOf = (address, code) => `${address}/join/${code}`;

/** The part of the room's dialog about its join code; close() closes the dialog. */
export function codeSection(room, close) {
  const place = el("section", { class: "code-section" });
  const error = el("p", { class: "form-error", role: "alert" });
  const show = ({ code }) => place.replaceChildren(el("h3", {}, t("code.title")), ...(code ? shown(code) : none()), error);
  const act = (request) => async () => {
    try {
      error.textContent = "";
      show(await request(room.name));
    } catch (problem) {
      error.textContent = problem.message;
    }
  };
  const button = (key, onclick, primary = "") => el("button", { type: "button", class: primary, onclick }, t(key));
  const asking = (key, request) => button(key, ({ currentTarget }) => askInPlace(currentTarget, t(`${key}.text`), act(request)));
  const none = () => [el("p", { class: "hint" }, t("code.none")), el("div", { class: "buttons" }, button("code.make", act(siteApi.newRoomCode)))];
  const shown = (code) => {
    const large = () => {
      close();
      openPanel(room, code);
    };
    const buttons = [asking("code.off", siteApi.noRoomCode), asking("code.renew", siteApi.newRoomCode), button("code.large", large, "primary")];
    return [el("p", { class: "room-code" }, el("code", {}, code)), pictureOf(code), el("div", { class: "buttons" }, buttons)];
  };
  act(siteApi.roomCode)();
  return place;
}

/** The place of a code's QR code, which comes once it is drawn; without it, the code can be typed. */
function pictureOf(code) {
  const place = el("div", { class: "room-qr" });
  const draw = async () => {
    const { addresses } = await siteApi.addresses();
    place.append(...(await qrCodes([linkOf(addresses[0], code)])));
  };
  draw().catch(() => {});
  return place;
}

/** The button beside the open room's name, which shows the panel; a room without a code gets one. */
export function wirePanel(store) {
  const button = byId("bring-in");
  const show = () => (button.hidden = !store.room || !mayGiveCode(store.room, store.me));
  for (const topic of ["current", "rooms"]) store.on(topic, show);
  button.addEventListener("click", () => bringIn(store.room).catch((error) => notify(error.message, "bad")));
}

async function bringIn(room) {
  const { code } = await siteApi.roomCode(room.name);
  await openPanel(room, code || (await siteApi.newRoomCode(room.name)).code);
}

/** The panel for the projector: address, QR code, join code, and how many are in. */
async function openPanel(room, code) {
  const address = el("p", { class: "panel-address" });
  const picture = el("div", { class: "panel-qr" });
  const count = el("p", { class: "panel-count", role: "status" });
  const print = el("button", { type: "button", class: "no-print", onclick: () => globalThis.print() }, t("panel.print"));
  const buttons = el("div", { class: "buttons no-print" }, print);
  const text = el(
    "div",
    { class: "panel-text" },
    el("h3", {}, t("panel.address")),
    address,
    el("h3", {}, t("panel.code")),
    el("p", { class: "panel-code" }, el("code", {}, code)),
    count,
    buttons,
  );
  const dialog = openDialog(`${t("panel.title")} · ${room.name}`, [el("div", { class: "panel" }, text, picture)], { className: "panel-dialog", room });
  const draw = async (by) => {
    address.replaceChildren(...joinAddress(by, code));
    picture.replaceChildren(...(await qrCodes([linkOf(by, code)])));
  };
  buttons.prepend(await addressChoice(draw));
  const recount = async () => {
    if (!dialog.node.isConnected) return;
    count.textContent = t("panel.in", { count: await siteApi.memberCount(room.name) });
    setTimeout(() => recount().catch(() => {}), COUNT_EVERY_MS);
  };
  await recount();
}
