// Log-in cards: for each person the address, username and password, with a QR code that opens the page, to be printed.

import { siteApi } from "../core/siteapi.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { siteName } from "./arrival.js";
import { notify } from "./notices.js";
import { qrCodes } from "./qr.js";

/** Show cards ({username, name, password}) in place; back() leaves them. */
export async function showCards(place, cards, back) {
  const sheet = el("div", { class: "cards" });
  const status = el("p", { class: "hint no-print", role: "status" }, t("cards.making"));
  const print = el("button", { type: "button", class: "primary", disabled: true, onclick: () => globalThis.print() }, t("cards.print"));
  const leave = el("button", { type: "button", onclick: back }, t("cards.back"));
  place.replaceChildren(el("div", { class: "cards-head no-print" }, el("p", {}, t("cards.about")), el("div", { class: "buttons" }, leave, print)), status, sheet);
  let address = location.origin;
  try {
    [address] = (await siteApi.addresses()).addresses;
    const codes = await qrCodes(cards.map(({ username }) => `${address}/?username=${encodeURIComponent(username)}`));
    sheet.append(...cards.map((card, index) => cardNode(card, address, codes[index])));
    status.remove();
  } catch (error) {
    sheet.append(...cards.map((card) => cardNode(card, address))); // the passwords matter more than the codes
    status.textContent = error.message;
    notify(status.textContent, "bad");
  }
  print.disabled = false;
}

function cardNode({ username, name, password }, address, code = null) {
  const row = (key, value) => [el("dt", {}, t(key)), el("dd", {}, el("code", {}, value))];
  const secret = password ? row("login.password", password) : [el("dt", {}, t("login.password")), el("dd", {}, t("cards.kept"))];
  return el(
    "article",
    { class: "card" },
    el("div", {}, el("h2", {}, el("bdi", {}, name)), el("p", { class: "hint" }, siteName()), el("dl", {}, row("cards.address", address), row("login.username", username), secret)),
    code,
  );
}
