// Log-in cards: for each person the address, username and password, with a QR code that opens the page, to be printed.

import { siteApi } from "../core/siteapi.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { siteName } from "./arrival.js";
import { notify } from "./notices.js";
import { qrCodes } from "./qr.js";

const AGAIN_MS = 3000; // while the server is away

/** Show cards ({username, name, password}) in place; back() leaves them. */
export async function showCards(place, cards, back) {
  const sheet = el("div", { class: "cards" });
  const status = el("p", { class: "hint no-print", role: "status" }, t("cards.making"));
  const print = el("button", { type: "button", class: "primary", disabled: true, onclick: () => globalThis.print() }, t("cards.print"));
  const leave = el("button", { type: "button", onclick: back }, t("cards.back"));
  place.replaceChildren(el("div", { class: "cards-head no-print" }, el("p", {}, t("cards.about")), el("div", { class: "buttons" }, leave, print)), status, sheet);
  const fill = (address, codes = []) => sheet.replaceChildren(...cards.map((card, index) => cardNode(card, address, codes[index])));
  const find = async () => {
    try {
      const [address] = (await siteApi.addresses()).addresses;
      fill(address, await qrCodes(cards.map(({ username }) => `${address}/?username=${encodeURIComponent(username)}`)));
      status.remove();
    } catch (error) {
      if (status.textContent !== error.message) notify(error.message, "bad");
      status.textContent = error.message;
      if (sheet.childElementCount === 0) fill(location.origin); // the passwords matter more than the codes
      if (error.isPassing) setTimeout(() => sheet.isConnected && find(), AGAIN_MS);
    }
  };
  await find();
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
