"""Conversations: live, safe, and still there later."""

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PHONE, People
from tests.e2e.steps import (
    expect_once,
    expect_stored,
    find_and_join,
    open_room,
    own_room,
    row,
    say,
    wait_for_history,
)


def test_everybody_sees_everything_live_and_once(people, name):
    anna, room = own_room(people, name)
    bert = people.join(name("bert"))
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    find_and_join(bert, room)

    say(anna, "hello from Anna")
    expect_once(bert, "hello from Anna")
    say(bert, "hello from Bert")
    expect_stored(bert, "hello from Bert")  # a page sends in its own time: Carl might be first
    carl.say("hello from Carl", room)

    for page in (anna, bert):
        expect_once(page, "hello from Anna", "hello from Bert", "hello from Carl")
    expect_stored(anna, "hello from Anna")
    assert carl.texts(room) == ["hello from Anna", "hello from Bert", "hello from Carl"]
    expect(anna.locator(".message.mine")).to_have_count(1)
    expect(anna.locator(".member.online")).to_have_count(3)


def test_messages_sent_in_a_row_keep_their_order(people, name):
    anna, _room = own_room(people, name)
    texts = [f"line {number}" for number in range(12)]
    for text in texts:
        say(anna, text)
    expect_stored(anna, texts[-1])
    expect(anna.locator(".bubble.text")).to_have_text(texts)


@pytest.fixture(scope="module")
def writer(browser, shared_server):
    """A user's page in a room of their own, which shows what the tests before have said."""
    people, tag = People(browser, shared_server), secrets.token_hex(3)
    page, _room = own_room(people, lambda stem: f"{stem}-{tag}")
    yield page
    people.finish()


def test_markup_is_shown_as_text(writer):
    anna = writer
    nasty = '<img src=x onerror="document.title=1"><b>bold</b><script>alert(1)</script>'
    say(anna, nasty)
    expect_stored(anna, nasty)
    assert anna.locator("#log b, #log script, #log img").count() == 0


def test_addresses_become_links_and_nothing_else_does(writer):
    anna = writer
    say(anna, "see https://example.org/a_(b)?c=1. and javascript:alert(1)")
    link = anna.locator(".bubble a")
    expect(link).to_have_attribute("href", "https://example.org/a_(b)?c=1")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(link).to_have_count(1)


def test_shift_enter_makes_a_line_and_enter_sends(writer):
    anna = writer
    field = anna.locator("#message-text")
    height = field.evaluate("node => node.offsetHeight")
    field.press_sequentially("one")
    field.press("Shift+Enter")
    field.press_sequentially("two")
    assert field.evaluate("node => node.offsetHeight") > height
    field.press("Enter")
    expect(anna.locator(".bubble.text").last).to_have_text("one\ntwo")
    expect(field).to_have_value("")
    assert anna.locator(".bubble.text").last.inner_text() == "one\ntwo"


def test_enter_that_chooses_a_chinese_character_does_not_send(writer):
    anna = writer
    anna.locator("#message-text").fill("ni hao")
    press = "node.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"
    anna.eval_on_selector("#message-text", f"node => {press}")
    expect(anna.locator("#message-text")).to_have_value("ni hao")
    assert anna.locator(".bubble.text").get_by_text("ni hao").count() == 0


def test_a_reload_keeps_the_conversation_the_room_and_the_draft(people, name):
    anna, room = own_room(people, name)
    say(anna, "before the reload")
    expect_stored(anna, "before the reload")
    anna.locator("#message-text").press_sequentially("half a sent")
    anna.reload()
    expect(anna.locator("#room-title")).to_have_text(room)
    expect_stored(anna, "before the reload")
    expect(anna.locator("#message-text")).to_have_value("half a sent")


def test_another_room_shows_how_much_is_unread(people, name):
    anna, room = own_room(people, name)
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    open_room(anna, "public")
    badge = row(anna, room).locator(".badge")
    expect(badge).to_be_hidden()

    carl.say("first", room)
    carl.say("second", room)
    expect(badge.locator(".badge-count")).to_have_text("2")
    expect(badge.locator(".badge-label")).to_have_text("2 unread")
    expect(anna).to_have_title(re.compile(r"\(\d+\) Commonroom"))

    # The server counts pulled messages as read; the page knows better, also after a reload.
    anna.reload()
    expect(badge.locator(".badge-count")).to_have_text("2")
    carl.say("third", room)
    expect(badge.locator(".badge-count")).to_have_text("3")

    open_room(anna, room)
    expect(badge).to_be_hidden()
    expect_once(anna, "first", "second", "third")
    expect(anna.locator(".new-line")).to_have_count(1)
    anna.reload()
    expect(anna.locator("#room-title")).to_have_text(room)
    expect(badge).to_be_hidden()


def test_a_hidden_tab_counts_in_its_title(people, name):
    anna, room = own_room(people, name)
    open_room(anna, room)
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    hide = "(state) => { Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});"
    hide += " document.dispatchEvent(new Event('visibilitychange')); }"
    anna.evaluate(hide, "hidden")
    for number in range(3):
        carl.say(f"unseen {number}", room)
    expect(row(anna, room).locator(".badge-count")).to_have_text("3")
    expect(anna).to_have_title(re.compile(r"^\(\d+\) "))
    anna.evaluate(hide, "visible")
    expect(row(anna, room).locator(".badge")).to_be_hidden()
    expect(anna.locator(".new-line")).to_have_count(1)


def test_rooms_with_odd_names_work(people, name):
    anna, carl = people.join(name("anna")), people.client(name("carl"))
    for odd in ("__proto__", f"a/b?c=d&e#f%20 {name('x')}", f"房间 一 {name('x')}"):
        carl.post("/room/create", roomname=odd)
        find_and_join(anna, odd)
        wait_for_history(anna)
        say(anna, "is this on?")
        expect_stored(anna, "is this on?")
        carl.say("it is", odd)
        expect_once(anna, "it is")
        anna.reload()
        expect(anna.locator("#room-title")).to_have_text(odd)
        expect_once(anna, "is this on?", "it is")


def test_on_a_phone_enter_makes_a_line_and_the_button_sends(people, name):
    anna = people.join(name("anna"), **PHONE)
    open_room(anna, "public")
    field = anna.get_by_label("Message", exact=True)
    expect(field).to_have_attribute("enterkeyhint", "enter")
    field.fill("first")
    field.press("Enter")
    field.type("second")
    expect(field).to_have_value("first\nsecond")
    anna.get_by_role("button", name="Send", exact=True).click()
    expect(field).to_have_value("")
    expect(anna.locator(".message .words").last).to_have_text("first second")
