"""WCAG 2.2 AA on every screen, light and dark, in both languages, from 320 px to 1920 px and at a zoom of 200 %."""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.accessibility import DESKTOP, PHONE, SIZES, TABLET, ZOOMED, Walk
from tests.e2e.conftest import PASSWORD, Client, People, Server
from tests.e2e.steps import say
from tests.pictures import picture

pytestmark = pytest.mark.timeout(300)  # many screens in one test
LANGUAGES = ["en-US", "zh-CN"]
ROOM, QUIET, LOCKED = "Physics 9b", "Read-only notes", "Teachers' corner"
TEXTS = (
    "Look at https://example.org/a/rather/long/address?of=a%20page and at `page 12`",
    "**Bold**, *italic* and:\n- one\n- two\n> quoted\n1. first\n2. second",
    "```python\nprint('a line of code that is certainly much longer than a phone of 320 px is wide', 12345)\n```",
    "$$E = mc^2$$ and a long one:\n$$\\frac{a+b+c+d+e+f+g+h+i+j+k+l+m+n}{\\sqrt{a^2+b^2+c^2+d^2+e^2+f^2}}$$",
    "🎉🎉",
    "a very long word: " + "m" * 300,
    "\n".join(f"line {number}" for number in range(40)),
)


@dataclass
class School:
    """A server with a teacher, a pupil, and a room that has messages of all kinds."""

    server: Server
    teacher: Client
    pupil: Client

    def register_by(self, mode: str) -> None:
        """Change the way in which people register."""
        version = self.teacher.get("/site/settings")["version"]
        self.teacher.post("/site/settings", version=version, registration=mode)


@pytest.fixture(scope="module")
def school(make_server: Callable[..., Server]) -> Iterator[School]:
    server = make_server()
    found = School(server, Client(server.url, "Berger"), Client(server.url, "kim"))
    try:
        fill(found)
        yield found
    finally:
        found.teacher.close()
        found.pupil.close()


def fill(school: School) -> None:
    teacher, pupil = school.teacher, school.pupil
    token = re.findall(r"/claim/(\S+)", school.server.log.read_text())[-1]
    teacher.post("/site/claim", token=token)
    teacher.post("/room/create", roomname=ROOM)
    teacher.post("/room/code", roomname=ROOM)
    teacher.post("/room/create", roomname=QUIET)
    teacher.post("/room/create", roomname=LOCKED, type="private", passwd="secret")
    for client in (pupil, others := Client(school.server.url, "Zoë Martin")):
        for room in (ROOM, QUIET):
            client.post("/room/join", roomname=room)
    others.post("/room/join", roomname=LOCKED, passwd="secret")
    for number, text in enumerate(TEXTS):
        (pupil, teacher)[number % 2].say(text, ROOM)
    pupil.show(base64.b64encode(picture(size=(300, 200))).decode(), ROOM)
    pupil.post("/chat/send", roomname=ROOM, new_message={"type": "text", "content": "@Berger, may I ask something?"})
    asked = teacher.get("/chat/history", roomname=ROOM, limit=1, detail=1)["messages"][0]["id"]
    answer = {"type": "text", "content": "Of course", "reply_to": asked}
    teacher.post("/chat/send", roomname=ROOM, new_message=answer)
    for client in (teacher, others):
        client.post("/chat/react", roomname=ROOM, id=asked, emoji="👍")
    teacher.post("/chat/pin", roomname=ROOM, id=asked)
    teacher.post("/room/mute", roomname=ROOM, user=others.name, minutes=60)
    teacher.post("/room/settings", roomname=QUIET, read_only=True, topic="To be read")
    others.say("@Berger look here", LOCKED)
    others.close()


@pytest.fixture
def guests(browser: Browser, school: School) -> Iterator[People]:
    gathered = People(browser, school.server)
    yield gathered
    gathered.finish()


def walk_of(guests: People, language: str, client: Client | None = None) -> Walk:
    """A walk on a page in this language; of a user, if a client is given."""
    page = guests.page(locale=language, has_touch=client is not None)
    if client is not None:
        answer = page.context.request.post("/user/login", data={"username": client.name, "password": PASSWORD})
        assert answer.ok, answer.text()
    return Walk(page, is_second=language != LANGUAGES[0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_before_the_log_in(guests: People, school: School, language: str) -> None:
    walk = walk_of(guests, language)
    page = walk.page
    walk.to("/", "#login-submit")
    page.locator("#login-submit").click()
    walk.look("log-in")
    walk.focus("log-in")
    page.locator("#tab-register").click()
    walk.look("register")
    for mode in ("code", "closed"):
        school.register_by(mode)
        walk.to("/", "#login-submit")
        if mode == "code":
            page.locator("#tab-register").click()
        walk.look(f"register: {mode}", (PHONE,))
    school.register_by("open")
    walk.to("/join/NOCODE", "#login-about:not(:empty)")
    walk.look("join by code", (PHONE,))
    walk.to("/claim/token", "#login-about:not(:empty)")
    walk.look("claim", (PHONE,))
    walk.to("/teach", ".teach-empty")
    walk.look("console without log-in", (PHONE,))

    walk.to("/docs", "summary")
    page.locator("summary", has_text="/chat/send").click()
    walk.thin_out("details:not([open]) ~ details:not([open])")
    walk.look("docs")
    walk.to("/docs/polling", "main h2")
    walk.thin_out("main > :nth-child(n + 100), .contents li:nth-child(n + 20)")
    walk.look("guide")
    walk.focus("guide")
    walk.to("/docs/teaching", "main h2")
    walk.look("guide for teachers")
    walk.to("/" + "x" * 40_000, "h1")
    walk.look("refusal")
    walk.finish()


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
    walk.to(f"/#{LOCKED}", "dialog")
    walk.look("join a locked room")
    walk.to("/board/nowhere", ".board-empty")
    walk.look("board of no room")
    walk.to(f"/#{ROOM}", ".message")
    look_at_leaving_all(walk, school.teacher.name)
    look_at_lost_text(walk, school.teacher, f"Gone {language}")
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_of_the_console(guests: People, school: School, language: str) -> None:
    walk = walk_of(guests, language, school.teacher)
    page = walk.page
    row = page.locator(".people tbody tr")
    for tab in ("now", "log", "site", "rooms", "people"):
        walk.to(f"/teach#{tab}", ".site-form" if tab == "site" else ".people tbody tr")
        walk.look(f"console: {tab}")
        walk.focus(f"console: {tab}")
        if tab == "rooms":
            manage = row.filter(has_text=ROOM).locator("button")
            walk.dialog("manage a room", manage)
            for step in ("roomtable.settings", "roomtable.members", "code.title", "roomtable.delete"):
                walk.dialog(step, manage, step)
    manage = row.filter(has_text=school.pupil.name).locator("button")
    walk.dialog("manage an account", manage)
    for step in ("people.rename", "people.reset", "people.appoint", "people.disable", "people.delete"):
        walk.dialog(step, manage, step)
    look_at_roster(walk, language)
    school.register_by("code")
    walk.to("/teach#site", ".site-code button")
    walk.dialog("new code", page.locator(".site-code button"))
    page.locator("#field-keep_days").fill("30")
    walk.dialog("fewer days", page.locator(".site-form .primary"))
    page.locator("#field-keep_days").fill("0")
    school.register_by("open")

    walk.to(f"/board/{ROOM}", ".board-code")
    page.locator("#board-buttons button").first.click()
    walk.look("board")
    walk.focus("board")
    walk.finish()


def look_at_roster(walk: Walk, language: str) -> None:
    page = walk.page
    page.get_by_role("button", name=walk.text("roster.open")).press("Enter")
    file = page.locator("#field-roster")
    file.set_input_files({"name": "7b.csv", "mimeType": "text/csv", "buffer": b"username\nkim\n\nkim\n"})
    expect(page.locator(".mistakes")).to_be_visible()
    walk.look("roster with mistakes")
    people = "".join(f"{language.lower()}-{number},Pupil {number}\n" for number in range(12))
    roster = f"username,name\n{people}".encode()
    file.set_input_files({"name": "7b.csv", "mimeType": "text/csv", "buffer": roster})
    expect(page.locator(".preview")).to_be_visible()
    walk.look("roster")
    page.locator("dialog .primary").press("Enter")
    expect(page.locator(".card")).to_have_count(12)
    walk.look("cards")
