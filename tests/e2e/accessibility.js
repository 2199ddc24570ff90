// Looks at what the page shows, in a colour scheme; gives a list of what is wrong. The function is evaluated in the page.
async ({ width, scheme, tags, contrast }) => {
  const frame = () => new Promise(requestAnimationFrame);
  while (innerWidth !== width) await frame();
  for (const _ of [1, 2]) await frame(); // the page's observers of sizes act at the end of a frame
  const found = new Set();
  const scope = document.querySelector("dialog") ?? document;
  const shown = (selector) => [...scope.querySelectorAll(selector)].filter((node) => node.checkVisibility({ visibilityProperty: true }));
  const about = (node) => `${node.tagName.toLowerCase()}#${node.id}.${node.className} «${(node.textContent || "").trim().slice(0, 40)}»`;
  const isOpaque = (node) => node !== document && /^rgb\(/.test(getComputedStyle(node).backgroundColor);
  const check = async (context, options) => {
    const { violations } = await axe.run(context, { resultTypes: ["violations"], iframes: false, ...options });
    for (const { id, nodes } of violations) {
      for (const { html, any } of nodes) found.add(`${scheme} ${id}: ${html.slice(0, 160)} ${any[0]?.message ?? ""}`);
    }
  };

  const root = document.documentElement;
  const theme = root.dataset.theme;
  if (theme) root.dataset.theme = scheme; // pages without it have one scheme
  // axe-core compares a dialog with all elements of the page behind it, although a modal one covers them.
  const behind = isOpaque(scope) ? [...document.body.children].filter((node) => !node.contains(scope)) : [];
  for (const node of behind) node.style.visibility = "hidden";
  await check(scope, { runOnly: { type: "tag", values: tags }, rules: { "color-contrast": { enabled: contrast === "all" } } });
  if (contrast === "rest") {
    const rest = shown("*").filter((node) => !window.shownBefore.has(node));
    if (rest.length) await check({ include: rest }, { runOnly: { type: "rule", values: ["color-contrast"] } });
    window.shownBefore = new Set(shown("*"));
  }
  for (const node of behind) node.style.visibility = "";
  if (theme) root.dataset.theme = theme;

  // axe-core accepts small targets with room around them.
  for (const node of shown("button, select, input, textarea, summary, a[href], [role=option]")) {
    if (node.matches(".skip, [readonly]") || getComputedStyle(node).display === "inline") continue; // within a text
    const { width, height } = (node.closest("label") ?? node).getBoundingClientRect();
    if (width < 24 || height < 24) found.add(`small, ${Math.round(width)} x ${Math.round(height)}: ${about(node)}`);
  }

  // Sideways: the page not at all; parts only for tables, code and equations.
  if (root.scrollWidth > innerWidth) found.add(`the page is ${root.scrollWidth} px wide`);
  for (const node of shown("*")) {
    const { overflowX } = getComputedStyle(node);
    const mayScroll = node.matches("pre, .equation, .wide-table, .preview, textarea, input");
    if (["auto", "scroll"].includes(overflowX) && !mayScroll && node.scrollWidth > node.clientWidth + 1) found.add(`sideways: ${about(node)}`);
  }
  return [...found];
}
