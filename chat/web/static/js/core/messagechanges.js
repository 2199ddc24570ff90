// Applies changes to messages (docs/protocols/polling.md, "Changes").

/** Whether an entry of a room's timeline is a change (otherwise it is a message). */
export const isChange = (entry) => entry.change !== undefined;

/** The message after the change, as another object; null: it is gone. A kind that is not known changes nothing. */
export function changed(message, change) {
  if (change.change === "deleted") return null;
  if (change.change === "edited") {
    const { content: text, timestamp: edited, mentions, mentions_all: mentionsAll } = change;
    return { ...message, text, edited, mentions, mentionsAll };
  }
  if (change.change === "reactions") return { ...message, reactions: reacted(message.reactions, change) };
  return message;
}

/** Who put which emoji there, after somebody put one or took it away. */
function reacted(reactions, { emoji, user, on }) {
  const users = (reactions[emoji] ?? []).filter((name) => name !== user);
  if (on) users.push(user);
  const after = { ...reactions, [emoji]: users };
  if (users.length === 0) delete after[emoji];
  return after;
}
