"""Keeping order in the page: settings, pins, muting, and the note above the composer."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.steps import bubbles, expect_once, expect_stored, own_room, say


def change_settings(page: Page, act: str) -> None:
    page.locator("#room-details").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(re.compile(act)).click()
    dialog.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Settings saved.").first).to_be_attached()
    dialog.locator(".dialog-head button").click()


def test_a_teacher_keeps_order(people, name):
    anna, room = own_room(people, name)
    pupil = name("bert")
    client = people.client(pupil)
    client.post("/room/join", roomname=room)
    bert = people.join(name("carl"))
    bert.locator("#find-rooms").click()
    bert.get_by_role("button", name=f"Join {room}").click()
    expect(bert.locator("#room-title")).to_have_text(room)

    say(anna, "page 12")
    expect_once(bert, "page 12")
    message = anna.locator(".message", has=bubbles(anna, "page 12"))
    message.hover()
    anna.get_by_role("button", name="Pin", exact=True).click()
    for page in (anna, bert):
        expect(page.locator("#pins-text")).to_contain_text("page 12")

    change_settings(anna, "Read-only")
    expect(bert.locator("#order-note")).to_contain_text("Only the owner")
    expect(bert.locator("#message-text")).to_be_disabled()
    say(anna, "the owner writes")
    expect_stored(anna, "the owner writes")
    change_settings(anna, "Read-only")
    expect(bert.locator("#message-text")).to_be_enabled()

    client.say("bad words", room)
    expect_once(anna, "bad words")
    anna.locator(".member", has_text=pupil).locator("button").click()
    anna.get_by_role("button", name="Mute for 5:00").click()
    expect(anna.locator(".member", has_text=pupil)).to_contain_text("muted")
    anna.locator(".member", has_text=pupil).locator("button").click()
    anna.get_by_role("button", name="Delete their messages").click()
    expect(bubbles(bert, "bad words")).to_have_count(0)
    anna.locator("#room-details").click()
    anna.get_by_role("button", name="Log", exact=True).click()
    expect(anna.locator(".audit-list li").first).to_contain_text("deleted a message of")
