// Looks at what the page shows, in a colour scheme; gives a list of what is wrong. The function is evaluated in the page.
// isFirst: of the sizes in which it looks at this screen. isLast: the page behind a dialog shows again.
async ({ width, scheme, tags, contrast, isFirst, isLast }) => {
  const frame = () => new Promise(requestAnimationFrame);
  const begun = performance.now();
  while (innerWidth !== width) await frame();
  const isLoading = (image) => !image.naturalWidth && performance.now() < begun + 30_000;
  while ([...document.querySelectorAll("dialog img")].some(isLoading)) await frame();
  for (const _ of [1, 2]) await frame(); // the page's observers of sizes act at the end of a frame
  const found = new Set();
  for (const image of document.querySelectorAll("dialog img")) if (!image.naturalWidth) found.add(`not loaded: ${image.src}`);
  const scope = document.querySelector("dialog") ?? document;
  const shown = (selector) => [...scope.querySelectorAll(selector)].filter((node) => node.checkVisibility({ visibilityProperty: true }));
  const about = (node) => `${node.tagName.toLowerCase()}#${node.id}.${node.className} «${(node.textContent || "").trim().slice(0, 40)}»`;
  const isOpaque = (node) => node !== document && /^rgb\(/.test(getComputedStyle(node).backgroundColor);
  // By default axe-core describes all elements it looked at, makes selectors, and reads the style sheets, which no rule of these tags needs.
  const USUAL = { resultTypes: ["violations"], iframes: false, selectors: false, elementRef: true, preload: { assets: ["media"] } };
  const check = async (options) => {
    // axe-core would compare a dialog with all elements behind it, although a modal one covers them: it does not see these.
    const isThere = (node) => !behind.includes(node) && !shapes.includes(node);
    const filter = (node) => (isThere(node) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT);
    document.createTreeWalker = (top, what) => Document.prototype.createTreeWalker.call(document, top, what, filter);
    const childNodes = [...document.body.childNodes].filter(isThere);
    Object.defineProperty(document.body, "childNodes", { value: childNodes, configurable: true });
    const { violations } = await axe.run(scope, { ...USUAL, ...options });
    delete document.body.childNodes;
    delete document.createTreeWalker;
    for (const { id, nodes } of violations) {
      for (const { element, any } of nodes) found.add(`${scheme} ${id}: ${element.outerHTML.slice(0, 160)} ${any[0]?.message ?? ""}`);
    }
  };

  const root = document.documentElement;
  if (contrast !== "none" && root.dataset.theme) root.dataset.theme = scheme; // pages without it have one scheme
  // Shapes of icons, which only other elements show, stay as they were when axe-core looked at the whole page.
  const shapes = globalThis.areShapesSeen ? [...document.querySelectorAll("body > .sprite")] : [];
  if (isFirst) {
    axe.configure({ noHtml: true });
    const behind = isOpaque(scope) ? [...document.body.children].filter((node) => !node.contains(scope)) : [];
    globalThis.looks = { behind, earlier: [] };
  }
  const { behind, earlier } = globalThis.looks;
  const pageWidth = root.scrollWidth;
  for (const node of behind) node.style.contentVisibility = "hidden"; // is not laid out anew in the next sizes
  globalThis.contrast.begin(contrast === "rest" ? window.shownBefore : new Set());
  const all = [...scope.querySelectorAll("*")];
  const isShown = (node) => node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length > 0;
  const now = { all, text: (scope.body ?? scope).outerHTML, visible: all.map(isShown) };
  const isLike = (then) =>
    then.text === now.text && then.all.every((node, at) => node === all[at] && then.visible[at] === now.visible[at]);
  if (!earlier.some(isLike)) {
    await check({ runOnly: { type: "tag", values: tags }, rules: { "color-contrast": { enabled: contrast !== "none" } } });
  } else {
    // The same elements with the same attributes: only these rules can find something else.
    const ofColours = { all: ["color-contrast", "link-in-text-block"], rest: ["color-contrast"], none: [] }[contrast];
    await check({ runOnly: { type: "rule", values: ["target-size", "scrollable-region-focusable", ...ofColours] } });
  }
  earlier.push(now);
  globalThis.areShapesSeen ||= scope === document;
  if (contrast === "rest") window.shownBefore = new Set(shown("*"));

  if (isLast) for (const node of behind) node.style.contentVisibility = "";

  // axe-core accepts small targets with room around them.
  for (const node of shown("button, select, input, textarea, summary, a[href], [role=option]")) {
    if (node.matches(".skip, [readonly]") || getComputedStyle(node).display === "inline") continue; // within a text
    const { width, height } = (node.closest("label") ?? node).getBoundingClientRect();
    if (width < 24 || height < 24) found.add(`small, ${Math.round(width)} x ${Math.round(height)}: ${about(node)}`);
  }

  // Sideways: the page not at all; parts only for tables, code and equations.
  if (pageWidth > innerWidth) found.add(`the page is ${pageWidth} px wide`);
  for (const node of shown("*")) {
    const { overflowX } = getComputedStyle(node);
    const mayScroll = node.matches("pre, .equation, .wide-table, .preview, textarea, input");
    if (["auto", "scroll"].includes(overflowX) && !mayScroll && node.scrollWidth > node.clientWidth + 1) found.add(`sideways: ${about(node)}`);
  }
  return [...found];
}
