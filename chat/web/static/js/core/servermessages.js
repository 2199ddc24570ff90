// The server's messages, and its changes to them, in the page's own form.

import { measure, sniff, toUrl } from "../lib/pictures.js";
import { isChange } from "./messagechanges.js";

/** Messages as the store takes them; pictures become blob URLs whose size is known. Changes stay as they came. */
export function toEntries(raws) {
  return Promise.all(raws.map((raw) => (isChange(raw) ? raw : toMessage(raw))));
}

async function toMessage(raw) {
  const message = {
    id: raw.id,
    user: raw.user,
    userId: raw.user_id,
    name: raw.nickname || raw.user,
    isTeacher: raw.teacher ?? false,
    avatar: avatarSource(raw.avatar),
    type: raw.type,
    timestamp: raw.timestamp,
    clientId: raw.client_message_id,
    text: raw.type === "text" ? raw.content : "",
    edited: raw.edited ?? null,
    replyTo: raw.reply_to ?? null,
    reactions: raw.reactions ?? {},
    mentions: raw.mentions ?? [],
    mentionsAll: raw.mentions_all ?? false,
    url: null,
    size: null,
  };
  if (raw.type === "img") {
    await addPicture(message, raw);
  } else if (raw.type === "file" && /^\/(?!\/)/.test(raw.content)) {
    message.url = raw.content;
    message.file = { name: raw.filename, bytes: raw.size };
  }
  return message;
}

/** A picture is an address on this server, or Base64. */
async function addPicture(message, { content, width, height }) {
  const isAddress = /^\/attachments\/[\w-]+$/.test(content);
  message.original = isAddress ? content : null;
  message.url = isAddress ? `${content}/thumbnail` : toUrl(content);
  if (message.url) message.size = width ? { width, height } : await measure(message.url);
}

/** An avatar is an address on this server, or a short text by a user; other values are not shown. */
export function avatarSource(avatar) {
  if (!avatar) return null;
  if (/^data:image\/(png|jpeg|gif|webp);base64,/.test(avatar)) return avatar;
  if (/^\/(?:attachments|avatars)\/[\w.-]+$/.test(avatar)) return avatar;
  const type = sniff(avatar);
  return type ? `data:${type};base64,${avatar}` : null;
}

/** Give back the memory of a picture that is no longer kept. */
export function release(message) {
  if (message.url?.startsWith("blob:")) URL.revokeObjectURL(message.url);
}
