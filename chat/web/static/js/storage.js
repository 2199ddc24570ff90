// Web storage that may be full or forbidden: the page works without it, it only forgets more.

function wrap(name) {
  const area = () => globalThis[name];
  return {
    get(key) {
      try {
        return JSON.parse(area().getItem(key));
      } catch {
        return null;
      }
    },
    set(key, value) {
      try {
        area().setItem(key, JSON.stringify(value));
      } catch {
        // Nothing to be done about it.
      }
    },
    remove(key) {
      try {
        area().removeItem(key);
      } catch {
        // Nothing to be done about it.
      }
    },
    keys() {
      try {
        return Object.keys(area());
      } catch {
        return [];
      }
    },
  };
}

/** Kept in this browser. */
export const lasting = wrap("localStorage");
/** Kept in this tab, over reloads. */
export const tab = wrap("sessionStorage");

const OF_USER = "commonroom.of.";
// The others are what earlier versions of the page kept.
const OF_USERS = [OF_USER, "commonroom.draft.", "commonroom.outbox.", "commonroom.unread.", "commonroom.room."];

/** What is kept of the user who is logged in: one record in each storage. Of nobody else anything is kept. */
export class Records {
  #key = null;

  /** Keep what this user writes; `inTab` is what close() gave when the same user's session ended. */
  open(username, inTab = {}) {
    this.#key = OF_USER + username;
    removeAllBut(this.#key);
    tab.set(this.#key, { ...tab.get(this.#key), ...inTab });
  }

  /** Remove everything, keep nothing from here on; gives what was kept in this tab. */
  close() {
    const inTab = (this.#key && tab.get(this.#key)) ?? {};
    this.#key = null;
    removeAllBut(null);
    return inTab;
  }

  get(field, area = tab) {
    return (this.#key && area.get(this.#key)?.[field]) ?? null;
  }

  set(field, value, area = tab) {
    if (this.#key) area.set(this.#key, { ...area.get(this.#key), [field]: value });
  }
}

function removeAllBut(kept) {
  for (const area of [lasting, tab]) {
    for (const key of area.keys()) {
      if (key !== kept && OF_USERS.some((start) => key.startsWith(start))) area.remove(key);
    }
  }
}
