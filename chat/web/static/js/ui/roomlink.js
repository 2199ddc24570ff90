// Links by an address that others on the network reach, which "localhost" is not.

import { siteApi } from "../core/siteapi.js";
import { copyText } from "../lib/clipboard.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { field } from "./dialogs.js";

/** A choice of addresses, hidden if there is one; show(address) shows what is at the chosen one. Raises ApiError. */
export async function addressChoice(show) {
  const { addresses } = await siteApi.addresses();
  const options = addresses.map((address) => el("option", { value: address }, address));
  const choice = el("select", { "aria-label": t("panel.which"), hidden: addresses.length === 1 }, options);
  choice.addEventListener("change", () => show(choice.value));
  await show(choice.value);
  return choice;
}

/** Nodes: the address of a join code, for people who type it. Where it needs two lines, it breaks before the code. */
export const joinAddress = (address, code) => [`${address}/join/`.replace(/^http:\/\//, ""), el("wbr"), code];

/** Nodes: the link to a room, a button that copies it, and the choice of addresses. */
export function roomLink(room) {
  const link = field("link", t("room.link"), { readonly: true, onfocus: (event) => event.target.select() });
  const input = link.querySelector("input");
  const show = (address) => (input.value = `${address}/#${encodeURIComponent(room.name)}`);
  show(location.origin);
  addressChoice(show).then((choice) => link.append(choice), () => {}); // by the page's own address, then
  const copy = el("button", { type: "button" }, t("room.copy"));
  copy.addEventListener("click", async () => {
    await copyText(input.value, link);
    copy.textContent = t("code.copied");
  });
  const row = el("div", { class: "with-button" });
  input.replaceWith(row);
  row.append(input, copy);
  return link;
}
