"""Rooms that get another name while their page is open."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.steps import expect_once, expect_stored, own_room, say


def number_of(page: Page, room: str) -> int:
    rooms = page.request.get("/room/find?detail=1").json()["rooms"]
    return next(int(each["id"]) for each in rooms if each["roomname"] == room)


@pytest.mark.parametrize("by", ["pull", "list"])
def test_a_room_with_another_name_stays_open_with_what_was_begun(people, name, by):
    people.may_lose_network = True
    anna, room = own_room(people, name, is_altered=True)
    elsewhere = anna.context.new_page()
    people.watch(elsewhere)
    elsewhere.goto(f"/#{room}")
    say(anna, "said")
    expect_stored(anna, "said")
    number = number_of(anna, room)
    anna.route("**/chat/send", lambda route: route.abort())
    say(anna, "on its way")
    expect(anna.locator("[data-state=failed]")).to_have_count(1)
    anna.locator("#message-text").fill("half a thought")
    if by == "list":
        anna.route("**/chat/pull*", lambda route: route.abort())
    renamed = name("renamed")
    change = {"conversation_id": number, "name": renamed}
    assert anna.request.post("/conversations/manage/info", data=change).ok
    if by == "list":
        anna.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    for page in (anna, elsewhere):
        expect(page.locator("#room-title")).to_have_text(renamed)
        expect(page).to_have_url(re.compile(f"#{renamed}$"))
        expect(page.locator(".notice.bad")).to_have_count(0)
        expect(page.get_by_role("dialog")).to_have_count(0)
    expect(anna.locator("#message-text")).to_have_value("half a thought")
    anna.unroute_all()
    anna.evaluate("dispatchEvent(new Event('online'))")
    expect_stored(anna, "said")
    expect_stored(anna, "on its way")
    expect_once(elsewhere, "said", "on its way")
    anna.evaluate("(room) => (location.hash = room)", room)  # as an entry of the browser's history has it
    expect(anna).to_have_url(re.compile(f"#{renamed}$"))
    expect(anna.locator(".notice.bad")).to_have_count(0)
    anna.reload()
    expect(anna.locator("#room-title")).to_have_text(renamed)
    expect(anna.locator("#message-text")).to_have_value("half a thought")


def test_the_board_goes_on(people, name):
    anna, room = own_room(people, name)
    number = number_of(anna, room)
    with anna.expect_response("**/room/find*"):
        anna.goto(f"/board/{room}")
    expect(anna.locator("#board-title")).to_have_text(room)
    renamed = name("renamed")
    assert anna.request.post("/conversations/manage/info", data={"conversation_id": number, "name": renamed}).ok
    expect(anna.locator("#board-title")).to_have_text(renamed)
    text = {"roomname": renamed, "new_message": {"type": "text", "content": "news"}}
    assert anna.request.post("/chat/send", data=text).ok
    expect(anna.locator(".board-message .words")).to_have_text("news")
    expect(anna).to_have_url(re.compile(f"/board/{renamed}$"))
