"""Several tabs of one browser, and several devices of one person."""

import os
import re
import sqlite3

import requests
from playwright.sync_api import Page, Request, expect

from tests import launch
from tests.e2e.conftest import INSECURE_HOST, PASSWORD
from tests.e2e.steps import expect_once, expect_stored, open_room, own_room, row, say, wait_for


def new_tab(people, page: Page, path: str = "/") -> Page:
    tab = page.context.new_page()
    people.watch(tab)
    tab.goto(path)
    return tab


def log_in(page: Page, username: str, password: str = PASSWORD) -> None:
    page.locator("#username").fill(username)
    page.locator("#password").fill(password)
    page.locator("#password").press("Enter")
    expect(page.locator("#my-name")).to_have_text(username)


def unread_of(page: Page, room: str) -> int:
    """As the server counts for the page's user."""
    rooms = page.request.get("/room/find?detail=1").json()["rooms"]
    return next(int(each["unread"]) for each in rooms if each["roomname"] == room)


def kept(page: Page) -> str:
    return str(page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])"))


def test_seven_tabs_share_one_pull(people, name):
    anna, room = own_room(people, name)
    pulls: dict[Request, Page] = {}

    def watch(page: Page) -> None:
        page.on("request", lambda r: pulls.update({r: page}) if "timeout=25" in r.url else None)
        for event in ("requestfinished", "requestfailed"):
            page.on(event, lambda r: pulls.pop(r, None))  # type: ignore[call-overload]

    watch(anna)
    tabs = []
    for _ in range(6):
        tab = anna.context.new_page()
        people.watch(tab)
        watch(tab)
        tab.goto(f"/#{room}")
        expect(tab.locator("#room-title")).to_have_text(room)
        tabs.append(tab)
    say(tabs[-1], "from the seventh")
    for page in (anna, *tabs):
        expect_stored(page, "from the seventh")
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    for page in (anna, tabs[0]):  # the polling tab closes, and another takes over
        page.close()
    carl.say("who is left?", room)
    for page in tabs[1:]:
        expect_once(page, "who is left?")
    # Between two pulls the end of the first may be reported after the beginning of the second.
    wait_for(tabs[1], lambda: sum(not page.is_closed() for page in pulls.values()) <= 1, "no more than one pull")


def test_a_tab_never_acts_for_another_than_it_shows(people, name):
    anna, room = own_room(people, name)
    anna.locator("#message-text").press_sequentially("private draft")
    answer = anna.context.request.post("/user/register", data={"username": name("bob"), "password": PASSWORD})
    assert answer.ok
    anna.locator("#message-text").press("Enter")
    expect(anna.locator("#login-reason")).not_to_be_empty()
    anna.evaluate("dispatchEvent(new Event('focus'))")
    expect(anna.locator("#login-reason")).to_contain_text(name("bob"))
    assert "private draft" not in kept(anna)
    anna.get_by_role("button", name=f"Go on as {name('bob')}").click()
    expect(anna.locator("#my-name")).to_have_text(name("bob"))
    expect(row(anna, room)).to_have_count(0)
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    assert carl.texts(room) == []


def test_tabs_hear_of_logging_in_and_out(people, name):
    anna, room = own_room(people, name)
    anna.locator("#message-text").press_sequentially("half a thought")
    other = new_tab(people, anna)
    expect(other.locator("#my-name")).to_have_text(name("anna"))
    other.locator("#logout").click()
    expect(anna.locator("#login-reason")).to_contain_text("logged out in another tab")
    assert name("anna") not in kept(anna) + kept(other)
    assert room not in kept(anna)
    people.client(name("bob"))
    log_in(other, name("bob"))
    expect(anna.locator("#login-other")).to_have_text(f"Go on as {name('bob')}")


def test_a_session_that_a_slow_login_elsewhere_ends_is_told_as_that(people, name, server):
    visitor = people.page()
    visitor.locator("#username").wait_for()
    anna = new_tab(people, visitor)
    people.client(name("anna"))
    log_in(anna, name("anna"))
    expect(visitor.locator("#login-other")).to_have_text(f"Go on as {name('anna')}")
    people.client(name("bob"))
    held = []
    visitor.route("**/user/login", lambda route: held.append(route))
    visitor.locator("#username").fill(name("bob"))
    visitor.locator("#password").fill(PASSWORD)
    visitor.locator("#password").press("Enter")
    # As if the server had ended Anna's session, and the answer with Bob's cookie were on its way.
    cookies = {cookie["name"]: cookie["value"] for cookie in anna.context.cookies()}
    assert requests.post(f"{server.url}/user/logout", json={}, cookies=cookies, timeout=30).ok
    expect(anna.locator("#login-reason")).to_contain_text("Your session has ended")
    asked = []
    anna.on("request", lambda request: asked.append(request.url) if "/user/session" in request.url else None)
    anna.wait_for_timeout(1200)
    assert asked == []
    held.pop().continue_()
    expect(visitor.locator("#my-name")).to_have_text(name("bob"))
    expect(anna.locator("#login-other")).to_have_text(f"Go on as {name('bob')}")


def test_messages_on_screen_on_any_device_are_read(people, name):
    anna, room = own_room(people, name)
    phone = people.page(user=name("anna"), is_known=True)
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    for page in (anna, phone):
        open_room(page, "public")
    carl.say("for Anna", room)
    for page in (anna, phone):
        expect(row(page, room).locator(".badge-count")).to_have_text("1")
    third = people.page(user=name("anna"), is_known=True)
    expect(row(third, room).locator(".badge-count")).to_have_text("1")
    with phone.expect_request(re.compile(r"pull.*read=\d*[1-9]")):
        open_room(phone, room)
    expect(row(phone, room).locator(".badge")).to_be_hidden()
    wait_for(anna, lambda: unread_of(anna, room) == 0, "the server knows that the message is read")
    anna.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(row(anna, room).locator(".badge")).to_be_hidden()


def test_back_shows_the_room(people, name):
    anna, room = own_room(people, name, by_hand=True)
    open_room(anna, "public")
    anna.go_back()
    expect(anna.locator("#room-title")).to_have_text(room)
    anna.go_back()
    expect(anna.locator("#room-title")).to_have_text("public")
    anna.go_forward()
    expect(anna.locator("#room-title")).to_have_text(room)


def test_a_new_password_is_told_and_the_focus_is_in_the_composer(people, name, server):
    anna, _room = own_room(people, name)
    anna.locator("#message-text").press_sequentially("kept while I log in")
    with sqlite3.connect(server.home / "commonroom.db") as database:
        database.execute(
            "UPDATE users SET password_changed_at = (strftime('%s') + 60) * 1000000 WHERE username = ?", [name("anna")]
        )
        database.execute(
            "DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE username = ?)", [name("anna")]
        )
        database.execute(  # as another process would announce it
            "INSERT INTO events (kind, subject_id, time, data, written_at) "
            "SELECT 'user', id, 0, '', strftime('%s') * 1000000 FROM users WHERE username = ?",
            [name("anna")],
        )
    database.close()
    expect(anna.locator("#login-reason")).to_contain_text("password was changed")
    assert "kept while" not in kept(anna)
    log_in(anna, name("anna"))
    expect(anna.locator("#message-text")).to_be_focused()
    expect(anna.locator("#message-text")).to_have_value("kept while I log in")


def test_a_password_reset_by_command_loses_nothing_that_is_being_written(people, name, server):
    people.may_lose_network = True
    anna, _room = own_room(people, name)
    say(anna, "said")
    expect_stored(anna, "said")
    anna.locator(".message").hover()
    anna.locator("button[title=Edit]").click()
    anna.locator(".editor textarea").fill("said better")
    anna.route("**/chat/send", lambda route: route.abort())
    say(anna, "on its way")
    expect(anna.locator("[data-state=failed]")).to_have_count(1)
    anna.locator("#message-text").fill("half a thought")
    told = server.home / "reset"
    environment = {"PATH": os.environ["PATH"], "CHAT_INSTANCE_PATH": str(server.home)}
    assert launch.flask(["chat", "reset-password", name("anna")], environment, told) == 0
    expect(anna.locator("#login-reason")).to_contain_text("password was changed")
    one_time = told.read_text().split()[-1]
    told.unlink()
    log_in(anna, name("anna"), one_time)
    dialog = anna.get_by_role("dialog")
    dialog.get_by_label("The one-time password").fill(one_time)
    dialog.get_by_label("New password").fill("another passphrase")
    dialog.get_by_role("button", name="Change password").click()
    expect(dialog).to_have_count(0)
    expect(anna.locator(".editor textarea")).to_have_value("said better")
    expect(anna.locator("[data-state=failed] .bubble")).to_have_text("on its way")
    expect(anna.locator("#message-text")).to_have_value("half a thought")


def test_a_login_that_the_browser_did_not_keep_is_told(people, name, server):
    user = {"username": name("anna"), "password": PASSWORD}
    cookies = requests.post(f"{server.url}/user/register", json=user, timeout=30).cookies.keys()
    session = next(cookie for cookie in cookies if "session" in cookie)
    page = people.page()
    # A page by http can neither overwrite nor send a cookie that https has set.
    page.context.add_cookies(
        [{"name": session, "value": "old", "domain": INSECURE_HOST, "path": "/", "secure": True, "httpOnly": True}]
    )
    page.goto(server.url.replace("127.0.0.1", INSECURE_HOST))
    page.locator("#username").fill(user["username"])
    page.locator("#password").fill(PASSWORD)
    page.locator("#password").press("Enter")
    expect(page.locator("#login-error")).to_contain_text("did not keep the log-in")


def test_weak_passwords_are_refused_by_the_page(people, name):
    page = people.page()
    page.locator("#tab-register").click()
    page.locator("#username").fill(name("anna"))
    for password, words in (("seven77", "at least 8"), ("password1", "Many people use")):
        page.locator("#password").fill(password)
        page.locator("#password").press("Enter")
        expect(page.locator("#login-error")).to_contain_text(words)
    expect(page.locator("#login-clear")).to_be_empty()
    # As by http from another machine; this browser's localhost is secure.
    page.evaluate("Object.defineProperty(globalThis, 'isSecureContext', {value: false})")
    page.locator("#tab-login").click()
    expect(page.locator("#login-clear")).to_contain_text("unencrypted")
