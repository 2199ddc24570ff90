"""A teacher's first minutes: the link, bringing the class in, a roster, and order among accounts."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.e2e.conftest import PASSWORD, Desks, People, Server
from tests.e2e.steps import ASKS_BEFORE_LEAVING, create_room, expect_once, say, wait_for
from tests.e2e.teaching_pictures import ENGLISH, PICTURES, Course
from tests.pictures import picture

PHONE = {"viewport": {"width": 375, "height": 720}}


def register(page, name, password=PASSWORD):
    page.locator("#username").fill(name)
    page.locator("#password").fill(password)
    page.locator("#login-submit").click()


@pytest.fixture
def new_site(make_server: Callable[..., Server]) -> Iterator[Server]:
    """A server whose site has no teacher; other tests give the shared one teachers."""
    server = make_server()
    yield server
    server.kill()


@pytest.fixture
def first_people(browser: Browser, new_site: Server) -> Iterator[People]:
    desks = Desks(browser, new_site.url)
    gathered = People(browser, new_site, desks)
    yield gathered
    gathered.finish()
    desks.close()


def test_edits_of_the_site_stay_until_they_are_saved(first_people, new_site, name):
    people, server = first_people, new_site
    teacher_name = name("reed")
    teacher = people.join(teacher_name, is_altered=True)
    server.flask("chat", "teacher", teacher_name)
    teacher.goto("/teach#site")
    field, days = teacher.locator("#field-name"), teacher.locator("#field-keep_days")
    field.fill("Room 7")
    days.fill("30")
    teacher.locator("[name=direct_conversations]").click()
    is_checked = teacher.locator("[name=direct_conversations]").is_checked()

    def expect_edits():
        expect(field).to_have_value("Room 7")
        expect(days).to_have_value("30")
        assert teacher.locator("[name=direct_conversations]").is_checked() == is_checked

    teacher.locator(".language-switch").click()
    expect(teacher.get_by_role("button", name="保存")).to_be_visible()
    expect_edits()
    teacher.locator(".language-switch").click()
    teacher.get_by_role("link", name="Rooms").click()
    expect(field).to_have_count(0)
    assert teacher.evaluate(ASKS_BEFORE_LEAVING)
    teacher.get_by_role("link", name="Site").click()
    expect_edits()
    assert teacher.evaluate(ASKS_BEFORE_LEAVING)

    colleague = people.client(name("mill"))
    server.flask("chat", "teacher", colleague.name)
    version = colleague.get("/site/settings")["version"]
    colleague.post("/site/settings", version=version, name="Lab", pupils_make_rooms=False)
    teacher.get_by_role("button", name="Save").click()
    alert = teacher.get_by_role("alert").filter(has_text="meanwhile")
    expect(alert.get_by_text("Name of the site: none → Lab")).to_be_visible()
    expect(alert.get_by_text("Pupils make rooms: yes → no")).to_be_visible()
    expect_edits()
    expect(teacher.locator("[name=pupils_make_rooms]")).not_to_be_checked()
    teacher.get_by_role("button", name="Save").click()
    expect(alert).to_have_count(0)
    expect_edits()
    assert not teacher.evaluate(ASKS_BEFORE_LEAVING)
    saved = colleague.get("/site/settings")
    assert (saved["name"], saved["keep_days"], saved["pupils_make_rooms"]) == ("Room 7", 30, False)


def test_from_the_link_to_a_class_that_is_in(first_people, new_site, name):
    people, server = first_people, new_site
    token = re.findall(r"/claim/(\S+)", server.log.read_text())[-1]
    visitor = people.page()
    expect(visitor.locator("#login-title")).to_have_text("No teacher yet")
    teacher = people.page()
    teacher.goto(f"/claim/{token}")
    expect(teacher.locator("#login-about")).to_contain_text("becomes the teacher")
    register(teacher, name("berger"))
    expect(teacher.locator(".panel-code")).to_have_text(re.compile("^[2-9A-Z]{6}$"))  # shown at once
    teacher.keyboard.press("Escape")
    expect(teacher).to_have_url(re.compile(r"/(#\w*)?$"))

    room = name("physics")
    create_room(teacher, room)
    teacher.locator("#bring-in").click()
    code = teacher.locator(".panel-code").inner_text()
    expect(teacher.locator(".panel-qr svg path")).to_have_count(1)
    pupil = people.page(**PHONE)
    pupil.goto(f"/join/{code}")
    register(pupil, name("kim"))
    expect(pupil.locator("#room-title")).to_have_text(room)
    expect(pupil).to_have_url(f"{server.url}/#{quote(room)}")
    expect(teacher.locator(".panel-count")).to_have_text("2 are in")
    teacher.keyboard.press("Escape")
    say(pupil, "here I am")
    expect_once(teacher, "here I am")


def test_accounts_in_the_console(people, server, name):
    teacher_name, kim = name("mill"), name("kim")
    teacher = people.join(teacher_name)
    server.flask("chat", "teacher", teacher_name)
    pupil = people.join(kim)
    wide = people.client("ﷺ" * 24 + name("w")).name  # one letter is as wide as a word
    teacher.goto("/teach")
    size = teacher.viewport_size
    teacher.set_viewport_size({"width": 375, "height": 740})
    teacher.get_by_label("Search by name").fill(wide)
    expect(teacher.get_by_role("button", name=f"Manage {wide}")).to_be_in_viewport()
    teacher.set_viewport_size(size)
    teacher.get_by_label("Search by name").fill(kim)
    manage = teacher.get_by_role("button", name=f"Manage {kim}")
    manage.click()
    teacher.get_by_role("button", name="Give a one-time password").click()
    teacher.get_by_role("button", name="Give a one-time password").click()
    password = teacher.locator(".one-time code").inner_text()
    teacher.keyboard.press("Escape")
    expect(pupil.locator("#login-reason")).to_contain_text("password was changed")
    register(pupil, kim, password)
    must = pupil.get_by_role("dialog")
    expect(must).to_contain_text("for this one time")
    must.get_by_role("button", name="Log out").click()  # no way round it, but a way out
    expect(pupil.locator("#login-reason")).to_contain_text("choose a new password")
    register(pupil, kim, password)
    must.get_by_label("The one-time password").fill(password)
    must.get_by_label("New password").fill("a pupil's own")
    must.get_by_role("button", name="Change password").click()
    expect(must).to_have_count(0)
    expect(pupil.locator("#message-text")).to_be_focused()

    manage.click()
    teacher.get_by_role("button", name="Disable", exact=True).click()
    teacher.get_by_role("button", name="Disable", exact=True).click()
    expect(teacher.locator(".mark.disabled")).to_be_visible()
    expect(pupil.locator("#login-reason")).to_contain_text("disabled this account")


def test_a_roster_becomes_log_in_cards(people, server, name):
    teacher_name = name("hall")
    teacher = people.join(teacher_name)
    server.flask("chat", "teacher", teacher_name)
    teacher.goto("/teach")
    teacher.get_by_role("button", name="Import a roster").click()
    bad = {"name": "7b.csv", "mimeType": "text/csv", "buffer": b"username\nkim\n\nkim\n"}
    teacher.locator("#field-roster").set_input_files(bad)
    expect(teacher.locator(".mistakes")).to_have_text("Line 4: kim is in line 2 already.")
    lines = f"用户名;姓名\n{name('mia')};小明\n{name('lea')};\n".encode("gbk")
    teacher.locator("#field-roster").set_input_files({**bad, "buffer": lines})
    expect(teacher.locator(".preview tbody tr")).to_have_count(2)
    asked: list[Route] = []
    teacher.route("**/site/roster/status?*", lambda route: route.continue_() if asked else asked.append(route))
    teacher.get_by_role("button", name="Import 2 people").click()
    wait_for(teacher, lambda: asked, "the page asks how far the import is")
    teacher.keyboard.press("Escape")
    teacher.locator(".teach-tabs [href='#now']").click()
    expect(teacher.locator(".teach-tabs [aria-current]")).to_have_attribute("href", "#now")
    people.may_lose_network = True
    teacher.route("**/site/qr", lambda route: route.abort(), times=1)
    asked[0].abort()  # the page asks again
    expect(teacher.locator(".card")).to_have_count(2)  # all the same, as the passwords are nowhere else
    expect(teacher.locator(".card svg")).to_have_count(0)  # they come later
    for tab, count in (("now", 0), ("people", 2)):
        teacher.locator(f".teach-tabs [href='#{tab}']").click()
        expect(teacher.locator(".card")).to_have_count(count)
    assert teacher.evaluate(ASKS_BEFORE_LEAVING)
    card = teacher.locator(".card").first
    expect(card.locator("svg path")).to_have_count(1)
    address, username, password = card.locator("code").all_inner_texts()
    pupil = people.page()
    pupil.goto(f"/?username={username}")
    expect(pupil.locator("#username")).to_have_value(name("mia"))
    assert address.startswith("http://")
    pupil.locator("#password").fill(password)
    pupil.locator("#login-submit").click()
    expect(pupil.locator("#my-name")).to_have_text("小明")
    teacher.get_by_role("button", name="Done", exact=True).click()
    teacher.get_by_role("dialog").get_by_role("button", name="Done", exact=True).click()
    expect(teacher.locator(".card")).to_have_count(0)
    assert not teacher.evaluate(ASKS_BEFORE_LEAVING)


def choose_roster(people, server, name):
    """A teacher's page with a roster of two new people checked."""
    teacher_name = name("hall")
    teacher = people.join(teacher_name)
    server.flask("chat", "teacher", teacher_name)
    teacher.goto("/teach")
    teacher.get_by_role("button", name="Import a roster").click()
    content = f"username\n{name('mia')}\n{name('lea')}\n".encode()
    teacher.locator("#field-roster").set_input_files({"name": "7b.csv", "mimeType": "text/csv", "buffer": content})
    expect(teacher.locator(".preview tbody tr")).to_have_count(2)
    return teacher


def test_accounts_of_an_import_whose_answer_was_lost_get_new_passwords(people, server, name):
    teacher = choose_roster(people, server, name)
    people.may_lose_network = True

    def lose(route: Route) -> None:
        begun = route.fetch().json()
        state = f"/site/roster/status?id={begun['id']}"
        wait_for(teacher, lambda: teacher.request.get(state).json()["state"] == "done", "the import ends")
        route.abort()

    teacher.route("**/site/roster/import", lose, times=1)
    teacher.route("**/site/roster/check", lambda route: route.abort(), times=1)
    teacher.get_by_role("button", name="Import 2 people").click()
    dialog = teacher.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("2 of these accounts have been made meanwhile")
    expect(dialog.get_by_label("Also give new passwords")).to_be_checked()
    teacher.get_by_role("button", name="Import 2 people").click()
    expect(teacher.locator(".card")).to_have_count(2)
    _, username, password = teacher.locator(".card").first.locator("code").all_inner_texts()
    people.client(username, password)


def test_cards_are_shown_where_the_end_of_the_import_cannot_be_told(people, server, name):
    teacher = choose_roster(people, server, name)
    teacher.route("**/site/roster/status?*", lambda route: route.fulfill(status=401, json={"status": "error"}))
    teacher.get_by_role("button", name="Import 2 people").click()
    expect(teacher.locator(".card")).to_have_count(2)
    assert teacher.evaluate(ASKS_BEFORE_LEAVING)


def test_bad_rosters_are_told_in_the_dialog(people, server, name, tmp_path):
    teacher_name = name("hall")
    teacher = people.join(teacher_name)
    server.flask("chat", "teacher", teacher_name)
    teacher.goto("/teach")
    teacher.get_by_role("button", name="Import a roster").click()
    dialog, field = teacher.get_by_role("dialog"), teacher.locator("#field-roster")
    bad = {
        "more than 2000 people": (b"username\n" + b"kim\n" * 50_000, "at most 2000 lines"),
        "one long line": (b"username\n" + b"x" * 3_000_000, "Line 2"),
        "formulas": (b"username\n=1+1\n", "Line 2: =1+1 begins like a formula"),
        "a Western encoding": ("username\nJörg\n".encode("latin-1"), "save it as CSV in UTF-8"),
        "a teacher": (f"username\n{teacher_name}\n".encode(), "is a teacher"),
        "nothing": (b"", "The first line must name the columns"),
    }
    for what, (content, words) in bad.items():
        field.set_input_files({"name": f"{what}.csv", "mimeType": "text/csv", "buffer": content})
        expect(teacher.locator(".mistakes"), what).to_contain_text(words)
        expect(dialog.locator("button.primary")).to_be_hidden()
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(1 << 30)
    field.set_input_files(large)  # is not read
    expect(dialog.get_by_role("alert")).to_have_text("The file is too large: at most 4 MiB.")
    expect(teacher.locator(".mistakes")).to_have_count(0)


def test_ones_own_account(people, name):
    kim = name("kim")
    page = people.join(kim)
    create_room(page, name("club"))  # the lobby may have more members than its list shows
    page.locator("#account-open").click()
    png = {"name": "me.png", "mimeType": "image/png", "buffer": picture(size=(60, 40))}
    page.get_by_role("dialog").locator("input[type=file]").set_input_files(png)
    member = page.locator(".member").filter(has=page.get_by_text(kim, exact=True))
    for place in (page.locator("#my-avatar"), member):
        face = place.locator("img")
        expect(face).to_have_attribute("src", re.compile("^/avatars/"))
        expect(face).not_to_have_js_property("naturalWidth", 0)
    page.get_by_label("Name that others see").fill(name("Kim L."))
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#my-name")).to_have_text(name("Kim L."))
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "own-data.zip"
    page.get_by_role("button", name="Delete my account").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_role("button", name="Delete my account").click()
    expect(page.locator("#login-form")).to_be_visible()
    expect(page.locator("#login-reason")).to_be_hidden()  # the page is loaded anew, before a pull is refused


def test_the_board_asks_for_a_login_and_comes_back(people, name):
    kim = name("kim")
    kims = people.client(kim)
    board = people.page()
    board.goto("/board/public")
    board.locator("#username").fill(kim)
    board.locator("#password").fill(PASSWORD)
    board.locator("#login-submit").click()
    expect(board.locator("#board-title")).to_have_text("public")
    expect(board).to_have_url(re.compile("/board/public$"))
    expect(board.get_by_role("button", name="Freeze")).to_be_visible()
    look_at_the_board(board, kims, name("board"))
    for no_room in ("%00", "x" * 300, "nowhere/at all", "%E0%A4"):
        board.goto(f"/board/{no_room}")
        expect(board.locator(".board-empty")).to_contain_text("no such room")
    board.goto("/?next=//example.org")
    expect(board.locator("#my-name")).to_have_text(kim)  # no other site is gone to


def look_at_the_board(board, client, room):
    """Lines stay lines; names and the newest message can be hidden; frozen it shows nothing new."""
    client.post("/room/create", roomname=room)
    client.say("one\ntwo", room)
    client.say("the solution", room)
    board.goto(f"/board/{room}")
    texts = board.locator(".board-message .words")
    expect(texts).to_have_count(2)
    assert texts.first.evaluate("(node) => node.innerText") == "one\ntwo"
    press = lambda text: board.get_by_role("button", name=text, exact=True).click()  # noqa: E731
    press("Hide names")
    expect(board.locator(".board-name")).to_have_count(0)
    press("Hide the last message")
    expect(board.get_by_text("the solution")).to_have_count(0)
    press("Hide the last message")
    expect(board.get_by_text("the solution")).to_be_visible()
    press("Freeze")
    expect(board.locator("#board-state")).not_to_be_empty()
    client.say("unseen", room)
    press("Freeze")
    expect(board.get_by_text("unseen")).to_be_visible()
    client.say("\n".join(map(str, range(60))), room)
    expect(texts).to_have_count(4)
    for height in (600, 1000, 400):  # as by F11 at the projector
        board.set_viewport_size({"width": height * 2, "height": height})
        board.wait_for_function(
            "() => { const { scrollHeight, scrollTop, clientHeight } = document.querySelector('#board-log');"
            " return scrollHeight - scrollTop - clientHeight < 2; }"
        )


@pytest.mark.parametrize("code", ["%E0%A4", "%00", "x" * 300, "a/b"])
def test_an_address_with_no_code_says_so_in_plain_words(people, name, code):
    page = people.page()
    page.goto(f"/join/{code}")
    expect(page.locator("#login-about")).to_contain_text("join code is not valid")
    page.goto(f"/claim/{code}")
    register(page, name("kim"))
    expect(page.locator(".notice.bad")).to_contain_text("link")


def test_every_step_of_the_teachers_guide_can_be_played(people, server, name):
    shown = []
    Course(people, server, ENGLISH, lambda _page, picture: shown.append(picture), name).play()
    assert tuple(shown) == PICTURES
