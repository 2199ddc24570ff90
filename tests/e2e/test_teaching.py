"""A teacher's first minutes: the link, bringing the class in, and order among accounts."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import PASSWORD, Desks, People, Server
from tests.e2e.steps import ASKS_BEFORE_LEAVING, create_room, expect_once, own_room, say, wait_for_history
from tests.e2e.teaching_pictures import ENGLISH, PICTURES, Course

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
    teacher = people.page(user=teacher_name, is_teacher=True, at="/teach#site", is_altered=True)
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
    dialog = teacher.get_by_role("dialog")

    def save():
        teacher.locator(".site-form").get_by_role("button", name="Save").click()
        expect(dialog).to_contain_text("older than 30 days are removed for good")
        dialog.get_by_role("button", name="Save").click()

    save()
    alert = teacher.get_by_role("alert").filter(has_text="meanwhile")
    expect(alert.get_by_text("Name of the site: none → Lab")).to_be_visible()
    expect(alert.get_by_text("Pupils make rooms: yes → no")).to_be_visible()
    expect_edits()
    expect(teacher.locator("[name=pupils_make_rooms]")).not_to_be_checked()
    save()
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
    teacher = people.page(at=f"/claim/{token}")
    expect(teacher.locator("#login-about")).to_contain_text("becomes the teacher")
    register(teacher, name("berger"))
    expect(teacher.locator(".panel-code")).to_have_text(re.compile("^[2-9A-Z]{6}$"))  # shown at once
    teacher.keyboard.press("Escape")
    expect(teacher).to_have_url(re.compile(r"/(#\w*)?$"))
    visitor.goto(f"/claim/{token}")
    expect(visitor.locator("#login-about")).to_have_text(re.compile("no longer works"))
    expect(visitor.locator("#login-title")).to_have_text("Welcome back")

    room = name("physics")
    create_room(teacher, room)
    teacher.locator("#bring-in").click()
    code = teacher.locator(".panel-code").inner_text()
    expect(teacher.locator(".panel-qr svg path")).to_have_count(1)
    pupil = people.page(at=f"/join/{code}", **PHONE)
    register(pupil, name("kim"))
    expect(pupil.locator("#room-title")).to_have_text(room)
    expect(pupil).to_have_url(f"{server.url}/#{quote(room)}")
    expect(teacher.locator(".panel-count")).to_have_text("2 are in")
    teacher.keyboard.press("Escape")
    say(pupil, "here I am")
    expect_once(teacher, "here I am")


def test_the_panel_offers_each_network_and_prints(people, name):
    page, _room = own_room(people, name)
    networks = ["http://192.168.1.20:8000", "http://10.0.0.7:8000"]
    body = {"status": "success", "feedback": "", "addresses": networks}
    page.route("**/site/addresses", lambda route: route.fulfill(json=body))
    page.evaluate("globalThis.print = () => (globalThis.isPrinted = true)")
    page.locator("#bring-in").click()
    address, qr = page.locator(".panel-address"), page.locator(".panel-qr svg path")
    expect(address).to_contain_text("192.168.1.20:8000/join/")
    first = qr.get_attribute("d")
    page.get_by_role("dialog").get_by_role("combobox").select_option(networks[1])
    expect(address).to_contain_text("10.0.0.7:8000/join/")
    expect(qr).not_to_have_attribute("d", first)
    page.get_by_role("dialog").get_by_role("button", name="Print").click()
    assert page.evaluate("globalThis.isPrinted")


def test_accounts_in_the_console(people, name):
    teacher_name, kim = name("mill"), name("kim")
    pupil = people.join(kim)
    wide = people.client("ﷺ" * 24 + name("w")).name  # one letter is as wide as a word
    teacher = people.page(user=teacher_name, is_teacher=True, at="/teach")
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


def test_an_unknown_part_of_the_console_is_the_list_of_people(people, name):
    teacher = people.page(user=name("reed"), is_teacher=True, at="/healthz")
    for part in ("constructor", "__proto__", "nothing"):
        teacher.goto("about:blank")
        teacher.goto(f"/teach#{part}")
        expect(teacher.get_by_role("button", name="Import a roster"), part).to_be_visible()
        teacher.get_by_role("link", name="Rooms").click()
        expect(teacher.get_by_role("button", name="Manage public"), part).to_be_visible()


@pytest.mark.usefixtures("new_site")
def test_the_last_teacher_cannot_resign(first_people, name):
    mill = name("mill")
    teacher = first_people.page(user=mill, is_teacher=True, at="/teach")
    manage = teacher.get_by_role("button", name=f"Manage {mill}")
    manage.click()
    resign = teacher.get_by_role("button", name="No longer a teacher")
    resign.click()
    resign.click()  # the one in the question
    expect(teacher.get_by_role("alert")).to_contain_text("This is the only teacher")
    teacher.keyboard.press("Escape")
    wait_for_history(teacher)
    teacher.reload()
    expect(manage).to_be_visible()
    expect(teacher.locator(".mark.teacher")).to_be_visible()


def test_a_join_code_is_replaced_or_switched_off_only_when_confirmed(people, name):
    page, _room = own_room(people, name)
    page.locator("#room-details").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Make a join code").click()
    code = dialog.locator(".room-code code")
    first = code.inner_text()
    dialog.get_by_label("Topic").fill("Levers")
    renew, off, cancel = (dialog.get_by_role("button", name=label) for label in ("New code", "Switch off", "Cancel"))
    for button in (renew, off):
        button.click()
        expect(dialog).to_contain_text("stops working at once")
        expect(cancel).to_be_focused()
        cancel.click()
        expect(button).to_be_focused()
        expect(code).to_have_text(first)
    renew.click()
    renew.click()  # the one in the question
    expect(code).not_to_have_text(first)
    off.click()
    off.click()
    expect(dialog.get_by_role("button", name="Make a join code")).to_be_visible()
    expect(dialog.get_by_label("Topic")).to_have_value("Levers")  # the input stays


def test_the_board_asks_for_a_login_and_comes_back(people, name):
    kim = name("kim")
    kims = people.client(kim)
    board = people.page(at="/board/public")
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


NO_CODES = ("%E0%A4", "%00", "x" * 300, "a/b")


def test_an_address_with_no_code_says_so_in_plain_words(people):
    page = people.page(at="/healthz")
    for code in NO_CODES:
        page.goto(f"/join/{code}")
        expect(page.locator("#login-about"), code).to_contain_text("join code is not valid")


@pytest.mark.usefixtures("new_site")
def test_a_link_that_makes_no_teacher_says_so_in_plain_words(first_people, name):
    page = first_people.page(at="/healthz")
    for number, code in enumerate(NO_CODES):
        page.context.clear_cookies()
        page.goto(f"/claim/{code}")
        register(page, name(f"kim{number}"))
        expect(page.locator(".notice.bad"), code).to_contain_text("link")


def test_every_step_of_the_teachers_guide_can_be_played(people, server, name):
    shown = []
    Course(people, server, ENGLISH, lambda _page, picture: shown.append(picture), name).play()
    assert tuple(shown) == PICTURES
