"""A walk through the page's screens that collects violations of WCAG 2.2 AA: by axe-core, and by checks of our own."""

import base64
import importlib.util
import os
import re
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.client import PASSWORD, Client
from tests.e2e.conftest import People
from tests.e2e.steps import wait_for_history

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Width and height in CSS pixels, and device pixels for each of them.
PHONE, DESKTOP, TABLET = (320, 640, 1), (1920, 1080, 1), (768, 1024, 1)
ZOOMED = (640, 400, 2)  # a window of 1280 x 800 at a zoom of 200 %
SIZES = (PHONE, ZOOMED, DESKTOP)
LANGUAGES = ["en-US", "zh-CN"]
FOLDER = Path(__file__).parent
PICTURES = os.environ.get("WALK_PICTURES")  # a folder that gets a picture of each look
LOOK, FOCUS, CONTRAST = (
    (FOLDER / name).read_text(encoding="utf-8") for name in ("accessibility.js", "focus.js", "contrast.js")
)


def axe_core() -> str:
    """The source of axe-core. Skips the test where the package is missing; with CI=true that is a failure."""
    package = importlib.util.find_spec("axe_playwright_python")
    if package is None or package.origin is None:
        reason = "no axe-core: axe-playwright-python of requirements-dev.txt is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(package.origin).with_name("axe.min.js").read_text(encoding="utf-8")


THIN_OUT = """([selector, keep]) => {
    const seen = {};
    for (const node of document.querySelectorAll(selector)) {
        const kind = `${node.tagName} ${node.className}`;
        seen[kind] = (seen[kind] ?? 0) + 1;
        if (seen[kind] > keep) node.remove();
    }
}"""
_texts: dict[str, list[str]] = {}  # English and Chinese, by key: the same for all walks
NOTE_SHOWN = """() => {
    const scope = document.querySelector("dialog") ?? document;
    const isShown = (node) => node.checkVisibility({ visibilityProperty: true });
    window.shownBefore = new Set([...scope.querySelectorAll("*")].filter(isShown));
}"""


class Walk:
    """Looks at screens, each in all sizes: in one colour scheme at a phone's size, in the other one at the others.

    Where a size shows the same elements with the same attributes as one before, only rules of sizes and colours run.
    A second walk, in another language, swaps the schemes. Colours depend on neither size nor language, so it looks at
    the contrast only of elements that one of these sizes does not show: the first walk has seen the others in both.
    In a page, texts of the same colours on the same ground, size and weight have the same contrast (contrast.js).
    """

    def __init__(self, page: Page, *, is_second: bool) -> None:
        self.page = page
        self._is_second = is_second
        self.found: list[str] = []
        self._script = f"{axe_core()}\n;({CONTRAST})()"
        self._devices = page.context.new_cdp_session(page)
        self._size = (0, 0, 0)
        self.resize(DESKTOP)

    def finish(self) -> None:
        """Fail with all that was found."""
        assert not self.found, "\n".join(self.found)

    def to(self, address: str, shown: str) -> None:
        """Load the address anew, and wait until this is shown."""
        wait_for_history(self.page)
        if urlsplit(self.page.url).path == urlsplit(address).path:
            self.page.goto("about:blank")
        self.page.goto(address)
        expect(self.page.locator(shown).first).to_be_visible()
        self.page.evaluate(self._script)

    def text(self, key: str) -> str:
        """The page's text in the walk's language."""
        if not _texts:
            _texts.update(self.page.evaluate("async () => (await import('/static/js/lib/i18n.js')).STRINGS"))
        return _texts[key][self._is_second]

    def thin_out(self, selector: str, keep: int = 0) -> None:
        """Remove nodes from a long page, but for some of each kind: axe-core takes seconds for thousands of them."""
        self.page.evaluate(THIN_OUT, [selector, keep])

    def look(self, screen: str, sizes: tuple[tuple[int, int, int], ...] = SIZES) -> None:
        """Look at the screen; ends at the desktop's size."""
        is_repeated = self._is_second and {PHONE, DESKTOP} <= set(sizes)
        if is_repeated:
            self.resize(DESKTOP)
            self.page.evaluate(NOTE_SHOWN)
        for size in sizes:
            self._resize(size)
            scheme = "light" if (size == PHONE) == self._is_second else "dark"
            # Colours are the same in all sizes, and no other rule depends on them.
            contrast = "none" if size == ZOOMED else "rest" if is_repeated else "all"
            about: dict[str, Any] = {"width": size[0], "scheme": scheme, "tags": TAGS, "contrast": contrast}
            place = {"isFirst": size == sizes[0], "isLast": size == sizes[-1] or bool(PICTURES)}
            seen = cast("list[str]", self.page.evaluate(LOOK, about | place))
            self.found += [f"{screen}, {size[0]} px: {each}" for each in seen]
            if PICTURES:
                self._picture(Path(PICTURES), f"{screen} {size[0]} {scheme}", scheme)
        if sizes[-1] != DESKTOP:
            self.resize(DESKTOP)

    def _picture(self, folder: Path, name: str, scheme: str) -> None:
        """By the protocol: Playwright's own would give the window its first size."""
        paint = (
            "(scheme) => { const { dataset } = document.documentElement; if (dataset.theme) dataset.theme = scheme; }"
        )
        language = self.page.evaluate("document.documentElement.lang")
        before = self.page.evaluate("document.documentElement.dataset.theme")
        self.page.evaluate(paint, scheme)
        shot = self._devices.send("Page.captureScreenshot")["data"]
        self.page.evaluate(paint, before)
        file = re.sub("[^a-z0-9]+", "-", name.lower())
        (folder / f"{file}-{language}.png").write_bytes(base64.b64decode(shot))

    def focus(self, screen: str) -> None:
        """Check that everything shows when it has the focus."""
        self.page.keyboard.press("Tab")
        seen = cast("list[str]", self.page.evaluate(FOCUS))
        self.found += [f"{screen}, focus: {each}" for each in seen]

    def dialog(self, screen: str, opener: Locator, *steps: str, back: Locator | None = None) -> None:
        """Open a dialog by keyboard, go on by the buttons with these texts, look, and close it.

        The focus then is on `back`, else on the opener.
        """
        opener.press("Enter")
        dialog = self.page.locator("dialog").last  # for a moment beside the one that led to it
        expect(dialog).to_be_visible()
        for step in steps:
            before = dialog.get_attribute("data-id") or ""
            dialog.get_by_role("button", name=self.text(step), exact=True).press("Enter")
            expect(dialog).not_to_have_attribute("data-id", before)
        expect(self.page.locator("dialog")).to_have_count(1)
        self.look(screen)
        if not self.page.evaluate("document.querySelector('dialog').contains(document.activeElement)"):
            self.found.append(f"{screen}: the focus is outside")
        self.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        self.focus_is_on(screen, back or opener)

    def press_long(self, node: Locator, shown: Locator) -> None:
        """Hold a finger on a node until something is shown."""
        node.scroll_into_view_if_needed()
        box = node.bounding_box()
        assert box is not None
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        self._devices.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        expect(shown).to_be_visible()
        self._devices.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def focus_is_on(self, screen: str, node: Locator) -> None:
        """The focus is where it was before a dialog was opened."""
        try:
            expect(node).to_be_focused(timeout=1)  # looks once; a locator's evaluate takes more CPU
        except AssertionError:
            now = self.page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
            self.found.append(f"{screen}: afterwards the focus is on {now}")

    def resize(self, size: tuple[int, int, int]) -> None:
        """Give the window this size, and wait until it has it."""
        if size != self._size:
            self._resize(size)
            self.page.wait_for_function("(width) => innerWidth === width", arg=size[0])

    def _resize(self, size: tuple[int, int, int]) -> None:
        width, height, scale = self._size = size
        screen = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        self._devices.send("Emulation.setDeviceMetricsOverride", screen)


def walk_of(guests: People, language: str, client: Client | None = None) -> Walk:
    """A walk on a page in this language; of a user, if a client is given."""
    page = guests.page(locale=language, has_touch=client is not None)
    if client is not None:
        answer = page.context.request.post("/user/login", data={"username": client.name, "password": PASSWORD})
        assert answer.ok, answer.text()
    return Walk(page, is_second=language != LANGUAGES[0])
