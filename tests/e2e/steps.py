"""User actions on the page."""

import base64
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.pictures import picture

PNG = base64.b64encode(picture(size=(60, 40))).decode()
ASKS_BEFORE_LEAVING = """() => {
    const event = new Event("beforeunload", { cancelable: true });
    dispatchEvent(event);
    return event.defaultPrevented;
}"""


def say(page: Page, text: str) -> None:
    """Write a line and press Enter; on a phone, the button."""
    page.locator("#message-text").fill(text)
    if page.locator("#message-text").get_attribute("enterkeyhint") == "enter":
        page.locator("#composer button[type=submit]").click()
    else:
        page.locator("#message-text").press("Enter")


def wait_for_history(page: Page) -> None:
    """Wait until the page has left the history's entries of what was closed.

    A page that goes back while the test loads an address may end that load: net::ERR_ABORTED.
    """
    # A function: the page's content policy forbids to evaluate a string again and again.
    page.wait_for_function("() => !history.state || document.querySelector('dialog') !== null")


def wait_for(page: Page, condition: Callable[[], object], what: str) -> None:
    """Wait until it holds, while the page's events are taken in."""
    for _ in range(500):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"waited in vain: {what}")


def bubbles(page: Page, text: str) -> Locator:
    """The messages with exactly this text."""
    return page.locator(".bubble.text").get_by_text(text, exact=True)


def expect_once(page: Page, *texts: str) -> None:
    for text in texts:
        expect(bubbles(page, text)).to_have_count(1)


def expect_stored(page: Page, text: str) -> None:
    """The message is there once, as returned by the server."""
    expect_once(page, text)
    expect(page.locator(".message", has=bubbles(page, text))).to_have_attribute("data-state", "stored")


def open_room(page: Page, room: str) -> None:
    row(page, room).click()
    expect(page.locator("#room-title")).to_have_text(room)


def find_and_join(page: Page, room: str) -> None:
    page.locator("#find-rooms").click()
    page.get_by_role("button", name=f"Join {room}").click()
    expect(page.locator("#room-title")).to_have_text(room)


def row(page: Page, room: str) -> Locator:
    """The room's place in the list."""
    return page.locator(f"#room-list [data-room='{room}']")


def create_room(page: Page, room: str, passwd: str = "") -> None:
    page.locator("#create-room").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill(room)
    if passwd:
        dialog.locator("input[value=locked]").check()
        dialog.get_by_label("Room password").fill(passwd)
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_have_count(0)
    expect(page.locator("#room-title")).to_have_text(room)
    wait_for_history(page)


def own_room(
    people: Any, name: Any, user: str = "anna", *, by_hand: bool = False, from_lobby: bool = False, **options: Any
) -> tuple[Page, str]:
    """A new user in a new room, where only this test's people talk.

    from_lobby: Back leads to the lobby. by_hand: there too, and the room is made on the page, which takes most CPU.
    """
    room = name("room")
    page = people.join(name(user), room="" if by_hand or from_lobby else room, **options)
    if by_hand:
        create_room(page, room)
    elif from_lobby:
        assert page.request.post("/room/create", data={"roomname": room}).ok
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # the list of rooms is read again
        row(page, room).click()
    expect(page.locator("#room-title")).to_have_text(room)
    return page, room


def drop_file(page: Page, selector: str, event: str, content: str = PNG, file_name: str = "picture.png") -> None:
    """Paste or drop a file as a browser does it."""
    page.eval_on_selector(
        selector,
        """(node, [event, content, name]) => {
            const bytes = Uint8Array.from(atob(content), (char) => char.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], name, { type: "image/png" }));
            const options = { bubbles: true, cancelable: true };
            node.dispatchEvent(event === "paste"
                ? new ClipboardEvent("paste", { ...options, clipboardData: data })
                : new DragEvent(event, { ...options, dataTransfer: data }));
        }""",
        [event, content, file_name],
    )
