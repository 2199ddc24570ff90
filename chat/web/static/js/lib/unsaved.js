// What would be lost with the page: the browser asks before it is left.

const owners = new Map(); // → whether the owner would lose something

globalThis.addEventListener("beforeunload", (event) => {
  for (const [owner, isLosing] of owners) if (!isGone(owner) && isLosing()) event.preventDefault();
});

const isGone = (owner) => owner instanceof Node && !owner.isConnected;

/** Ask before the page is left while isLosing() holds. owner: a node, while it is in the page; or any object. */
export function askBeforeLeaving(owner, isLosing) {
  for (const known of owners.keys()) if (isGone(known)) owners.delete(known);
  owners.set(owner, isLosing);
}

/** The owner loses nothing any more. */
export const leaveFreely = (owner) => owners.delete(owner);

/** Those of the values that differ from what was there. */
export const editsOf = (values, before) => Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== before[name]));
