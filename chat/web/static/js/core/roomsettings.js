// The permissions of a room’s settings, in the page’s own form.

/** Of a room in the list of rooms, or of its settings in a change. */
export const orderOf = (found) => ({
  topic: found.topic ?? "",
  readOnly: found.read_only ?? false,
  slowMode: found.slow_mode ?? 0,
  isArchived: found.archived ?? false,
  showsSeen: found.seen_by ?? true,
});
