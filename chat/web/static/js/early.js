// Runs before the first paint, so that a dark page never flashes white. lib/theme.js does the rest.
(() => {
  let choice = null;
  try {
    choice = localStorage.getItem("commonroom.theme");
  } catch {
    // Storage may be forbidden: then the system's scheme it is.
  }
  const isDark = choice ? choice === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
})();
