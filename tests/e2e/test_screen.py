"""Sizes, languages, colours, keyboard, and screen readers."""

import re
from pathlib import Path

from playwright.sync_api import expect

from chat.errors import ErrorCode
from chat.protocols.polling.errors import TABLE
from tests.e2e.conftest import PASSWORD, PHONE
from tests.e2e.shown import CUT, FAINT, NAMELESS, expect_no_sideways_scroll
from tests.e2e.steps import drop_file, expect_stored, own_room, row, say
from tests.real_server import ROOT

# Words of the protocol, which no user has to know.
INTERNAL = re.compile(r"roomname|passwd|/room/|/user/|/chat/|client_message_id|new_message|timestamp|Base64|JSON|CHAT_")
# Failures of requests that the page does not make: they get the words of "error.unknown".
FOR_AUTHORS = {
    ErrorCode.BODY_MALFORMED,
    ErrorCode.FIELD_MISSING,
    ErrorCode.CURSOR_INVALID,
    ErrorCode.REQUEST_REFUSED,
    ErrorCode.PATH_UNKNOWN,
    ErrorCode.METHOD_NOT_ALLOWED,
    ErrorCode.HANDSHAKE_INVALID,
    ErrorCode.ROOM_LABEL_INVALID,
    ErrorCode.MESSAGE_TYPE_UNKNOWN,
    ErrorCode.MESSAGE_ID_INVALID,
    ErrorCode.INTERNAL,
}


def test_a_phone_shows_one_pane_at_a_time(people, name):
    anna, room = own_room(people, name, **PHONE)
    say(anna, "a very long word: " + "m" * 300)
    expect(anna.locator("#message-text")).to_be_in_viewport(ratio=1)
    expect(anna.locator("#send")).to_be_in_viewport(ratio=1)
    expect(anna.locator("#room-list")).to_be_hidden()
    expect_no_sideways_scroll(anna)
    anna.locator("#toggle-members").tap()
    expect(anna.locator("#members-pane")).to_be_visible()
    anna.locator("#close-members").tap()
    expect(anna.locator("#members-pane")).to_be_hidden()
    anna.locator("#toggle-members").tap()
    expect(anna.locator("#members-pane")).to_be_visible()
    anna.go_back()
    expect(anna.locator("#members-pane")).to_be_hidden()
    expect(anna.locator("#room-title")).to_have_text(room)
    anna.locator("#back").tap()
    expect(row(anna, room)).to_be_visible()
    expect(anna.locator("#composer")).to_be_hidden()
    expect_no_sideways_scroll(anna)
    row(anna, room).tap()
    expect(anna.locator("#message-text")).to_be_visible()
    anna.go_back()
    expect(row(anna, room)).to_be_visible()


def test_a_notice_takes_the_place_of_one_that_says_the_same(people):
    page = people.page()
    page.locator("#username").wait_for()
    page.evaluate(
        """async () => {
            const { notify } = await import("/static/js/ui/notices.js");
            for (const text of ["one", "two", "one", "two", "two"]) notify(text, "bad");
        }"""
    )
    expect(page.locator(".notice")).to_have_text(["one", "two"])


def test_the_first_page_fits_a_small_phone(people):
    page = people.page(viewport={"width": 320, "height": 568})
    expect(page.locator("#login-submit")).to_be_visible()
    expect_no_sideways_scroll(page)


# The second one is a window of 1280 x 800 at a zoom of 200 %.
SMALL = [{"width": 320, "height": 640}, {"width": 640, "height": 400}]


def test_a_large_font_of_the_browser_cuts_nothing(people, name):

    def enlarge(page):
        session = page.context.new_cdp_session(page)
        session.send("Page.setFontSizes", {"fontSizes": {"standard": 24, "fixed": 20}})
        assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "24px"

    def expect_whole(page):
        for size in SMALL:
            page.set_viewport_size(size)
            page.wait_for_function("(width) => innerWidth === width", arg=size["width"])
            assert page.evaluate(CUT) == [], size
            expect_no_sideways_scroll(page)

    visitor = people.page(viewport=SMALL[0], is_altered=True)
    enlarge(visitor)
    for tab in ("#tab-login", "#tab-register"):
        visitor.locator(tab).click()
        visitor.locator("#login-submit").click()
        expect_whole(visitor)
    anna, _room = own_room(people, name, viewport=SMALL[0], is_altered=True)
    enlarge(anna)
    say(anna, "one long line that has to be broken several times https://example.org/" + "m" * 80)
    expect(anna.locator("[data-state=stored]")).to_be_visible()
    expect_whole(anna)
    for opener in ("#room-details", "#toggle-members", "#back", "#find-rooms", "#create-room"):
        anna.locator(opener).click()
        expect_whole(anna)
        if opener == "#toggle-members":
            anna.locator("#close-members").click()
        anna.keyboard.press("Escape")


def test_forced_colours_mark_the_current_room(people, name):
    anna, room = own_room(people, name, forced_colors="active")
    colours = "node => [getComputedStyle(node).backgroundColor, getComputedStyle(node).borderTopColor]"
    current, other = (row(anna, each).evaluate(colours) for each in (room, "public"))
    assert current != other
    anna.evaluate("document.body.style.background = 'Highlight'")
    highlight = anna.evaluate("getComputedStyle(document.body).backgroundColor")
    assert current == [highlight, highlight]


def test_a_chinese_browser_gets_chinese_and_may_switch(people, name):
    page = people.page(locale="zh-CN")
    expect(page.locator("#login-submit")).to_have_text("登录")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.locator("#username").fill(name("nobody"))
    page.locator("#password").fill("not the one")
    page.locator("#login-submit").click()
    expect(page.locator("#login-error")).to_contain_text("用户名或密码错误")
    page.locator("#welcome .language-switch").click()
    expect(page.locator("#login-submit")).to_have_text("Log in")
    page.locator("#login-submit").click()
    expect(page.locator("#login-error")).to_contain_text("Wrong username or password")
    page.reload()
    expect(page.locator("#login-submit")).to_have_text("Log in")


def test_switching_to_chinese_changes_everything_on_the_page(people, name):
    anna, room = own_room(people, name)
    say(anna, "hello")
    anna.locator("#chat .language-switch").click()
    expect(anna.locator("#rooms-title")).to_have_text("聊天室")
    expect(anna.locator(".byline")).to_have_text("我")
    expect(anna.locator(".day")).to_have_text("今天")
    expect(anna.locator("#message-text")).to_have_attribute("placeholder", "输入消息")
    expect(anna.locator(".member-about").first).to_contain_text("创建者")
    shown = anna.locator("#chat").inner_text().replace(name("anna"), "").replace(room, "").replace("hello", "")
    assert re.findall(r"[A-Za-z]{3,}", shown) == ["Commonroom", "public", "English", "Enter", "Shift", "Enter"]


def test_dark_follows_the_system_until_the_user_chooses(people, name):
    page = people.page(color_scheme="dark")
    theme = page.locator("html")
    expect(theme).to_have_attribute("data-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(theme).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Switch to dark colours").click()
    expect(theme).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(theme).to_have_attribute("data-theme", "dark")


def test_everything_can_be_done_by_keyboard(people, name):
    page = people.page()
    page.locator("#username").wait_for()
    expect(page.locator("#username")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#login-title")).to_have_text("Create your account")
    page.keyboard.press("Tab")
    page.keyboard.type(name("kim"))
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#room-title")).to_have_text("public")
    expect(page.locator("#message-text")).to_be_focused()
    page.reload()
    expect(page.locator("#room-title")).to_have_text("public")
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#find-rooms")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type(name("by keyboard"))
    page.keyboard.press("Enter")
    expect(page.locator("#room-title")).to_have_text(name("by keyboard"))
    expect(page.locator("#message-text")).to_be_focused()
    page.keyboard.type("no mouse")
    page.keyboard.press("Enter")
    expect_stored(page, "no mouse")


def expect_contrast(page):
    try:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("html")).to_have_attribute("data-theme", scheme)
            assert page.evaluate(FAINT) == [], scheme
    finally:
        page.emulate_media(color_scheme="light")  # as the next test finds it


def test_everything_has_a_name_and_enough_contrast(people, name):
    visitor = people.page()
    visitor.locator("#tab-register").click()
    assert visitor.evaluate(NAMELESS) == []
    expect_contrast(visitor)
    anna, room = own_room(people, name)
    say(anna, "hello https://example.org")
    drop_file(anna, "#message-text", "paste")
    expect(anna.locator(".picture img")).to_be_visible()
    carl = people.client(name("carl"))
    carl.say("one unread")
    expect(row(anna, "public").locator(".badge")).to_be_visible()
    for opener in (None, "#find-rooms", "#create-room", "#room-details", ".picture"):
        if opener:
            anna.locator(opener).click()
            expect(anna.get_by_role("dialog")).to_be_visible()
        assert anna.evaluate(NAMELESS) == []
        if not opener:
            expect_contrast(anna)
        else:
            anna.keyboard.press("Escape")
    log = anna.get_by_role("log", name=f"Conversation in {room}")
    expect(log).to_have_attribute("aria-live", "polite")
    assert anna.locator("[role=status]#connection").count() == 1


def test_the_welcome_page_of_a_phone_has_no_hole(people):
    page = people.page(**PHONE)
    page.locator("#username").wait_for()
    for width in (320, 375):
        page.set_viewport_size({"width": width, "height": 740})
        page.wait_for_function("(width) => innerWidth === width", arg=width)
        logo, title = (page.locator(part).bounding_box() for part in (".welcome-logo", ".welcome h1"))
        assert title["x"] - (logo["x"] + logo["width"]) < 20, width
        expect_no_sideways_scroll(page)


def test_nothing_is_refused_from_the_first_visit_to_the_log_out(people, name):
    page = people.page(at="/healthz", is_altered=True)
    seen = []
    page.on("console", lambda message: seen.append(message.text))
    page.on("response", lambda answer: seen.append(answer.url) if answer.status >= 400 else None)
    page.goto("/teach")
    page.get_by_role("link", name="To the log-in").click()
    page.locator("#tab-register").click()
    page.locator("#username").fill(name("anna"))
    page.locator("#password").fill(PASSWORD)
    page.locator("#password").press("Enter")
    expect(page.locator("#room-title")).to_have_text("public")
    say(page, name("hello"))
    expect_stored(page, name("hello"))
    page.locator("#logout").click()
    expect(page.locator("#login-submit")).to_be_visible()
    page.locator("#username").fill(name("anna"))
    page.locator("#password").fill(PASSWORD)
    page.locator("#password").press("Enter")
    expect(page.locator("#room-title")).to_have_text("public")
    page.locator("#logout").click()
    expect(page.locator("#login-submit")).to_be_visible()
    assert seen == []


def test_logging_out_ends_it(people, name):
    anna, room = own_room(people, name)
    anna.locator("#logout").click()
    expect(anna.locator("#login-submit")).to_be_visible()
    anna.reload()
    expect(anna.locator("#login-submit")).to_be_visible()
    anna.locator("#username").fill(name("anna"))
    anna.locator("#password").fill(PASSWORD)
    anna.locator("#login-submit").click()
    expect(row(anna, room)).to_be_visible()


def test_every_text_exists_in_both_languages(people):
    page = people.page()
    strings = page.evaluate("async () => (await import('/static/js/lib/i18n.js')).STRINGS")
    for key, texts in strings.items():
        assert len(texts) == 2, key
        assert all(isinstance(text, str) and text.strip() for text in texts), key
        values = [set(re.findall(r"\{\w+\}", text)) for text in texts]
        assert values[0] == values[1] or key.endswith(".one"), key
        assert not re.search(r"[一-鿿]", texts[0].replace("中文", "")), key
    for key, texts in strings.items():
        assert not INTERNAL.search(" ".join(texts)), key
    told = {f"error.{code.name}" for code in TABLE} - {f"error.{code.name}" for code in FOR_AUTHORS}
    assert told - strings.keys() == set()
    web = ROOT / "chat" / "web"
    sources = [*Path(web, "static", "js").rglob("*.js"), *Path(web, "templates").glob("*.html")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    used = set(re.findall(r'\bt\("([\w.]+)"|data-i18n(?:-\w+)?="([\w.]+)"', code))
    assert {a or b for a, b in used} - strings.keys() == set()


def test_the_page_brings_everything_itself(people, name):
    page = people.page(at="/healthz", is_altered=True)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    page.locator("#username").wait_for()
    assert {"main.css", "early.js", "main.js"} <= {url.rpartition("/")[2] for url in asked}
    assert all(url.startswith(page.url.rstrip("/")) for url in asked)
    for path in Path(ROOT, "chat", "web", "static", "js").rglob("*.js"):
        code = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", code), path.name
