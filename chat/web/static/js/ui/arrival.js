// Arrival: addresses that bring somebody in (/claim/TOKEN, /join/CODE), texts about the site, and one-time passwords.

import { siteApi } from "../core/siteapi.js";
import { byId, el } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { passwordMin, passwordObjection } from "../lib/passwordrules.js";
import { field, openForm } from "./dialogs.js";
import { notify } from "./notices.js";

const ENTRY = /^\/(claim|join)\/(.+?)\/?$/;
const MOST_CHARS = 64; // of a code; the server takes no more, and what is longer is none
const WRONG = { claim: "error.CLAIM_INVALID", join: "error.JOIN_CODE_WRONG" };

/** {kind, code} of such an address, or null. */
export function entry() {
  const found = ENTRY.exec(location.pathname);
  return found && { kind: found[1], code: decoded(found[2]).replaceAll("\0", "").slice(0, MOST_CHARS) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a code that is wrong anyway
  }
}

/** The username of the login card that led here, or "". */
export const usernameInAddress = () => new URLSearchParams(location.search).get("username") ?? "";

const RETURN = /^\/(board\/[^/?#]+|teach)(#\w+)?$/; // the other pages that ask for a login

/** The address of the login that leads back to this page. */
export const loginAddress = () => `/?${new URLSearchParams({ next: location.pathname + location.hash })}`;

/** The page that me was sent here from to log in, or null; the console is for teachers only. */
export function pageToReturnTo(me) {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  return RETURN.test(next) && (me.teacher || !next.startsWith("/teach")) ? next : null;
}

export const siteName = () => document.body.dataset.siteName || "Commonroom";

/** Where the code in the address leads: {room}, or {error}: why it leads nowhere. */
export async function lookUpCode() {
  try {
    return { room: (await siteApi.roomOfCode(entry().code)).roomname };
  } catch (error) {
    return { error: wordsFor(error) };
  }
}

/** Further texts of the first page, and whether registration is possible. joining: of lookUpCode, once it is known. */
export function siteAbout(joining = null) {
  const { registration, hasTeacher } = document.body.dataset;
  const isUsed = entry()?.kind === "claim" && hasTeacher !== undefined;
  const isClaiming = entry()?.kind === "claim" && !isUsed;
  const isJoining = entry()?.kind === "join";
  const loginTitle = isClaiming ? t("claim.title") : hasTeacher === undefined ? t("claim.none.title") : t("login.title");
  if (isJoining && joining) {
    const needsCode = registration === "code" && Boolean(joining.error);
    return { loginTitle: t("login.title"), about: joining.error ?? t("join.room", joining), isClosed: registration === "closed", needsCode, isUsed };
  }
  const told = isUsed ? "claim.used" : isClaiming ? "claim.about" : isJoining ? "join.about" : hasTeacher === undefined ? "claim.none.about" : "";
  return {
    loginTitle,
    about: told ? t(told) : registration === "closed" ? t("register.closed") : "",
    isClosed: registration === "closed" && !isClaiming,
    needsCode: registration === "code" && !isClaiming && !isJoining,
    isUsed,
  };
}

/** Carry out the address; me (of /user/me) is brought up to date. */
export async function arrive(me) {
  const found = entry();
  if (!found) return;
  history.replaceState(null, "", `/${location.hash}`);
  try {
    if (found.kind === "claim") await claim(found.code, me);
    else await join(found.code);
  } catch (error) {
    if (error.status === 401) throw error;
    notify(wordsFor(error, found.kind), "bad");
  }
}

/** 400: nothing that can be a code. */
const wordsFor = (error, kind = "join") => (error.status === 400 ? t(WRONG[kind]) : error.message);

async function claim(token, me) {
  await siteApi.claim(token);
  me.teacher = true;
  me.isNewTeacher = true;
  document.body.dataset.hasTeacher = "";
  notify(t("claim.done"));
}

async function join(code) {
  const { roomname } = await siteApi.join(code);
  history.replaceState(null, "", `/#${encodeURIComponent(roomname)}`);
  notify(t("join.done", { room: roomname }));
}

/** Show teachers the way to their console; have a one-time password changed, then goOn(), or else call logOut(). */
export function welcome(me, logOut, goOn) {
  byId("teach").hidden = !me.teacher;
  if (me.isNewTeacher) byId("bring-in").click();
  if (me.must_change_password) askForNewPassword(logOut, goOn);
}

function askForNewPassword(logOut, goOn) {
  const hidden = { type: "password", required: true };
  const hint = t("password.hint", { min: passwordMin() });
  const nodes = [
    el("p", {}, t("password.must")),
    field("old-password", t("password.one-time"), { ...hidden, autocomplete: "current-password" }),
    field("new-password", t("password.new"), { ...hidden, autocomplete: "new-password", hint }),
  ];
  const change = async (values) => {
    const objection = passwordObjection(values["new-password"]);
    if (objection) throw new Error(objection);
    await siteApi.changePassword(values["old-password"], values["new-password"]);
    isDone = true;
    notify(t("password.done"));
    return goOn;
  };
  let isDone = false;
  const dialog = openForm(t("password.title"), nodes, { text: t("password.submit") }, change, { cancel: t("account.logout"), isFirm: true });
  // There is no way round it, but the one out. Where the session has ended, the dialog closes by itself.
  dialog.node.addEventListener("close", async () => {
    if (isDone || byId("chat").hidden) return;
    await logOut();
    if (!byId("chat").hidden) askForNewPassword(logOut, goOn); // the server was not reached
  });
}
