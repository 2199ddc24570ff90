// What a change makes of a message (docs/protocols/polling.md, "Changes").

/** Whether an entry of a room's timeline is a change to what was said, or else a message. */
export const isChange = (entry) => entry.change !== undefined;

/** The message after the change, as another object; null: it is gone. A kind that is not known changes nothing. */
export function changed(message, change) {
  if (change.change === "deleted") return null;
  if (change.change === "edited") return { ...message, text: change.content, edited: change.timestamp };
  return message;
}
