// Web storage. Where it is full or forbidden, the page remembers until it is left.

function wrap(name) {
  const area = () => globalThis[name];
  const unstored = new Map(); // JSON by key, where the browser does not store it
  return {
    get(key) {
      try {
        return JSON.parse(unstored.get(key) ?? area().getItem(key));
      } catch {
        return null;
      }
    },
    set(key, value) {
      const text = JSON.stringify(value);
      try {
        area().setItem(key, text);
        unstored.delete(key);
      } catch {
        unstored.set(key, text);
      }
    },
    remove(key) {
      unstored.delete(key);
      try {
        area().removeItem(key);
      } catch {
        // Nothing to be done about it.
      }
    },
    keys() {
      try {
        return [...unstored.keys(), ...Object.keys(area())];
      } catch {
        return [...unstored.keys()];
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

/** The logged-in user's stored data: one record in each storage, and nothing of other users. */
export class Records {
  #key = null;

  /** Store this user's text; `inTab` is the result of close() when the same user's session ended. */
  open(username, inTab = {}) {
    this.#key = OF_USER + username;
    removeAllBut(this.#key);
    tab.set(this.#key, { ...tab.get(this.#key), ...inTab });
  }

  /** The user has another username. Another tab may have renamed what both keep. */
  rename(username) {
    const key = OF_USER + username;
    if (!this.#key || this.#key === key) return;
    for (const area of [lasting, tab]) area.set(key, area.get(this.#key) ?? area.get(key) ?? {});
    this.#key = key;
    removeAllBut(key);
  }

  /** Remove everything and store nothing from now on; returns the data of this tab. */
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
