"""Checks in the page itself: elements without names, faint and cut texts, and the width."""

NAMELESS = """() => [...document.querySelectorAll('button, input, textarea, a, img, dialog, nav, aside, [role=log]')]
    .filter((node) => node.checkVisibility())
    .filter((node) => !(
        node.getAttribute('aria-label') || node.getAttribute('alt') !== null && node.tagName === 'IMG'
        || (node.getAttribute('aria-labelledby') || '').split(' ')
            .some((id) => id && document.getElementById(id)?.textContent.trim())
        || node.labels?.length && node.labels[0].textContent.trim()
        || ['BUTTON', 'A'].includes(node.tagName) && node.textContent.trim()
    ))
    .map((node) => node.outerHTML)"""
FAINT = """() => {
    const channel = (value) => {
        const c = value / 255;
        return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    };
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
    const ground = (node) => {
        for (let at = node; at; at = at.parentElement) {
            const colour = numbers(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] > 0.9) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode.parentElement;
        const isShown = node.checkVisibility({ visibilityProperty: true });
        const isOff = node.closest('.hidden-text, .notice.quiet, .sprite');
        if (!walker.currentNode.textContent.trim() || !isShown || isOff) continue;
        const [a, b] = [light(numbers(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${node.className} ${node.textContent}`);
    }
    return found;
}"""
CUT = """() => [...document.querySelectorAll('body *')]
    .filter((node) => node.checkVisibility({ visibilityProperty: true }))
    .filter((node) => !node.closest('.hidden-text, .sprite, .notice.quiet, .skip, svg'))
    .filter((node) => {
        const style = getComputedStyle(node);
        const { left, right, width } = node.getBoundingClientRect();
        const isOutside = width > 0 && (right > innerWidth + 1 || left < -1);
        const hasText = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
        const isWide = node.scrollWidth > node.clientWidth + 1 && style.display !== 'inline';
        const isHigh = node.scrollHeight > node.clientHeight + 1 && ['hidden', 'clip'].includes(style.overflowY);
        return isOutside || hasText && style.textOverflow !== 'ellipsis' && (isWide || isHigh);
    })
    .map((node) => `${node.tagName} ${node.id} ${node.className}: ${node.textContent.slice(0, 60)}`)"""


def expect_no_sideways_scroll(page):
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
