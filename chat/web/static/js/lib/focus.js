// Keeps the keyboard's place: where the element in focus is moved, it keeps the focus; where it is
// removed, hidden or disabled, the focus goes to its successor.
// Otherwise the document has it, and Tab begins at the top again.

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
const FIELDS = "input:not([type=checkbox], [type=radio]), textarea"; // focused by a program, they open a phone's keyboard

let places = new WeakMap(); // of the last focus by keyboard, by layer: a dialog, or the page below all dialogs

export function keepFocus() {
  document.addEventListener("pointerdown", () => (places = new WeakMap()), { capture: true });
  document.addEventListener("focusin", ({ target }) => target instanceof HTMLElement && remember(target));
  const watched = { childList: true, subtree: true, attributeFilter: ["hidden", "disabled"] };
  new MutationObserver(restore).observe(document.body, watched);
}

function remember(node) {
  const layer = node.closest("dialog") ?? document.body;
  places.delete(layer);
  if (!node.matches(":focus-visible")) return; // not by keyboard
  const steps = []; // outwards: {parent, at}, the position below it
  for (let child = node; child !== layer && child.parentElement; child = child.parentElement) {
    steps.push({ parent: child.parentElement, at: [...child.parentElement.children].indexOf(child) });
  }
  places.set(layer, { node, label: labelOf(node), steps });
}

/** @param {MutationRecord[]} records */
function restore(records) {
  const { body, activeElement: now } = document;
  const isTouched = ({ type, target }) => type === "attributes" && target.contains(now);
  if (now && now !== body && !records.some(isTouched)) return; // at no cost: each new message comes here
  const layer = [...document.querySelectorAll("dialog")].at(-1) ?? body;
  const place = places.get(layer);
  if (!place) return;
  const wasMoved = records.some(({ addedNodes }) => [...addedNodes].some((added) => added.contains(place.node)));
  const next = isUsable(place.node) ? (wasMoved ? place.node : null) : successor(layer, place);
  next?.focus({ preventScroll: true });
}

/** The successor of an element: one with the same label, else the next one, else one around its place. */
function successor(layer, { label, steps }) {
  for (const { parent, at } of steps) {
    if (!parent.isConnected) continue;
    const children = [...parent.children];
    const beside = [...children.slice(at), ...children.slice(0, at).reverse()];
    if (isUsable(parent)) return beside.find(isUsable) ?? parent; // such as the messages of the log
    const nodes = beside.flatMap(usableIn);
    const found = nodes.find((node) => labelOf(node) === label) ?? nodes.find((node) => !node.matches(FIELDS));
    if (found) return found;
  }
  return usableIn(layer)[0];
}

const usableIn = (root) => [root, ...root.querySelectorAll(FOCUSABLE)].filter(isUsable);

const isUsable = (node) => node.isConnected && node.tabIndex >= 0 && !node.disabled && node.checkVisibility({ visibilityProperty: true });

const labelOf = (node) => [node.tagName, node.id, node.getAttribute("name"), node.getAttribute("aria-label"), node.textContent].join();
