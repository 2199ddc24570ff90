// Edits that would be lost with the page: the browser asks before it is left.

const owners = new Map(); // node → whether it has edits that are not saved

globalThis.addEventListener("beforeunload", (event) => {
  for (const [node, isEdited] of owners) if (node.isConnected && isEdited()) event.preventDefault();
});

/** Ask before the page is left while the node is in it and isEdited() holds. */
export function askBeforeLeaving(node, isEdited) {
  for (const known of owners.keys()) if (!known.isConnected) owners.delete(known);
  owners.set(node, isEdited);
}

/** Those of the values that differ from what was there. */
export const editsOf = (values, before) => Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== before[name]));
