// Has axe-core's rule of contrast leave out texts whose colours it has passed in this page. Evaluated after axe-core.
() => {
  const passed = new Set();
  let left = new Set();
  let colours = new Map();
  let faded = new Map();
  globalThis.contrast = {
    // Elements to leave out, too. The page may have changed since the last call.
    begin(elements) {
      left = elements;
      colours = new Map();
      faded = new Map();
    },
  };

  // Whether it, or something around it, lets colours behind it through: also those of an opaque ground.
  const isFaded = (node) => {
    if (!faded.has(node)) {
      const isOpaque = getComputedStyle(node).opacity === "1";
      faded.set(node, !isOpaque || (node.parentElement !== null && isFaded(node.parentElement)));
    }
    return faded.get(node);
  };
  // The colours below an element's text, down to an opaque one; null where they are not those of the elements around it.
  const ground = (node) => {
    const { backgroundColor, backgroundImage, position } = getComputedStyle(node);
    if (isFaded(node) || backgroundImage !== "none") return null;
    if (backgroundColor.startsWith("rgb(")) return backgroundColor;
    if (position !== "static" && position !== "relative") return null;
    const below = node.parentElement ? groundOf(node.parentElement) : "none";
    return below && `${backgroundColor} on ${below}`;
  };
  const groundOf = (node) => {
    if (!colours.has(node)) colours.set(node, ground(node));
    return colours.get(node);
  };
  const coloursOf = (node) => {
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(node);
    return groundOf(node) && `${color} ${fontSize} ${fontWeight} ${textShadow} on ${groundOf(node)}`;
  };

  const rule = axe._audit.rules.find(({ id }) => id === "color-contrast");
  const { matches } = rule;
  // axe-core matches no others either, but first asks for all around them.
  const hasText = (node) =>
    node.matches("input, select, textarea") || [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim());
  rule.matches = (node, ...rest) => hasText(node) && !left.has(node) && !passed.has(coloursOf(node)) && matches(node, ...rest);
  const check = axe._audit.checks["color-contrast"];
  const { evaluate } = check;
  check.evaluate = function (node, ...rest) {
    const result = evaluate.call(this, node, ...rest);
    if (result === true && coloursOf(node)) passed.add(coloursOf(node));
    return result;
  };
}
