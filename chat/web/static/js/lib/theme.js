// Light and dark: the system's scheme until somebody chooses. early.js reads the same key as plain text.

const KEY = "commonroom.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

function chosen() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function apply(theme) {
  document.documentElement.dataset.theme = theme;
  for (const listener of listeners) listener();
}

export const isDark = () => document.documentElement.dataset.theme === "dark";

export function onTheme(listener) {
  listeners.add(listener);
}

export function toggleTheme() {
  const theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Then it holds until the page is reloaded.
  }
  apply(theme);
}

system.addEventListener("change", () => {
  if (!chosen()) apply(system.matches ? "dark" : "light");
});
