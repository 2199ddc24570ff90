// Tells when another day has begun: at midnight, and on return to a page that slept over it.

import { dayKey } from "./format.js";

const CHECK_MS = 60_000; // timers stop while the machine sleeps
const AFTER_MS = 20;

const listeners = [];
let shown = dayKey(new Date());

export function onNewDay(listener) {
  listeners.push(listener);
}

function check() {
  const day = dayKey(new Date());
  if (day === shown) return;
  shown = day;
  for (const listener of listeners) listener();
}

function wait() {
  const now = new Date();
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
  setTimeout(() => {
    check();
    wait();
  }, Math.min(CHECK_MS, midnight.getTime() - now.getTime() + AFTER_MS));
}

document.addEventListener("visibilitychange", check);
for (const type of ["focus", "pageshow"]) globalThis.addEventListener(type, check);
wait();
