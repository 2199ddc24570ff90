// Times, names and colours as the page shows them.

import { locale, t } from "./i18n.js";

const formats = new Map();

/** Show times in the machine's present time zone from now on: a format keeps the one in which it was made. */
export const renewFormats = () => formats.clear();

function formatter(options) {
  const key = locale() + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale(), options));
  return formats.get(key);
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

/** A number of bytes, in words: "1.2 MB". */
export function fileSize(bytes) {
  const step = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  /** @type {Intl.NumberFormatOptions} */
  const options = { style: "unit", unit: UNITS[step], unitDisplay: step === 0 ? "long" : "short", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(locale(), options).format(bytes / 1000 ** step);
}

/** @type {[string, number][]} */
const LENGTHS = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** A number of seconds in words, by the largest unit that divides it: "5 minutes". */
export function lengthOfTime(seconds) {
  const [unit, size] = LENGTHS.find(([, length]) => seconds % length === 0);
  return new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "long" }).format(seconds / size);
}

/** A Date of the server's timestamp, whose microseconds some engines do not read. */
export const toDate = (timestamp) => new Date(timestamp.replace(/(\.\d{3})\d+/, "$1"));

export const clockTime = (date) => formatter({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(date);

export const fullTime = (date) => formatter({ dateStyle: "full", timeStyle: "medium" }).format(date);

export const dayKey = (date) => `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;

export function dayName(date, now = new Date()) {
  if (dayKey(date) === dayKey(now)) return t("day.today");
  // By the calendar: where clocks change, a day has 23 or 25 hours.
  if (dayKey(date) === dayKey(new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1, 12))) return t("day.yesterday");
  const options = { weekday: "long", day: "numeric", month: "long" };
  if (date.getFullYear() !== now.getFullYear()) options.year = "numeric";
  return formatter(options).format(date);
}

/** Short form for the room list: the time today, else the date. */
export function shortTime(date, now = new Date()) {
  if (dayKey(date) === dayKey(now)) return clockTime(date);
  return formatter({ day: "numeric", month: "short" }).format(date);
}

const segmenter = globalThis.Intl?.Segmenter ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;
// For browsers without Intl.Segmenter: flags, letters with their marks, emoji with what joins them.
const CLUSTER = /^(?:\p{Regional_Indicator}{2}|.(?:[\p{M}\p{Emoji_Modifier}]|\u200D.)*)/su;
const MAX_CLUSTER = 16; // UTF-16 units; more is a heap of marks

/** The first grapheme. */
export function firstCharacter(text, by = segmenter) {
  const cluster = by ? by.segment(text)[Symbol.iterator]().next().value?.segment : CLUSTER.exec(text)?.[0];
  return cluster?.length > MAX_CLUSTER ? String.fromCodePoint(text.codePointAt(0)) : (cluster ?? "");
}

/** Where a text may be cut at or before this UTF-16 unit: between graphemes, or in a heap of marks between characters. */
export function cutBefore(text, unit) {
  if (unit >= text.length) return text.length;
  const start = segmenter?.segment(text).containing(unit).index ?? unit;
  const isHeap = unit - start > MAX_CLUSTER;
  return isHeap || !segmenter ? unit - Number(/[\uDC00-\uDFFF]/.test(text[unit])) : start;
}

/** One or two letters for an avatar. */
export function initials(name) {
  const words = name.trim().split(/[\s._-]+/).filter(Boolean);
  const letters = words.map((word) => firstCharacter(word));
  if (letters.length === 0) return "?";
  // The family name comes first, and one character fills the circle.
  if (/\p{Script=Han}/u.test(letters[0])) return letters[0];
  return (letters.length > 1 ? letters[0] + letters.at(-1) : letters[0]).toUpperCase();
}

/** One of the eight colour pairs of the style sheet, always the same for a name. */
export function colourOf(name) {
  let hash = 7;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)) % 1_000_003;
  return hash % 8;
}
