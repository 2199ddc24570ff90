"""A teacher's lesson by keyboard alone: everything is reached with Tab, and no act loses the keyboard's place."""

import pytest
from playwright.sync_api import FileChooser, Locator, Page, expect

from tests.e2e.conftest import PASSWORD, Client
from tests.e2e.steps import bubbles, expect_once, expect_stored, wait_for

pytestmark = pytest.mark.timeout(180)  # many steps in one test
MOST_TABS = 120
FOCUS_STATE = "(node) => (!node.isConnected ? 'gone' : node === document.activeElement ? 'focused' : 'elsewhere')"


class Keyboard:
    """Uses a page by its keys."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, node: Locator) -> None:
        """Press Tab until the node has the focus."""
        expect(node).to_be_visible()
        handle = node.element_handle()
        for _ in range(MOST_TABS):
            state = handle.evaluate(FOCUS_STATE)  # a locator's evaluate takes eight times as much CPU
            if state == "gone":
                handle = node.element_handle()
                state = handle.evaluate(FOCUS_STATE)
            if state == "focused":
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {node}")

    def press(self, node: Locator, key: str = "Enter") -> None:
        self.to(node)
        self.page.keyboard.press(key)

    def button(self, name: str) -> None:
        """Press the button in the dialog, if there is one, else in the page."""
        dialog = self.page.get_by_role("dialog")
        place = dialog if dialog.count() else self.page
        self.press(place.get_by_role("button", name=name, exact=True))

    def type_in(self, node: Locator, text: str) -> None:
        self.to(node)
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(text)

    def expect_closed(self) -> None:
        """No dialog is open, and the focus is on something of the page."""
        expect(self.page.get_by_role("dialog")).to_have_count(0)
        self.expect_focus()

    def expect_focus(self) -> None:
        self.page.wait_for_function(
            "() => document.activeElement !== document.body && document.activeElement.checkVisibility()"
        )


def test_a_lesson_in_a_room(people, server, name):
    teacher, room = name("reed"), name("room")
    page = people.page()
    people.client(teacher)
    server.flask("chat", "teacher", teacher)
    keys = Keyboard(page)
    keys.type_in(page.locator("#username"), teacher)
    keys.type_in(page.locator("#password"), PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#message-text")).to_be_focused()

    keys.press(page.locator("#create-room"))
    keys.type_in(page.get_by_role("dialog").get_by_label("Name", exact=True), room)
    page.keyboard.press("Enter")
    expect(page.locator("#room-title")).to_have_text(room)
    expect(page.locator("#message-text")).to_be_focused()
    keys.press(page.locator("#bring-in"))
    expect(page.locator(".panel-code")).to_be_visible()
    page.keyboard.press("Escape")
    keys.expect_closed()
    keep_order(keys, [people.client(name(stem)) for stem in ("kim", "lea")], room)


def keep_order(keys: Keyboard, pupils: list[Client], room: str) -> None:
    page = keys.page
    for pupil in pupils:
        pupil.post("/room/join", roomname=room)
        pupil.say(f"{pupil.name} is here", room)
        expect_once(page, f"{pupil.name} is here")
    kim, lea = (page.locator(".member", has_text=pupil.name) for pupil in pupils)

    keys.press(kim.get_by_role("button"))
    keys.button("Mute for 5 minutes")
    expect(kim).to_contain_text("muted")
    expect(kim.get_by_role("button")).to_be_focused()
    keys.press(kim.get_by_role("button"))
    keys.button("Unmute")
    expect(kim).not_to_contain_text("muted")
    keys.press(kim.get_by_role("button"))
    keys.button("Delete their messages of the last 10 minutes")
    expect(page.get_by_role("dialog")).to_contain_text("cannot be brought back")
    keys.button("Delete")
    expect(bubbles(page, f"{pupils[0].name} is here")).to_have_count(0)
    expect(kim.get_by_role("button")).to_be_focused()
    keys.press(kim.get_by_role("button"))
    keys.button("Remove and bar from coming back")
    keys.button("Remove and bar")
    expect(kim).to_have_count(0)
    expect(lea.get_by_role("button")).to_be_focused()  # the next one

    keys.type_in(page.locator("#message-text"), "page 12")
    page.keyboard.press("Enter")
    expect_stored(page, "page 12")
    use_message(keys)
    change_settings(keys, pupils[0])


def use_message(keys: Keyboard) -> None:
    """Pin, unpin and delete the newest message."""
    page = keys.page
    page.keyboard.press("Shift+Tab")
    message = page.locator(".message", has=bubbles(page, "page 12"))
    for act in ("Pin", "Delete"):
        page.locator("#room-details").focus()
        keys.to(message)
        keys.press(message.get_by_role("button", name=act, exact=True))
        if act == "Pin":
            keys.press(page.locator("#pins"))
            keys.button("Unpin")
            expect(page.get_by_role("dialog").get_by_role("button", name="Unpin")).to_have_count(0)
            keys.expect_focus()
            page.keyboard.press("Escape")
            keys.expect_closed()
    keys.button("Delete")
    expect(message).to_have_count(0)
    keys.expect_closed()


def change_settings(keys: Keyboard, barred: Client) -> None:
    page = keys.page
    keys.press(page.locator("#room-details"))
    keys.type_in(page.get_by_label("Topic"), "Levers")
    keys.button("Save settings")
    expect(page.locator("#room-about")).to_contain_text("Levers")
    expect(page.get_by_role("button", name="Save settings")).to_be_focused()
    keys.button("Barred from coming back")
    keys.button(f"Let {barred.name} come back")
    expect(page.get_by_role("dialog").get_by_role("listitem")).to_have_count(0)
    keys.expect_focus()
    page.keyboard.press("Escape")
    expect(page.locator("#room-details")).to_be_focused()


def test_the_console(people, name):
    teacher, (kim, lea, mia) = name("reed"), [name(stem) for stem in ("kim", "lea", "mia")]
    room = name("room")
    for pupil in (kim, lea):
        people.client(pupil)
    people.client(name("owner")).post("/room/create", roomname=room)
    page = people.page(user=teacher, is_teacher=True, at="/teach")
    keys = Keyboard(page)
    choosers: list[FileChooser] = []
    # In time: without a listener, the browser cancels the choice of a file.
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    keys.type_in(page.get_by_label("Search by name"), kim[3:])
    manage = {user: page.get_by_role("button", name=f"Manage {user}") for user in (kim, lea)}
    expect(page.get_by_role("button", name=f"Manage {teacher}")).to_be_visible()
    keys.press(manage[kim])
    keys.button("Disable")
    keys.button("Disable")
    row = page.locator("tr", has=manage[kim])
    expect(row).to_contain_text("disabled")
    expect(manage[kim]).to_be_focused()
    keys.press(manage[kim])
    keys.button("Enable")
    expect(row).not_to_contain_text("disabled")
    expect(manage[kim]).to_be_focused()
    keys.press(manage[kim])
    keys.button("Delete account")
    keys.button("Delete account")
    expect(manage[kim]).to_have_count(0)
    keys.expect_closed()

    import_roster(keys, choosers, mia)
    page.locator("body").press("Home")
    keys.press(page.locator(".teach-tabs [href='#rooms']"))
    keys.type_in(page.get_by_label("Search by name"), room)
    button = page.get_by_role("button", name=f"Manage {room}")
    keys.press(button)
    keys.button("Settings")
    keys.type_in(page.get_by_label("Topic"), "Levers")
    page.keyboard.press("Enter")
    keys.expect_closed()
    expect(button).to_be_focused()
    keys.press(button)
    keys.button("Archive")
    expect(button).to_have_count(0)
    keys.expect_closed()


def import_roster(keys: Keyboard, choosers: list[FileChooser], user: str) -> None:
    """Choose a file with a mistake, mend the same file, and put the cards away."""
    page = keys.page
    keys.press(page.get_by_role("button", name="Import a roster"))
    for content in (f"username\n{user}\n{user}\n", f"username\n{user}\n"):
        keys.press(page.locator("#field-roster"))
        wait_for(page, lambda: choosers, "the browser asks for a file")
        choosers.pop().set_files({"name": "7b.csv", "mimeType": "text/csv", "buffer": content.encode()})
        expect(page.locator(".mistakes, .preview")).to_be_visible()
    keys.button("Import one person")
    expect(page.locator(".card")).to_have_count(1)
    keys.expect_closed()
    keys.button("Done")
    expect(page.get_by_role("dialog")).to_contain_text("not shown again")
    page.keyboard.press("Escape")
    expect(page.locator(".card")).to_have_count(1)
    keys.button("Done")
    keys.button("Done")
    expect(page.get_by_role("button", name="Import a roster")).to_be_visible()
    keys.expect_closed()
