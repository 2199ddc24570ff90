"""WCAG 2.2 AA on every screen, light and dark, in both languages, from 320 px to 1920 px and at a zoom of 200 %."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import DESKTOP, LANGUAGES, PHONE, SIZES, TABLET, ZOOMED, Walk, walk_of
from tests.e2e.conftest import Client, People
from tests.e2e.school import LOCKED, QUIET, ROOM, School
from tests.e2e.steps import open_room, say, wait_for_history

pytestmark = pytest.mark.timeout(300)  # many screens in one test


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_of_the_chat(guests: People, school: School, language: str) -> None:
    walk = walk_of(guests, language, school.teacher)
    page = walk.page
    page.route("**/room/announcements*", lambda route: route.fulfill(json=announcements(school.teacher.name)))
    walk.to(f"/#{ROOM}", ".pins:not([hidden])")
    expect(page.locator(".reaction")).to_have_count(1)
    expect(page.locator("#announcement-all")).to_be_visible()
    walk.look("conversation", (*SIZES, TABLET))
    walk.focus("conversation")
    page.route("**/chat/send", lambda route: route.fulfill(status=403, json={"status": "failure", "feedback": "no"}))
    say(page, "not sent")
    expect(page.locator("[data-state=failed]")).to_have_count(1)
    page.route("**/chat/upload", lambda _route: None)  # never ends
    page.locator("#file-input").set_input_files({"name": "work.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"})
    expect(page.locator("progress")).to_have_count(1)
    page.locator("#message-text").fill("@")
    expect(page.get_by_role("option").first).to_be_visible()
    walk.look("not sent, and names")
    page.locator("#message-text").fill("x" * 4001)
    page.locator("#message-text").press("Enter")
    walk.look("too long")
    page.locator("#message-text").fill("")
    look_at_tools(walk)
    look_at_dialogs(walk)
    look_at_search(walk)
    guests.may_lose_network = True
    look_at_panes(walk)
    walk.finish()


def announcements(user: str) -> dict[str, Any]:
    about = {"user": user, "nickname": user, "user_id": 1, "timestamp": "2026-01-01T10:00:00.000000Z"}
    told = [{"id": number, "content": f"Notice {number}: bring your books", **about} for number in (2, 1)]
    return {"status": "success", "feedback": "", "announcements": told}


def look_at_tools(walk: Walk) -> None:
    page = walk.page
    page.locator("[data-state=failed] .state button").last.click()  # discard
    page.locator("[data-state=sending] .state button").click()  # cancel
    expect(page.locator(".message.mine").last).to_contain_text("Of course")
    focus_last(page)
    expect(page.locator(".message-tools")).to_be_visible()
    walk.look("tools of a message")
    last = page.locator(".message").last
    walk.dialog("delete a message", page.locator(".message-tools button").last, back=last)
    focus_last(page)
    walk.dialog(
        "seen by", page.locator(".message-tools").get_by_role("button", name=walk.text("tools.seen")), back=last
    )
    focus_last(page)
    page.locator(".message-tools").get_by_role("button", name=walk.text("tools.react")).press("Enter")
    walk.look("choice of a reaction")
    page.keyboard.press("Escape")
    page.locator(".message-tools").get_by_role("button", name=walk.text("tools.edit")).press("Enter")
    walk.look("edit a message")
    page.keyboard.press("Escape")
    page.locator(".message-tools").get_by_role("button", name=walk.text("tools.reply")).press("Enter")
    expect(page.locator("#reply-bar")).to_be_visible()
    walk.look("reply")
    walk.press_long(page.locator(".bubble.text", has_text="Of course"), page.locator("dialog.sheet"))
    walk.look("long press", (PHONE,))
    expect(page.locator("dialog.sheet")).to_be_visible()
    page.keyboard.press("Escape")


def focus_last(page: Page) -> None:
    """Focus the newest message by keyboard, as far as a program can."""
    page.locator("#log").focus()
    page.keyboard.press("Tab")
    page.locator(".message").last.focus()


def look_at_dialogs(walk: Walk) -> None:
    page = walk.page
    walk.dialog("picture", page.locator(".picture"))
    walk.dialog("announcements", page.locator("#announcement-all"))
    walk.dialog("pins", page.locator("#pins"))
    walk.dialog("member", page.locator(".member .icon-button").first)
    walk.dialog("find rooms", page.locator("#find-rooms"))
    walk.dialog("archived rooms", page.locator("#find-rooms"), "order.archivedRooms")
    page.locator("#create-room").press("Enter")
    page.locator("input[value=locked]").check()
    walk.look("create a room")
    page.keyboard.press("Escape")
    details = page.locator("#room-details")
    walk.dialog("room", details)
    details.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name=walk.text("code.renew"), exact=True).press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text(walk.text("code.renew.text"))
    walk.look("question in the room's dialog")
    page.keyboard.press("Escape")
    walk.dialog("log of the room", details, "order.audit")
    walk.dialog("barred", details, "order.barred")
    walk.dialog("leave", details, "leave.button")
    walk.dialog("delete", details, "room.delete.button")
    walk.dialog("panel", page.locator("#bring-in"))
    account = page.locator("#account-open")
    walk.dialog("account", account)
    walk.dialog("new password", account, "password.submit")
    walk.dialog("delete the account", account, "account.delete")


def look_at_search(walk: Walk) -> None:
    page = walk.page
    page.locator("#search").press("Enter")
    page.locator("#search-text").fill("look")
    page.keyboard.press("Enter")
    expect(page.locator(".search-hit").first).to_be_visible()
    walk.look("search")
    walk.focus("search")
    page.locator(".search-hit", has_text=re.compile("look here")).press("Enter")
    expect(page.locator(".search-place .found")).to_be_visible()
    walk.look("a hit in its place")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    walk.focus_is_on("search", page.locator("#search"))


def look_at_panes(walk: Walk) -> None:
    """What a phone shows instead of the conversation; the note of a lost connection; a notice."""
    page = walk.page
    walk.resize(PHONE)
    page.locator("#back").click()
    walk.look("list of rooms", (PHONE, ZOOMED))
    page.locator("#room-list [aria-current]").click()
    for size in (PHONE, ZOOMED):
        walk.resize(size)
        page.locator("#toggle-members").click()
        walk.look("members", (size,))
    page.route("**/chat/pull*", lambda route: route.abort())
    walk.to("/#no such room", ".notice.bad")
    expect(page.locator(".connection:not(:empty)")).to_be_visible()
    walk.look("notices", (PHONE, DESKTOP))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_of_a_pupil(guests: People, school: School, language: str) -> None:
    walk = walk_of(guests, language, school.pupil)
    walk.to(f"/#{QUIET}", "#order-note:not([hidden])")
    walk.look("read-only room")
    walk.page.evaluate("(room) => (location.hash = room)", LOCKED)
    expect(walk.page.locator("dialog")).to_be_visible()
    walk.look("join a locked room")
    walk.page.keyboard.press("Escape")
    expect(walk.page.locator("dialog")).to_have_count(0)
    wait_for_history(walk.page)
    open_room(walk.page, ROOM)
    look_at_leaving_all(walk, school.teacher.name)
    look_at_lost_text(walk, school.teacher, f"Gone {language}")
    walk.to("/board/nowhere", ".board-empty")
    walk.look("board of no room")
    walk.finish()


def look_at_leaving_all(walk: Walk, owner: str) -> None:
    page = walk.page
    page.locator("#room-details").press("Enter")
    page.get_by_role("button", name=walk.text("leave.all.button").format(name=owner)).press("Enter")
    expect(page.locator("dialog")).to_contain_text(walk.text("leave.all.title").format(name=owner))
    walk.look("leave all rooms of somebody")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    walk.focus_is_on("leave all rooms of somebody", page.locator("#room-details"))


def look_at_lost_text(walk: Walk, teacher: Client, room: str) -> None:
    """The room is deleted while something is being written to it."""
    page = walk.page
    teacher.post("/room/create", roomname=room)
    page.request.post("/room/join", data={"roomname": room})
    walk.to(f"/#{room}", "#message-text")
    expect(page.locator("#room-title")).to_have_text(room)
    page.locator("#message-text").fill("half a thought, and " + "m" * 60)
    teacher.post("/room/delete", roomname=room, passwd="")
    expect(page.get_by_role("dialog")).to_contain_text(walk.text("rooms.lost.unsent"))
    walk.look("not sent to a room that is gone")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_question_for_a_new_password(guests: People, school: School, language: str) -> None:
    pupil = guests.client(f"forgot {language}")
    one_time = school.teacher.post("/site/people/reset_password", user=pupil.name)["password"]
    walk = walk_of(guests, language)
    page = walk.page
    walk.to("/", "#login-submit")
    page.locator("#username").fill(pupil.name)
    page.locator("#password").fill(one_time)
    page.locator("#login-submit").click()
    expect(page.locator("#field-new-password")).to_be_visible()
    walk.look("set a new password")
    page.locator("#field-old-password").fill(one_time)
    page.locator("#field-new-password").fill("x")
    page.keyboard.press("Enter")
    expect(page.locator("dialog .form-error")).not_to_be_empty()
    walk.look("set a new password: refused")
    page.keyboard.press("Escape")  # leads out, as the button does: there is no way round it
    expect(page.locator("#login-reason")).to_have_text(walk.text("login.out.password"))
    walk.finish()
