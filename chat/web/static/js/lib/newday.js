// Tells when another day has begun, or the machine has another time zone: at midnight, and on return to the page.

import { dayKey, renewFormats } from "./format.js";

const CHECK_MS = 60_000; // timers stop while the machine sleeps
const AFTER_MS = 20;

const listeners = [];
const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
const now = () => `${dayKey(new Date())} ${zone()}`;
let shown = now();

export function onNewDay(listener) {
  listeners.push(listener);
}

function check() {
  const found = now();
  if (found === shown) return;
  shown = found;
  renewFormats();
  for (const listener of listeners) listener();
}

function wait() {
  const at = new Date();
  const midnight = new Date(at.getFullYear(), at.getMonth(), at.getDate() + 1);
  setTimeout(() => {
    check();
    wait();
  }, Math.min(CHECK_MS, midnight.getTime() - at.getTime() + AFTER_MS));
}

document.addEventListener("visibilitychange", check);
for (const type of ["focus", "pageshow"]) globalThis.addEventListener(type, check);
wait();
