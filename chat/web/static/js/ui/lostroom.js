// A room that is no longer the user's: a notice, and the texts that were not sent to it.

import { el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { roomTitle } from "../lib/names.js";
import { closeDialogsAbout, openDialog } from "./dialogs.js";
import { notify } from "./notices.js";

/** texts: "" is none. */
export function tellLost(room, texts) {
  closeDialogsAbout(room);
  notify(t("rooms.lost", { room: roomTitle(room) }), "bad");
  const kept = texts.filter(Boolean).map((text) => el("blockquote", { dir: "auto" }, text));
  if (kept.length > 0) openDialog(t("rooms.lost.unsent"), [el("p", {}, t("rooms.lost.copy", { room: roomTitle(room) })), ...kept]);
}
