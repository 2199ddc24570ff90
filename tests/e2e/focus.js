// Focuses everything that Tab leads to, after a key was pressed; gives what does not show the focus, or hides it.
() => {
  const scope = document.querySelector("dialog") ?? document;
  const before = document.activeElement;
  const found = [];
  const selector = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  for (const node of [...scope.querySelectorAll(selector)]) {
    if (node.disabled || !node.checkVisibility({ visibilityProperty: true })) continue;
    node.focus();
    if (document.activeElement !== node) continue;
    const { outlineStyle, outlineWidth } = getComputedStyle(node);
    const ring = node.closest(".composer-row");
    const isShown = (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) || (ring && getComputedStyle(ring).boxShadow !== "none");
    const { left, top, width, height } = node.getBoundingClientRect();
    const at = document.elementFromPoint(left + width / 2, top + Math.min(height, innerHeight - top) / 2);
    const isHidden = at === null || !(node.contains(at) || at.contains(node) || at.closest("label")?.contains(node));
    if (!isShown || isHidden) found.push(`${isShown ? "hidden" : "unseen"}: ${node.outerHTML.slice(0, 120)}`);
  }
  before?.focus?.();
  return found;
}
