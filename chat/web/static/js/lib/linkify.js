// Addresses in a text as links. All by text nodes.

import { el } from "./dom.js";

const START = /https?:\/\//giu;
// Scripts that are written without spaces: text in them goes on right after an address.
const UNSPACED =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Bopomofo}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}";
// CJK and full-width marks; characters that do not show or turn the direction (not the joiners of Persian and Indic words).
const WIDE_MARKS = "\\u3000-\\u303F\\u30FB\\u30FC\\uFE10-\\uFE1F\\uFE30-\\uFE4F\\uFF01-\\uFF65\\uFFE0-\\uFFE6";
const UNSEEN =
  "\\p{Z}\\p{Cc}\\u00AD\\u034F\\u061C\\u115F\\u1160\\u180E\\u200B\\u200E\\u200F\\u202A-\\u202E\\u2060-\\u206F\\u2800\\u3164\\uFE00-\\uFE0F\\uFEFF\\uFFA0\\uFFF9-\\uFFFC\\u{E0000}-\\u{E0FFF}";
const STOP = `\\s<>"'\`\\u2014\\u2015\\u2026${UNSEEN}${WIDE_MARKS}\\p{Pi}\\p{Pf}\\p{Me}\\p{Extended_Pictographic}`;
const WIDE_SYMBOL = "(?![\\0-\\x7F])\\p{S}"; // those of ASCII may be in addresses
const MOST_CHARS = 2048; // of an address
const MOST_FAILURES = 200; // beginnings of no address; then the rest of the text is not searched
// An apostrophe is in an address where a word goes on after it (Moore's_law), as no quotation ends there.
const RUN = new RegExp(`(?:(?!${WIDE_SYMBOL})[^${STOP}${UNSPACED}]|'(?=[\\p{L}\\p{N}])){1,${MOST_CHARS}}`, "uy");
// A host may be written in such a script, if it begins in it.
const NATIVE_HOST = new RegExp(`[${UNSPACED}][\\p{L}\\p{M}\\p{N}-]{0,62}(?:\\.[\\p{L}\\p{M}\\p{N}-]{1,63}){1,8}`, "uy");
// The scheme, user and host of an address: beyond ASCII letters, their marks, digits, joiners, and the dot of Catalan.
const HOST = /^https?:\/\/(?:[^/?#@,;\\]*@)?(?:[\w.:%[\]-]|[\p{L}\p{Mn}\p{Mc}\p{Nd}\p{Join_Control}\u00B7])*/iu;
// Marks that end a sentence or an emphasis, not an address; of those beyond ASCII, by class.
const TRAILING = /^(?:[.,;:!?*_~]|(?![\0-\x7F])[\p{Po}\p{Pd}]|\p{Ps})$/u;
const CLOSES = new Map([[")", "("], ["]", "["], ["}", "{"]]);

/** Where the addresses of a text are: [[start, end], …]. */
export function addressesIn(text) {
  const found = [];
  START.lastIndex = 0;
  let failures = 0;
  for (let match = START.exec(text); match && failures < MOST_FAILURES; match = START.exec(text)) {
    const address = trimmed(balanced(withHost(match[0] + restAt(text, START.lastIndex))));
    if (!isAddress(address)) {
      failures += 1;
      continue;
    }
    START.lastIndex = match.index + address.length;
    found.push([match.index, START.lastIndex]);
  }
  return found;
}

/** A link to an address, its direction isolated from direction marks before it. */
export const linkNode = (address) =>
  el("a", { href: address, dir: "ltr", target: "_blank", rel: "noopener noreferrer nofollow" }, address);

function restAt(text, index) {
  const host = matchAt(NATIVE_HOST, text, index);
  return host + matchAt(RUN, text, index + host.length);
}

function matchAt(pattern, text, index) {
  pattern.lastIndex = index;
  return pattern.exec(text)?.[0] ?? "";
}

/** Up to the first character that can be in no host, if that is where the host ends. */
function withHost(address) {
  const [host] = HOST.exec(address) ?? [address];
  return host.length === address.length || "/?#".includes(address[host.length]) ? address : host;
}

/** Up to the first closing bracket that was not opened in the address, as in (see …/wiki/Rome_(city)). */
function balanced(address) {
  const open = { "(": 0, "[": 0, "{": 0 };
  for (let i = 0; i < address.length; i += 1) {
    const char = address[i];
    if (char in open) open[char] += 1;
    else if (CLOSES.has(char) && --open[CLOSES.get(char)] < 0) return address.slice(0, i);
  }
  return address;
}

function trimmed(address) {
  const kept = [...address];
  while (kept.length > 0 && TRAILING.test(kept.at(-1))) kept.pop();
  return kept.join("");
}

function isAddress(text) {
  try {
    return /^https?:\/\/[^/?#:]/i.test(text) && /^https?:$/.test(new URL(text).protocol);
  } catch {
    return false;
  }
}
