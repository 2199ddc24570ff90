// Text formatting: fenced code, equations, quotes, lists, inline code, bold, italics and links. All by text nodes; other
// text stays as typed. Each character is examined a bounded number of times.

import { copyText } from "../lib/clipboard.js";
import { el, icon } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { addressesIn, linkNode } from "../lib/linkify.js";
import { equation } from "./equations.js";
import { notify } from "./notices.js";

const FENCE = /^```([\w+#.-]*)\s*$/;
const QUOTE = /^> ?/;
const BULLET = /^[-*•] +(?=\S)/;
const NUMBER = /^(\d{1,4})[.)] +(?=\S)/;
// Marks inside a word do not count; scripts without spaces have no inside.
const WORD = /(?!\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Thai})[\p{L}\p{N}_]/u;
/** @type {[RegExp, (inner: string) => Node][]} */
const INLINE = [
  [/\$\$(?=[^\S\n]*[^$\s])([^$\n]+)\$\$/y, (inner) => equation(inner.trim())],
  [/`([^`\n]+)`/y, (inner) => el("code", {}, inner)],
  [/\*\*([^*\s](?:[^*\n]*[^*\s])?)\*\*/y, (inner) => el("strong", {}, inline(inner))],
  [/\*([^*\s](?:[^*\n]*[^*\s])?)\*/y, (inner) => el("em", {}, inline(inner))],
  [/_([^_\s](?:[^_\n]*[^_\s])?)_/y, (inner) => el("em", {}, inline(inner))],
];
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u200D|\uFE0F|\s){1,24}$/u;

export const isOnlyEmoji = (text) => ONLY_EMOJI.test(text);

/** Nodes and texts for a message's text. */
export function formatted(text) {
  const lines = text.split("\n");
  const parts = [];
  const lastFence = lines.findLastIndex(closesFence);
  for (let at = 0; at < lines.length; ) {
    const [node, next] = fence(lines, at, lastFence) ?? standing(lines, at) ?? block(lines, at, QUOTE, quote) ?? block(lines, at, BULLET, list("ul"))
      ?? block(lines, at, NUMBER, list("ol")) ?? [null, at + 1];
    if (node) parts.push(node);
    else parts.push(...inline(lines[at]), ...(next < lines.length && !begins(lines, next) ? ["\n"] : []));
    at = next;
  }
  return parts;
}

const closesFence = (line) => line.trimEnd() === "```";

function fence(lines, at, lastFence) {
  if (at >= lastFence || !FENCE.test(lines[at])) return null;
  let end = at + 1;
  while (!closesFence(lines[end])) end += 1;
  return [codeBlock(lines.slice(at + 1, end).join("\n")), end + 1];
}

function standing(lines, at) {
  const found = standingTex(lines, at);
  return found ? [equation(found.tex, { isBlock: true }), found.end] : null;
}

/** An equation on lines of its own. */
function standingTex(lines, at) {
  const first = lines[at].trim();
  if (!first.startsWith("$$")) return null;
  let end = at + 1;
  if (!first.includes("$$", 2)) {
    while (end < lines.length && !lines[end].includes("$$")) end += 1;
    end += 1;
  }
  if (end > lines.length) return null;
  const whole = lines.slice(at, end).join("\n").trim();
  const tex = whole.slice(2, -2).trim();
  return whole.endsWith("$$") && tex && !tex.includes("$") ? { tex, end } : null;
}

function block(lines, at, mark, make) {
  let end = at;
  while (end < lines.length && mark.test(lines[end])) end += 1;
  return end === at ? null : [make(lines.slice(at, end).map((line) => line.replace(mark, "")), lines[at]), end];
}

/** Whether a line begins something that stands on lines of its own. */
const begins = (lines, at) =>
  FENCE.test(lines[at]) || standingTex(lines, at) !== null || QUOTE.test(lines[at]) || BULLET.test(lines[at]) || NUMBER.test(lines[at]);

const quote = (lines) => el("blockquote", {}, formattedLines(lines));
const list = (tag) => (lines, first) => {
  const start = tag === "ol" ? Number(NUMBER.exec(first)[1]) : null;
  const isWide = String(start + lines.length - 1).length > 2; // a bubble cuts off what stands out
  return el(tag, { start, class: isWide && "wide" }, lines.map((line) => el("li", {}, inline(line))));
};

function formattedLines(lines) {
  return lines.flatMap((line, index) => (index ? ["\n", ...inline(line)] : inline(line)));
}

function codeBlock(code) {
  const label = { "aria-label": t("code.copy"), title: t("code.copy") };
  const copy = el("button", { type: "button", class: "icon-button copy", ...label, onclick: () => copyCode(code) }, icon("copy"));
  return el("div", { class: "code" }, el("pre", { tabindex: 0 }, el("code", {}, code)), copy);
}

async function copyCode(code) {
  await copyText(code);
  notify(t("code.copied"), "quiet");
}

function inline(text) {
  const parts = [];
  const addresses = addressesIn(text);
  let plain = 0;
  for (let at = 0; at < text.length; ) {
    const [node, next] = link(text, at, addresses) ?? marked(text, at) ?? [null, at + 1];
    if (node) {
      if (at > plain) parts.push(text.slice(plain, at));
      parts.push(node);
      plain = next;
    }
    at = next;
  }
  if (plain < text.length) parts.push(text.slice(plain));
  return parts;
}

function link(text, at, addresses) {
  if (addresses[0]?.[0] !== at) return null;
  const [, end] = addresses.shift();
  return [linkNode(text.slice(at, end)), end];
}

function marked(text, at) {
  if (!"`*_$".includes(text[at]) || text[at - 1] === text[at] || WORD.test(text[at - 1] ?? "")) return null;
  for (const [pattern, make] of INLINE) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    const after = found && text[at + found[0].length];
    if (found && !WORD.test(after ?? "")) return [make(found[1]), at + found[0].length];
  }
  return null;
}
