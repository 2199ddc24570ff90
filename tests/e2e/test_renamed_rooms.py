"""Rooms that get another name while their page is open."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.steps import expect_once, expect_stored, own_room, say


def number_of(page: Page, room: str) -> int:
    rooms = page.request.get("/room/find?detail=1").json()["rooms"]
    return next(int(each["id"]) for each in rooms if each["roomname"] == room)


def cut_lists(page: Page, rooms: int) -> None:
    """Have lists of rooms come in pages of so many."""

    def cut(route: Route) -> None:
        route.continue_(url=route.request.url.replace("limit=100", f"limit={rooms}"))

    page.context.route("**/room/find?*", cut)


def make_busier_rooms(page: Page, name: Callable[[str], str], count: int) -> None:
    for number in range(count):
        body = {"roomname": name(f"busier{number}"), "type": "public", "passwd": ""}
        assert page.request.post("/room/create", data=body).ok
        text = {"roomname": body["roomname"], "new_message": {"type": "text", "content": "busy"}}
        assert page.request.post("/chat/send", data=text).ok


@pytest.mark.parametrize("by", ["pull", "list", "pull of a room beyond the list"])
def test_a_room_with_another_name_stays_open_with_what_was_begun(people, name, by):
    people.may_lose_network = True
    anna, room = own_room(people, name)
    if "beyond" in by:
        cut_lists(anna, 2)
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
    elif "beyond" in by:
        make_busier_rooms(anna, name, 3)
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


@pytest.mark.parametrize("rooms", [100, 2])
def test_the_board_goes_on(people, name, rooms):
    """rooms: in a page of the list. Each busier room has the room's name in its own."""
    room = name("room")
    anna = people.page(user=name("anna"), room=room, at="/healthz")
    cut_lists(anna, rooms)
    make_busier_rooms(anna, lambda other: room + other, 3)
    number = number_of(anna, room)
    with anna.expect_response(re.compile(r"/room/find\?.*&after=" + ("&" if rooms == 100 else "[^&]"))):  # it is there
        anna.goto(f"/board/{room}")
    expect(anna.locator("#board-title")).to_have_text(room)
    renamed = name("renamed")
    assert anna.request.post("/conversations/manage/info", data={"conversation_id": number, "name": renamed}).ok
    expect(anna.locator("#board-title")).to_have_text(renamed)
    text = {"roomname": renamed, "new_message": {"type": "text", "content": "news"}}
    assert anna.request.post("/chat/send", data=text).ok
    expect(anna.locator(".board-message .words")).to_have_text("news")
    expect(anna).to_have_url(re.compile(f"/board/{renamed}$"))
