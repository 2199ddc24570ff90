"""Back and Forward: what they close, and where they lead."""

from typing import Any

from playwright.sync_api import expect

from tests.e2e.conftest import PHONE
from tests.e2e.steps import drop_file, open_room, own_room, row

TABLET: dict[str, Any] = {"viewport": {"width": 900, "height": 700}, "has_touch": True, "is_mobile": True}


def test_back_and_escape_close_what_is_open_and_give_the_focus_back(people, name):
    anna, room = own_room(people, name, from_lobby=True)
    drop_file(anna, "#message-text", "paste")
    expect(anna.locator("[data-state=stored] .picture img")).to_be_visible()
    for opener in ("#find-rooms", "#create-room", "#room-details", ".picture"):
        for close in (anna.go_back, lambda: anna.keyboard.press("Escape")):
            anna.locator(opener).focus()
            anna.keyboard.press("Enter")
            expect(anna.get_by_role("dialog"), opener).to_be_visible()
            close()
            expect(anna.get_by_role("dialog"), opener).to_have_count(0)
            expect(anna.locator(opener)).to_be_focused()
            expect(anna.locator("#room-title")).to_have_text(room)
        anna.wait_for_function("() => history.state === null")
        anna.go_back()
        expect(anna.locator("#room-title"), opener).to_have_text("public")
        anna.go_forward()
        expect(anna.locator("#room-title")).to_have_text(room)
        anna.locator(".picture img").wait_for()


def test_back_from_a_room_that_a_dialog_led_to(people, name):
    anna, room = own_room(people, name, by_hand=True, **PHONE)
    anna.locator("#back").tap()
    anna.locator("#find-rooms").tap()
    anna.get_by_role("button", name=f"Open {room}").tap()
    expect(anna.locator("#room-title")).to_have_text(room)
    anna.locator("#room-details").tap()
    anna.get_by_role("dialog").get_by_role("button", name="Leave room").tap()
    expect(anna.get_by_role("dialog")).to_contain_text("Leave “")
    anna.go_back()
    expect(anna.get_by_role("dialog")).to_have_count(0)
    expect(anna.locator("#room-title")).to_be_visible()
    anna.go_back()
    expect(row(anna, room)).to_be_visible()


def test_after_a_reload_back_leaves_what_shows(people, name):
    anna, room = own_room(people, name, from_lobby=True, **TABLET)
    for openers in (["#toggle-members"], ["#room-details"], ["#toggle-members", "#room-details"]):
        for opener in openers:
            anna.locator(opener).press("Enter")
            anna.wait_for_function("() => history.state !== null")
        anna.reload()
        expect(anna.locator("#room-title")).to_have_text(room)
        anna.wait_for_function("() => history.state === null")
        expect(anna.locator("#members-pane"), f"after {openers}").to_be_hidden()
        anna.go_back()
        expect(anna.locator("#room-title"), f"after {openers}").to_have_text("public")
        open_room(anna, room)


def test_after_a_reload_back_leaves_what_shows_on_a_phone(people, name):
    anna, room = own_room(people, name, from_lobby=True, **PHONE)
    anna.locator("#toggle-members").tap()
    expect(anna.locator("#members-pane")).to_be_visible()
    anna.reload()
    expect(anna.locator("#message-text")).to_be_visible()
    anna.wait_for_function("() => history.state === null")
    anna.go_back()
    expect(row(anna, room)).to_be_visible()
    expect(anna.locator("#message-text")).to_be_hidden()


def test_forward_to_what_is_closed_does_not_use_up_back(people, name):
    anna, _ = own_room(people, name, from_lobby=True)
    anna.locator("#room-details").click()
    anna.go_back()
    expect(anna.get_by_role("dialog")).to_have_count(0)
    anna.go_forward()
    anna.wait_for_function("() => history.state === null")
    anna.go_back()
    expect(anna.locator("#room-title")).to_have_text("public")
