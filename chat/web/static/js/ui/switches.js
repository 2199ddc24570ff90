// The switches for language and theme, wherever the page has a place for them.

import { el, icon } from "../lib/dom.js";
import { language, onLanguage, setLanguage, t } from "../lib/i18n.js";
import { isDark, onTheme, toggleTheme } from "../lib/theme.js";

export function setUpSwitches() {
  for (const place of document.querySelectorAll("[data-switches]")) {
    const theme = el("button", { type: "button", class: "icon-button theme-switch", onclick: toggleTheme });
    const other = el("button", { type: "button", class: "language-switch" });
    other.addEventListener("click", () => setLanguage(language() === "zh" ? "en" : "zh"));
    const label = () => {
      other.textContent = t("switch.language");
      name(other, t("switch.language.label"));
      name(theme, t(isDark() ? "switch.light" : "switch.dark"));
      theme.replaceChildren(icon(isDark() ? "sun" : "moon"));
    };
    onLanguage(label);
    onTheme(label);
    place.append(other, theme);
  }
}

function name(button, text) {
  button.setAttribute("aria-label", text);
  button.title = text;
}
