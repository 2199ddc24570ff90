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
  };
}

/** Kept in this browser. */
export const lasting = wrap("localStorage");
/** Kept in this tab, over reloads. */
export const tab = wrap("sessionStorage");
