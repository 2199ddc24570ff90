// Names, badges and pictures of people as they are now, applied to messages that were loaded before.

import { avatarSource } from "./servermessages.js";

const SHOWN = ["user", "name", "isTeacher", "avatar"];

/** A profile in the form of a message's author. raw: a member, or an author. */
export const authorOf = (raw) => ({
  user: raw.user,
  name: raw.nickname || raw.user,
  isTeacher: raw.teacher,
  avatar: avatarSource(raw.avatar),
});

/** Whether this user wrote the message. By the id: names change. */
export const isBy = (message, user) => message.userId === user?.id;

export const isSameAuthor = (one, other) => SHOWN.every((key) => one[key] === other[key]);

/** The message by its author as `author`, and with usernames replaced as in `renamed`: another object, or the same. */
export function presented(message, author, renamed) {
  const isSame = !author || isSameAuthor(message, author);
  if (isSame && renamed.size === 0) return message;
  const now = (users) => users.map((user) => renamed.get(user) ?? user);
  const reactions = Object.fromEntries(Object.entries(message.reactions).map(([emoji, users]) => [emoji, now(users)]));
  return { ...message, ...author, reactions, mentions: now(message.mentions) };
}
