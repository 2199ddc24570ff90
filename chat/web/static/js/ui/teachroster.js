// Importing a roster: choose a file, check the preview, import all of it or nothing, print log-in cards.

import { siteApi } from "../core/siteapi.js";
import { el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { askBeforeLeaving, leaveFreely } from "../lib/unsaved.js";
import { field, openDialog } from "./dialogs.js";
import { notify } from "./notices.js";

const ASK_EVERY_MS = 700;
const MAX_BYTES = 4 * 1024 * 1024;
const SHOWN_MISTAKES = 20;

const pause = () => new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));

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
  let people = new Map(); // of the content, by username: whether they had an account when it was checked
  let chosen = null; // the file that counts: answers about earlier ones may come late

  const tell = (problem) => (error.textContent = problem.message);
  /** failure: of an import of the same content, of which the server may know more than its answer told. */
  const check = async (failure = null) => {
    const own = input.files[0];
    chosen = own;
    for (const node of [known, go]) node.hidden = true;
    error.textContent = failure?.message ?? "";
    about.replaceChildren();
    if (!own) return;
    const isWanted = () => own === chosen && dialog.node.isConnected;
    try {
      if (own.size > MAX_BYTES) throw new Error(t("roster.large"));
      about.replaceChildren(el("p", { class: "hint" }, t("roster.checking")));
      const read = failure ? content : await base64Of(own);
      const found = await (failure ? checkAgain(read, isWanted) : siteApi.checkRoster(read));
      if (own !== chosen) return;
      content = read;
      const made = failure ? found.people.filter((person) => person.known && !people.get(person.username)).length : 0;
      if (made > 0) error.textContent = t("roster.lost", { count: made });
      people = new Map(found.people.map((person) => [person.username, person.known]));
      about.replaceChildren(...preview(found));
      if (found.errors.length > 0) return;
      known.hidden = !found.people.some((person) => person.known);
      if (made > 0) passwords.checked = true;
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
    // The import goes on without the page, but only the page knows the passwords.
    const owner = {};
    askBeforeLeaving(owner, () => true);
    let cards = null;
    try {
      const begun = await siteApi.importRoster(content, passwords.checked, [...people.values()].filter(Boolean).length);
      const unknown = await follow(begun, about);
      dialog.close();
      if (unknown) notify(t("roster.unknown", { why: unknown.message }), "bad");
      else notify(t("roster.done", { count: begun.total }));
      ({ cards } = begun);
    } catch (problem) {
      file.hidden = false;
      if (dialog.node.isConnected) check(problem);
      else notify(problem.message, "bad");
    } finally {
      leaveFreely(owner);
    }
    if (cards) done(cards);
  };
  // A browser tells nothing where the same file is chosen again, which may have been mended meanwhile.
  input.addEventListener("click", () => {
    input.value = "";
    check();
  });
  input.addEventListener("change", () => check());
  go.addEventListener("click", run);
  const dialog = openDialog(t("roster.title"), [file, about, known, error, el("div", { class: "buttons" }, go)], { className: "roster" });
  input.focus();
}

/** Check a roster as soon as the server is reached, as long as isWanted(). */
async function checkAgain(content, isWanted) {
  for (;; await pause()) {
    try {
      return await siteApi.checkRoster(content);
    } catch (problem) {
      if (!isPassing(problem) || !isWanted()) throw problem;
    }
  }
}

/** Wait for the import's end, and show how far it is. Gives the failure that hides the end, or null. Raises where it fails. */
async function follow({ id, total }, place) {
  const bar = el("progress", { max: Math.max(1, total), value: 0, "aria-label": t("roster.progress") });
  const text = el("p", { class: "hint", role: "status" });
  place.replaceChildren(el("p", {}, t("roster.progress")), bar, text);
  for (;; await pause()) {
    const { state, done, feedback, problem } = await siteApi.rosterStatus(id).catch((found) => ({ problem: found }));
    if (problem && !isPassing(problem)) return problem; // such as a log-in as another user, in another tab
    if (state === "done") return null;
    if (state === "failed") throw new Error(t("roster.failed", { why: feedback }));
    bar.value = done ?? bar.value;
    text.textContent = problem ? problem.message : t("roster.so-far", { done, total }); // the import goes on meanwhile
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
