"""Keeping order in the page: settings, pins, muting, and the note above the composer."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.steps import (
    ASKS_BEFORE_LEAVING,
    bubbles,
    expect_once,
    expect_stored,
    find_and_join,
    own_room,
    say,
    wait_for,
)


def change_settings(page: Page, act: str) -> None:
    page.locator("#room-details").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(re.compile(act)).click()
    dialog.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Settings saved.").first).to_be_attached()
    dialog.locator(".dialog-head button").click()


def see_readers(anna: Page, bert: Page, room: str) -> None:
    """Anna's only message has been on bert's screen."""
    anna.wait_for_function(
        """async (room) => {
            const read = async (path) => (await fetch(`${path}roomname=${room}&detail=1`)).json();
            const { messages } = await read("/chat/history?");
            return (await read(`/room/seen?id=${messages[0].id}&`)).count === 1;
        }""",
        arg=room,
    )
    message = anna.locator(".message", has=bubbles(anna, "page 12"))
    message.hover()
    anna.get_by_role("button", name="Seen by", exact=True).click()
    dialog = anna.get_by_role("dialog")
    expect(dialog).to_contain_text("Seen by 1")
    expect(dialog.locator("li")).to_have_text(bert.locator("#my-name").inner_text())
    dialog.locator(".dialog-head button").click()
    anna.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # the list of members is read again
    expect(message.locator(".seen-line")).to_have_text("Seen by 1")
    change_settings(anna, "Seen by")
    expect(message.locator(".seen-line")).to_have_count(0)
    bert.locator(".message", has=bubbles(bert, "page 12")).hover()
    expect(bert.get_by_role("button", name="Reply")).to_be_visible()
    expect(bert.get_by_role("button", name="Seen by", exact=True)).to_have_count(0)


def test_a_teacher_keeps_order(people, name):
    anna, room = own_room(people, name)
    pupil = name("bert")
    client = people.client(pupil)
    client.post("/room/join", roomname=room)
    bert = people.join(name("carl"))
    find_and_join(bert, room)

    say(anna, "page 12")
    expect_once(bert, "page 12")
    message = anna.locator(".message", has=bubbles(anna, "page 12"))
    message.hover()
    anna.get_by_role("button", name="Pin", exact=True).click()
    for page in (anna, bert):
        expect(page.locator("#pins-text")).to_contain_text("page 12")
    see_readers(anna, bert, room)

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
    anna.get_by_role("button", name="Mute for 5 minutes").click()
    expect(anna.locator(".member", has_text=pupil)).to_contain_text("muted")
    anna.locator(".member", has_text=pupil).locator("button").click()
    anna.get_by_role("button", name="Delete their messages").click()
    anna.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(bubbles(bert, "bad words")).to_have_count(0)
    anna.locator("#room-details").click()
    anna.get_by_role("button", name="Log", exact=True).click()
    expect(anna.locator(".audit-list li").first).to_contain_text("deleted a message of")
    expect(anna.locator(".audit-list").get_by_text("Read-only: no → yes")).to_have_count(1)


@pytest.mark.parametrize("place", ["room", "console"])
def test_the_later_of_two_changes_sees_the_earlier_one(people, name, place):
    teacher, room = name("reed"), name("room")
    other = people.client(name("other"))
    other.post("/room/create", roomname=room)
    page = people.page(user=teacher, is_teacher=True, joins=[room], at="" if place == "room" else "/teach#rooms")
    if place == "room":
        expect(page.locator("#room-title")).to_have_text(room)
        page.locator("#room-details").click()
    else:
        page.get_by_label("Search by name").fill(room)
        page.get_by_role("button", name=f"Manage {room}").click()
        page.get_by_role("button", name="Settings").click()
    topic = page.get_by_label("Topic")
    topic.fill("Levers")
    version = other.get("/room/settings", roomname=room)["settings"]["version"]
    other.post("/room/settings", roomname=room, version=version, topic="Pulleys")
    page.get_by_role("button", name="Save settings").click()
    alert = page.get_by_role("dialog").get_by_role("alert").filter(has_text="meanwhile")
    expect(alert.get_by_text("Topic: none → Pulleys")).to_be_visible()
    expect(alert).not_to_contain_text("Read-only")
    expect(topic).to_have_value("Levers")  # what one typed stays, and is not saved yet
    assert page.evaluate(ASKS_BEFORE_LEAVING)
    assert other.get("/room/settings", roomname=room)["settings"]["topic"] == "Pulleys"
    topic.fill("Levers and pulleys")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Settings saved.").first).to_be_attached()
    expect(alert).to_have_count(0)
    wait_for(page, lambda: not page.evaluate(ASKS_BEFORE_LEAVING), "nothing is unsaved")
    assert other.get("/room/settings", roomname=room)["settings"]["topic"] == "Levers and pulleys"


def test_a_room_that_is_archived_while_it_is_open_is_not_only_told_as_deleted(people, name):
    owner, room = people.client(name("owner")), name("room")
    owner.post("/room/create", roomname=room)
    bert = people.join(name("bert"), joins=[room])
    expect(bert.locator("#room-title")).to_have_text(room)
    owner.post("/room/settings", roomname=room, archived=True)
    expect(bert.locator(".notice.bad").filter(has_text=f"no longer in “{room}”")).to_contain_text("archived")


def test_archived_rooms_beyond_the_first_page_can_be_reached(people, name):
    anna = people.join(name("anna"))
    rooms = [name(f"room{number}") for number in range(5)]
    for each in rooms:
        anna.request.post("/room/create", data={"roomname": each})
        anna.request.post("/room/settings", data={"roomname": each, "version": None, "archived": True})
    anna.route("**/room/find?*archived=1*", lambda route: route.continue_(url=route.request.url.replace("=100", "=2")))
    anna.locator("#find-rooms").click()
    anna.get_by_role("button", name="Archived rooms").click()
    entries = anna.get_by_role("dialog").locator("li")
    expect(entries).to_have_count(2)
    more = anna.get_by_role("dialog").get_by_role("button", name="More rooms")
    more.evaluate("button => { button.click(); button.click(); }")  # of two presses at once the second does nothing
    expect(entries).to_have_count(4)
    while more.is_visible():  # other tests archive rooms, too
        shown = entries.count()
        more.press("Enter")
        expect(entries.nth(shown)).to_be_attached()
    assert entries.nth(shown).evaluate("row => row.contains(document.activeElement)"), "the pressed button is gone"
    assert sorted(entries.locator("span").all_inner_texts()[:5]) == rooms
    entries.filter(has_text=rooms[0]).get_by_role("button", name="Bring back").click()
    expect(anna.locator("#room-title")).to_have_text(rooms[0])


@pytest.mark.parametrize("hours", [-3, 3])
def test_waiting_times_hold_on_a_machine_with_a_wrong_clock(people, name, hours):
    owner, room = people.client(name("owner")), name("room")
    owner.post("/room/create", roomname=room)
    owner.post("/room/settings", roomname=room, version=None, slow_mode=60)
    bert = people.page(user=name("bert"), joins=[room], at="/healthz", is_altered=True)
    bert.clock.set_system_time(time.time() + hours * 3600)
    bert.goto(f"/#{room}")
    expect(bert.locator("#room-title")).to_have_text(room)
    say(bert, "one")
    expect_stored(bert, "one")
    expect(bert.locator("#order-note")).to_have_text(re.compile(r"in (1:0\d|0:\d\d)\."))
    bert.locator(".message", has=bubbles(bert, "one")).hover()
    expect(bert.get_by_role("button", name="Edit", exact=True)).to_be_visible()
    owner.post("/room/mute", roomname=room, user=name("bert"), minutes=5)
    expect(bert.locator("#message-text")).to_be_disabled()
