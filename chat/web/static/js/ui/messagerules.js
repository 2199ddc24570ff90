// Rules for messages in the page: permitted actions, and one-line summaries.

import { serverNow } from "../core/api.js";
import { isBy } from "../core/profiles.js";
import { mayGiveCode } from "../core/rights.js";
import { cutBefore } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { fullName, isDirect } from "../lib/names.js";

const EDIT_MS = Number(document.body.dataset.editMinutes) * 60_000; // as the server is set
const SNIPPET_CHARS = 90;

/** Possible actions on a stored message, by messagetools.js' names. */
export function offers(message, store) {
  const isMine = isBy(message, store.me);
  const { room } = store;
  const names = ["react", "reply"];
  if (room.showsSeen) names.push("seen");
  const isModerator = mayGiveCode(room, store.me) && !isDirect(room);
  if (isModerator) names.push("pin");
  if (isMine && message.type === "text" && serverNow() - Date.parse(message.timestamp) < EDIT_MS) names.push("edit");
  if (isMine || isModerator) names.push("remove");
  return names;
}

/** A typed text as it is sent: without blank lines before it, and blanks after it. */
export const textToSend = (typed) => typed.replace(/^\s*\n|\s+$/g, "");

/** The author of a stored message of the room, in one line of plain text. */
export const authorName = ({ name, user, userId }, room) => fullName(name, user, userId, room.alike.has(userId));

/** The beginning of a message in one line. */
export function snippet(message) {
  if (message.type === "img") return t("message.picture");
  if (message.type === "file") return t("message.file");
  const line = message.text.replace(/```[\w+#.-]*\n?|\$\$|[*`]/g, "").replace(/\s+/g, " ").trim();
  return line.length > SNIPPET_CHARS ? `${line.slice(0, cutBefore(line, SNIPPET_CHARS))}…` : line;
}
