// The dialog for the user's own account: name, picture, password, sessions, data, and its end.

import { addressFor, get, post } from "../core/api.js";
import { siteApi } from "../core/siteapi.js";
import { byId, el } from "../lib/dom.js";
import { fullTime, toDate } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { passwordMin, passwordObjection } from "../lib/passwordrules.js";
import { askInPlace, field, openDialog, openForm } from "./dialogs.js";
import { notify } from "./notices.js";

const AVATAR_SIDE = 256;
const SAVE_MS = 60_000; // a picture over a slow network

/** changed(): the name or picture is another one; left(): the account is gone. */
export function wireAccount(store, { changed, left, notifications }) {
  byId("account-open").addEventListener("click", () => openAccount(store.me, { changed, left, notifications }));
}

function openAccount(me, handlers) {
  const error = el("p", { class: "form-error", role: "alert" });
  const section = (key, ...nodes) => el("section", { class: "account-section" }, el("h3", {}, t(key)), ...nodes);
  const guard = (act) => async () => {
    error.textContent = "";
    try {
      await act();
    } catch (problem) {
      error.textContent = problem.message;
    }
  };
  const button = (key, act, kind = "") => el("button", { type: "button", class: kind, onclick: guard(act) }, t(key));
  const name = field("nickname", t("account.name"), { value: me.nickname, autocomplete: "off" });
  const picture = el("input", { type: "file", accept: "image/png,image/jpeg,image/gif,image/webp", hidden: true, "aria-label": t("account.picture") });
  const save = async (changes) => {
    await post("/user/profile", changes, { timeout: SAVE_MS });
    notify(t("account.saved"));
    handlers.changed();
  };
  picture.addEventListener("change", guard(async () => picture.files[0] && save({ avatar: await squareOf(picture.files[0]) })));
  const sessions = el("ul", { class: "sessions", tabindex: "0", "aria-label": t("account.sessions") });
  const showSessions = async () => {
    const found = (await get("/user/sessions")).sessions;
    sessions.replaceChildren(...found.map(sessionRow));
    others.hidden = found.length < 2;
  };
  const endOthers = guard(async () => {
    await post("/user/sessions/end_others", {});
    notify(t("account.sessions.ended"));
    await showSessions();
  });
  const others = button("account.sessions.end", async () => askInPlace(others, t("account.sessions.end.text"), endOthers));
  others.hidden = true;
  const next = (act) => async () => {
    dialog.close();
    act();
  };
  const nodes = [
    el("p", { class: "hint" }, t("account.username", { name: me.username })),
    section("account.profile", name, picture, el("div", { class: "buttons" }, button("account.picture", async () => picture.click()), button("account.save", () => save({ nickname: name.querySelector("input").value.trim() }), "primary"))),
    section("account.notifications", ...handlers.notifications.switches()),
    section("account.password", el("div", { class: "buttons" }, button("password.submit", next(changePassword)))),
    section("account.sessions", sessions, el("div", { class: "buttons" }, others)),
    section("account.data", el("p", { class: "hint" }, t("account.data.text")), el("div", { class: "buttons" }, el("a", { class: "button-link", href: addressFor("/own-data.zip"), download: "own-data.zip" }, t("account.data.get")))),
    section("account.end", el("div", { class: "buttons" }, button("account.delete", next(() => deleteAccount(handlers.left)), "danger"))),
    error,
  ];
  const dialog = openDialog(t("account.title"), nodes, { className: "account-dialog" });
  guard(showSessions)();
}

function sessionRow({ protocol, address, created, current }) {
  const program = protocol === "polling" ? t("account.sessions.browser") : t("account.sessions.program", { protocol });
  const where = [program, address].filter(Boolean).join(" · ");
  return el("li", {}, el("strong", {}, current ? t("account.sessions.this") : where), el("span", { class: "hint" }, `${current ? `${where} · ` : ""}${fullTime(toDate(created))}`));
}

function changePassword() {
  const hidden = { type: "password", required: true };
  const hint = t("password.hint", { min: passwordMin() });
  const nodes = [
    field("old-password", t("password.old"), { ...hidden, autocomplete: "current-password" }),
    field("new-password", t("password.new"), { ...hidden, autocomplete: "new-password", hint }),
  ];
  openForm(t("account.password"), nodes, { text: t("password.submit") }, async (values) => {
    const objection = passwordObjection(values["new-password"]);
    if (objection) throw new Error(objection);
    await siteApi.changePassword(values["old-password"], values["new-password"]);
    notify(t("password.done"));
  });
}

function deleteAccount(left) {
  const nodes = [
    el("p", {}, t("account.delete.text")),
    field("password", t("password.old"), { type: "password", required: true, autocomplete: "current-password" }),
  ];
  openForm(t("account.delete.title"), nodes, { text: t("account.delete"), isDangerous: true }, async ({ password }) => {
    await post("/user/delete", { password });
    return left;
  });
}

/** The middle of a picture in Base64, small enough to be sent at once. Raises where the file is no picture. */
async function squareOf(file) {
  const image = await createImageBitmap(file).catch(() => {
    throw new Error(t("account.picture.bad"));
  });
  const side = Math.min(image.width, image.height);
  const canvas = el("canvas", { width: AVATAR_SIDE, height: AVATAR_SIDE });
  const from = [(image.width - side) / 2, (image.height - side) / 2, side, side];
  canvas.getContext("2d").drawImage(image, ...from, 0, 0, AVATAR_SIDE, AVATAR_SIDE);
  return canvas.toDataURL("image/jpeg", 0.88);
}
