// Addresses in a text as links. All by text nodes.

import { el } from "./dom.js";

const ADDRESS = /https?:\/\/[^\s<>"'`，。；：！？、）】》」』\u3000]+/giu;
const TRAILING = /[.,;:!?\])}*_~]+$/;

/** Nodes and texts for a message's text. */
export function linkify(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimmed(match[0]);
    if (!isAddress(address)) continue;
    if (match.index > end) parts.push(text.slice(end, match.index));
    parts.push(el("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, address));
    end = match.index + address.length;
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}

function trimmed(address) {
  // A closing bracket belongs to the address if it was opened in it, as in …/wiki/Rome_(city).
  const isOpened = address.endsWith(")") && address.includes("(");
  return isOpened ? address : address.replace(TRAILING, "");
}

function isAddress(text) {
  try {
    return /^https?:$/.test(new URL(text).protocol);
  } catch {
    return false;
  }
}
