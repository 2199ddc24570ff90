// Importing a roster: choose a file, check the preview, import all of it or nothing, print log-in cards.

import { siteApi } from "../core/siteapi.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { field, openDialog } from "./dialogs.js";
import { notify } from "./notices.js";

const ASK_EVERY_MS = 700;
const MAX_BYTES = 4 * 1024 * 1024;
const SHOWN_MISTAKES = 20;

/** The import goes on without the page, but only the page knows the passwords. */
export const askToStay = (event) => event.preventDefault();

/** The network or the server is away, or has too much to do. */
const isPassing = ({ status }) => status === 0 || status === 429 || status >= 500;

/** done(cards) is called once everybody has an account, also if the dialog was closed. */
export function openRoster(done) {
  const error = el("p", { class: "form-error", role: "alert" });
  const about = el("div", { class: "roster-about", "aria-live": "polite" });
  const passwords = el("input", { type: "checkbox" });
  const known = el("label", { class: "choice", hidden: true }, passwords, el("span", {}, t("roster.passwords")));
  const go = el("button", { type: "button", class: "primary", hidden: true });
  const file = field("roster", t("roster.file"), { type: "file", accept: ".csv,.txt,.tsv,text/csv,text/plain", hint: t("roster.hint") });
  const input = file.querySelector("input");
  let content = "";
  let chosen = null; // the file that counts: answers about earlier ones may come late

  const tell = (problem) => (error.textContent = problem.message);
  const check = async () => {
    const own = input.files[0];
    chosen = own;
    for (const node of [known, go]) node.hidden = true;
    error.textContent = "";
    about.replaceChildren();
    if (!own) return;
    try {
      if (own.size > MAX_BYTES) throw new Error(t("roster.large"));
      about.replaceChildren(el("p", { class: "hint" }, t("roster.checking")));
      const read = await base64Of(own);
      const found = await siteApi.checkRoster(read);
      if (own !== chosen) return;
      content = read;
      about.replaceChildren(...preview(found));
      if (found.errors.length > 0) return;
      known.hidden = !found.people.some((person) => person.known);
      go.hidden = false;
      go.textContent = t("roster.import", { count: found.people.length });
    } catch (problem) {
      if (own !== chosen) return;
      about.replaceChildren();
      tell(problem);
    }
  };
  const run = async () => {
    for (const node of [known, go, file]) node.hidden = true;
    globalThis.addEventListener("beforeunload", askToStay);
    let cards = null;
    try {
      const begun = await siteApi.importRoster(content, passwords.checked);
      await follow(begun, about);
      dialog.close();
      notify(t("roster.done", { count: begun.total }));
      ({ cards } = begun);
    } catch (problem) {
      if (dialog.node.isConnected) tell(problem);
      else notify(problem.message, "bad");
      about.replaceChildren();
      file.hidden = go.hidden = false; // to try again
    } finally {
      globalThis.removeEventListener("beforeunload", askToStay);
    }
    if (cards) done(cards);
  };
  // A browser tells nothing where the same file is chosen again, which may have been mended meanwhile.
  input.addEventListener("click", () => {
    input.value = "";
    check();
  });
  input.addEventListener("change", check);
  go.addEventListener("click", run);
  const dialog = openDialog(t("roster.title"), [file, about, known, error, el("div", { class: "buttons" }, go)], { className: "roster" });
  input.focus();
}

/** Wait for the import's end, and show how far it is. Raises where it fails. */
async function follow({ id, total }, place) {
  const bar = el("progress", { max: Math.max(1, total), value: 0, "aria-label": t("roster.progress") });
  const text = el("p", { class: "hint", role: "status" });
  place.replaceChildren(el("p", {}, t("roster.progress")), bar, text);
  for (;; await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))) {
    try {
      const { state, done, feedback } = await siteApi.rosterStatus(id);
      bar.value = done;
      text.textContent = t("roster.so-far", { done, total });
      if (state === "done") return;
      if (state === "failed") throw new Error(t("roster.failed", { why: feedback }));
    } catch (problem) {
      if (!isPassing(problem)) throw problem;
      text.textContent = problem.message; // the import goes on meanwhile
    }
  }
}

function preview({ people, errors }) {
  if (errors.length > 0) {
    const items = errors.slice(0, SHOWN_MISTAKES).map(({ line, text }) => el("li", {}, line > 0 ? t("roster.line", { line, text }) : text));
    const more = errors.length > SHOWN_MISTAKES ? [el("li", {}, t("roster.more", { count: errors.length - SHOWN_MISTAKES }))] : [];
    return [el("p", { class: "form-error" }, t("roster.mistakes", { count: errors.length })), el("ul", { class: "mistakes", tabindex: "0" }, items, more)];
  }
  const heads = ["roster.column.username", "roster.column.name", "roster.column.rooms", "roster.column.kind"];
  const kind = (person) => t(person.known ? "roster.known" : person.has_password ? "roster.given" : "roster.made");
  const rows = people.map((person) =>
    el("tr", {}, [person.username, person.name, person.rooms.join("; "), kind(person)].map((text) => el("td", {}, text))),
  );
  const table = el("table", {}, el("thead", {}, el("tr", {}, heads.map((key) => el("th", { scope: "col" }, t(key))))), el("tbody", {}, rows));
  return [el("p", {}, t("roster.people", { count: people.length })), el("div", { class: "preview", tabindex: 0, role: "region", "aria-label": t("roster.title") }, table)];
}

async function base64Of(file) {
  const content = await file.arrayBuffer().catch(() => {
    throw new Error(t("roster.unreadable")); // moved or changed since it was chosen
  });
  const bytes = new Uint8Array(content);
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(text);
}
