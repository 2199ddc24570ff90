"""Marks, which can be heaped on a letter by the dozen, do not cover other texts, in the page and in exports."""

import io
import zipfile
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import FloatRect, Locator, Page, ViewportSize, expect

from tests.e2e.steps import wait_for

HEAP = "\u0301\u0316" * 12
FAINT = 16  # of 255: a browser does not always round the colours of an edge alike
SIZES = (ViewportSize(width=1280, height=800), ViewportSize(width=375, height=700))
# Texts with marks, and no block around them that clips them and has no other text.
UNCLIPPED = """(root) => {
    const found = [];
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode;
        if (!text.data.includes("\\u0316") || !text.parentElement.checkVisibility()) continue;
        let block = text.parentElement;
        while (getComputedStyle(block).display === "inline") block = block.parentElement;
        let clip = block;
        while (clip !== root && getComputedStyle(clip).overflowY === "visible") clip = clip.parentElement;
        const isAlone = clip.innerText.trim() === block.innerText.trim();
        if (!isAlone) found.push(`${block.tagName} ${block.className} in ${clip.tagName} ${clip.className}`);
    }
    return [...new Set(found)];
}"""


def marked(text: str) -> str:
    """The text with marks above and below its first letter."""
    return text[0] + HEAP[: 32 - len(text)] + text[1:]


def expect_clipped(page: Page, text: Locator) -> None:
    """All texts with marks around this one, in both sizes."""
    expect(text.first).to_be_visible()
    for size in SIZES:
        page.set_viewport_size(size)
        root = text.first.locator("xpath=ancestor-or-self::*[self::dialog or self::body][1]")
        assert root.evaluate(UNCLIPPED) == [], size


def drawn(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def expect_nothing_drawn_outside(page: Page, block: Locator) -> None:
    """With marks on its text, only the block itself looks different."""
    box = block.bounding_box()
    assert box is not None
    before = drawn(page)
    block.evaluate(
        "(node, heap) => { const text = document.createTreeWalker(node, NodeFilter.SHOW_TEXT).nextNode();"
        " text.data = text.data[0] + heap + text.data.slice(1); }",
        HEAP * 3,
    )
    changed = ImageChops.difference(before, drawn(page)).point(lambda value: 255 * (value > FAINT)).getbbox()
    assert changed is not None, "the marks are not drawn"
    assert within(changed, box), (changed, box)


def within(changed: tuple[int, int, int, int], box: FloatRect) -> bool:
    left, top, right, bottom = changed
    is_wide = left >= box["x"] - 1 and right <= box["x"] + box["width"] + 1
    return is_wide and top >= box["y"] - 1 and bottom <= box["y"] + box["height"] + 1


@pytest.fixture
def marks(people: Any, name: Any) -> dict[str, Any]:
    """A teacher's room, in a page that does not show it yet, with a pupil; all names and texts have marks."""
    teacher, room = name("anna"), name("room")
    page = people.page(user=teacher, room=room, is_teacher=True, at="/healthz")
    pupil = people.client(marked(name("kim")))
    pupil.post("/user/profile", nickname=marked("Kim"))
    pupil.post("/room/join", roomname=room)
    return {"page": page, "room": room, "teacher": teacher, "pupil": pupil}


def test_in_the_chat_and_its_dialogs(marks: dict[str, Any]) -> None:
    page, room, pupil = marks["page"], marks["room"], marks["pupil"]
    ask = page.request.post
    dialog = page.get_by_role("dialog")
    pupil.say(marked("homework") + " today: https://example.com/a", room)
    (said,) = pupil.get("/chat/history", roomname=room, detail=1)["messages"]
    pupil.post("/room/create", roomname=marked("club"))
    assert ask("/chat/pin", data={"roomname": room, "id": said["id"], "on": True}).ok
    assert ask("/room/settings", data={"roomname": room, "topic": marked("All about")}).ok
    number = next(each["id"] for each in pupil.get("/room/find?detail=1")["rooms"] if each["roomname"] == room)
    notice = {"conversation_id": number, "content": marked("No lesson") + "\nsee https://example.com/b"}
    assert ask("/conversations/manage/notifications", data=notice).ok
    assert ask("/conversations/manage/notifications", data=notice).ok
    page.goto(f"/#{room}")
    expect(page.locator("#announcement-all")).to_be_visible()
    expect_clipped(page, page.locator(".bubble"))

    for opened in ("#pins", "#announcement-all", "#find-rooms", "#room-details"):
        page.set_viewport_size(SIZES[0])
        page.locator(opened).click()
        expect_clipped(page, dialog.get_by_text("\u0316"))
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    page.set_viewport_size(SIZES[0])
    page.locator("#search").click()
    dialog.get_by_label("Words to find").fill("today")
    expect_clipped(page, dialog.locator(".search-hit"))


def test_in_the_console(marks: dict[str, Any]) -> None:
    page, room, pupil = marks["page"], marks["room"], marks["pupil"]
    page.request.post("/room/bar", data={"roomname": room, "user": pupil.name, "barred": True})
    page.goto("/teach#people")
    page.get_by_role("searchbox").fill(pupil.name)
    row = page.locator(".people tbody tr")
    expect(row).to_have_count(1)
    expect_clipped(page, row)
    page.goto("/teach#log")
    row = page.locator(".people tbody tr", has_text=room)
    expect_clipped(page, row)
    page.set_viewport_size(SIZES[0])
    expect_nothing_drawn_outside(page, row.first.locator("td").nth(2))


def test_on_the_board(marks: dict[str, Any]) -> None:
    page, room, pupil = marks["page"], marks["room"], marks["pupil"]
    pupil.say(marked("hello"), room)
    pupil.say("good\nmorning", room)
    page.goto(f"/board/{quote(room)}")
    words = page.locator(".board-message .words")
    expect(words).to_have_count(2)
    expect_clipped(page, words)
    page.set_viewport_size(SIZES[0])
    expect_nothing_drawn_outside(page, words.last)
    expect_nothing_drawn_outside(page, page.locator(".board-name .person-name").last)


def test_a_long_text_on_the_board_is_read_from_its_beginning(marks: dict[str, Any]) -> None:
    page, room, pupil = marks["page"], marks["room"], marks["pupil"]
    pupil.say("short", room)
    pupil.say("\n".join(f"line {number}" for number in range(200)), room)
    page.goto(f"/board/{quote(room)}")
    words = page.locator(".board-message .words")
    expect(words).to_have_count(2)
    short, long = words.nth(0), words.nth(1)
    for size in SIZES:
        page.set_viewport_size(size)
        expect(long).to_have_attribute("tabindex", "0")
        expect(short).not_to_have_attribute("tabindex", "0")
        assert long.evaluate("(node) => node.offsetHeight <= 0.7 * innerHeight + 1")
    long.focus()
    page.keyboard.press("End")
    place = "(node) => node.scrollTop + node.clientHeight >= node.scrollHeight - 1"
    wait_for(page, lambda: long.evaluate(place), "the end of the text")
    pupil.say("news", room)
    expect(words).to_have_count(3)
    assert long.evaluate(place), "the place in the text is lost"


def test_in_an_export(marks: dict[str, Any], tmp_path: Any) -> None:
    page, room, pupil = marks["page"], marks["room"], marks["pupil"]
    for text in (marked("one"), "two\nlines", marked("three")):
        pupil.say(text, room)
    exported = page.request.get("/room/export", params={"roomname": room})
    with zipfile.ZipFile(io.BytesIO(exported.body())) as archive:
        archive.extract("messages.html", tmp_path)
    page.goto((tmp_path / "messages.html").as_uri())
    for text in page.locator("article .text").all():
        expect_nothing_drawn_outside(page, text)
    expect_nothing_drawn_outside(page, page.locator("article b").nth(1))
    expect(page.locator("article b bdi")).to_have_count(2 * 3)  # nickname and username
