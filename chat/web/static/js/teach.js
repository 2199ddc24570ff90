// The teachers' console and its parts.

import { actFor, api } from "./core/api.js";
import { all, byId, el, first } from "./lib/dom.js";
import { keepFocus } from "./lib/focus.js";
import { announceLanguage, language, onLanguage, t } from "./lib/i18n.js";
import { loginAddress, siteName } from "./ui/arrival.js";
import { setUpSwitches } from "./ui/switches.js";
import { Log } from "./ui/teachlog.js";
import { Now } from "./ui/teachnow.js";
import { People } from "./ui/teachpeople.js";
import { RoomsTable } from "./ui/teachrooms.js";
import { SiteForm } from "./ui/teachsite.js";

const PARTS = { now: Now, people: People, rooms: RoomsTable, site: SiteForm, log: Log };
let me = null;
let shown = null;

function show() {
  const name = Object.hasOwn(PARTS, location.hash.slice(1)) ? location.hash.slice(1) : "people";
  document.title = `${t("teach.title")} · ${siteName()}`;
  byId("teach-guide").href = `/docs/teaching?lang=${language()}`;
  for (const link of all(".teach-tabs a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  first(".teach-tabs").hidden = !me?.teacher;
  if (!me?.teacher) {
    const link = el("a", { class: "button-link", href: me ? "/" : loginAddress() }, t(me ? "teach.back" : "teach.login.link"));
    byId("teach-main").replaceChildren(el("p", { class: "teach-empty" }, t("teach.login")), link);
    return;
  }
  shown?.stop();
  shown = new PARTS[name](byId("teach-main"), me);
}

async function start() {
  try {
    const { state } = await api.session(); // unlike the next request, this one is not refused without a login
    if (state === "living") me = await api.me();
    if (me) actFor(me.id);
  } catch {
    me = null; // not logged in, or not reached: the link leads on
  }
  onLanguage(show);
  globalThis.addEventListener("hashchange", show);
  announceLanguage();
}

keepFocus();
setUpSwitches();
start();
