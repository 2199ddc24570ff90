// The choices of slow mode, the same for a room and for the site.

const CHOICES = [0, 5, 10, 30, 60, 300, 900, 3600]; // seconds; 0: off

/** The choices in order, with the present one, which a client may have set to another length. */
export const slowModes = (now) => [...new Set([...CHOICES, now])].sort((one, other) => one - other);
