"""Conversations: live, safe, and still there later."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.e2e.steps import bubbles, expect_once, expect_stored, open_room, own_room, row, say


def test_everybody_sees_everything_live_and_once(people, name):
    anna, room = own_room(people, name)
    bert = people.join(name("bert"))
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    bert.locator("#find-rooms").click()
    bert.get_by_role("button", name=f"Join {room}").click()
    expect(bert.locator("#room-title")).to_have_text(room)

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


def test_markup_is_shown_as_text(people, name):
    anna, _room = own_room(people, name)
    nasty = '<img src=x onerror="document.title=1"><b>bold</b><script>alert(1)</script>'
    say(anna, nasty)
    expect_stored(anna, nasty)
    assert anna.locator("#log b, #log script, #log img").count() == 0


def test_addresses_become_links_and_nothing_else_does(people, name):
    anna, _room = own_room(people, name)
    say(anna, "see https://example.org/a_(b)?c=1. and javascript:alert(1)")
    link = anna.locator(".bubble a")
    expect(link).to_have_attribute("href", "https://example.org/a_(b)?c=1")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(link).to_have_count(1)


def test_shift_enter_makes_a_line_and_enter_sends(people, name):
    anna, _room = own_room(people, name)
    field = anna.locator("#message-text")
    height = field.evaluate("node => node.offsetHeight")
    field.press_sequentially("one")
    field.press("Shift+Enter")
    field.press_sequentially("two")
    assert field.evaluate("node => node.offsetHeight") > height
    field.press("Enter")
    expect(anna.locator(".bubble.text")).to_have_text("one\ntwo")
    expect(field).to_have_value("")
    assert anna.locator(".bubble.text").inner_text() == "one\ntwo"


def test_enter_that_chooses_a_chinese_character_does_not_send(people, name):
    anna, _room = own_room(people, name)
    anna.locator("#message-text").fill("ni hao")
    press = "node.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"
    anna.eval_on_selector("#message-text", f"node => {press}")
    expect(anna.locator("#message-text")).to_have_value("ni hao")
    assert anna.locator(".bubble.text").count() == 0


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


def test_older_messages_come_on_scrolling_up(people, name):
    carl = people.client(name("carl"))
    room = name("long")
    carl.post("/room/create", roomname=room)
    # One user may send 20 a second, in bursts of 60.
    second = people.client(name("dora"))
    third = people.client(name("eli"))
    for client in (second, third):
        client.post("/room/join", roomname=room)
    texts = [f"message {number:03}" for number in range(120)]
    for number, text in enumerate(texts):
        (carl, second, third)[number % 3].say(text, room)
    anna = people.join(name("anna"))
    anna.goto(f"/#{room}")
    anna.get_by_role("dialog").get_by_role("button", name="Join").click()
    expect_once(anna, texts[-1])
    expect(bubbles(anna, texts[-1])).to_be_in_viewport()
    assert bubbles(anna, texts[0]).count() == 0

    top = "document.querySelector('#log').scrollTop"
    anna.locator("#log").evaluate("node => { node.scrollTop = 0; }")
    expect_once(anna, texts[65])
    # Messages on screen stay in place although 50 were inserted above.
    assert anna.evaluate(top) > 200
    while bubbles(anna, texts[0]).count() == 0:
        count = anna.locator(".bubble").count()
        anna.locator("#log").evaluate("node => { node.scrollTop = 0; }")
        anna.wait_for_function("count => document.querySelectorAll('.bubble').length > count", arg=count)
    assert anna.locator(".bubble.text").all_text_contents() == texts
    expect(anna.locator(".log-head")).to_contain_text("begins")

    # Somebody speaks while one reads above: nothing jumps, a button leads down.
    before = anna.evaluate(top)
    carl.say("news", room)
    expect(anna.locator("#jump")).to_have_text("1 new message")
    assert anna.evaluate(top) == before
    anna.locator("#jump").click()
    expect(bubbles(anna, "news")).to_be_in_viewport()
    expect(anna.locator("#jump")).to_be_hidden()

    # A long text is pasted, and removed again: the newest message stays above it.
    for text in ("a line\n" * 20, "", "a line\n" * 20):
        anna.locator("#message-text").fill(text)
        frames_later(anna)
        expect(anna.locator("#jump")).to_be_hidden()
        expect(bubbles(anna, "news")).to_be_in_viewport(ratio=1)


def frames_later(page):
    """Wait until the page has been painted, with what follows from a change of its size."""
    frame = "new Promise((drawn) => requestAnimationFrame(drawn))"
    page.evaluate(f"async () => {{ for (let count = 0; count < 3; count += 1) await {frame}; }}")


def test_messages_arriving_while_history_loads_are_not_lost(people, name):
    anna, room = own_room(people, name)
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    carl.say("old", room)
    open_room(anna, "public")
    anna.reload()
    held = []
    anna.route(re.compile(f"/chat/history.*{room}"), lambda route: held.append((route, route.fetch())))
    with anna.expect_response("**/chat/pull*"):
        open_room(anna, room)
        anna.wait_for_function("() => document.querySelector('.log-head')")
        while not held:
            anna.evaluate("() => new Promise(requestAnimationFrame)")
        carl.say("new", room)
    expect_once(anna, "new")
    route, response = held[0]
    route.fulfill(response=response)
    expect_once(anna, "old", "new")


def test_a_phone_that_shows_the_list_does_not_fetch_all_history(people, name):
    carl = people.client(name("carl"))
    room = name("long")
    carl.post("/room/create", roomname=room)
    for number in range(55):
        carl.say(f"message {number}", room)
    anna = people.join(name("anna"), viewport={"width": 390, "height": 844})
    anna.request.post("/room/join", data={"roomname": room})
    anna.request.post("/room/leave", data={"roomname": "public"})
    asked = []
    anna.on("request", lambda request: asked.append(request.url))
    anna.evaluate("history.replaceState(null, '', '/')")
    anna.reload()
    row(anna, room).click()
    expect_once(anna, "message 54")
    expect(bubbles(anna, "message 54")).to_be_in_viewport()
    assert sum("/chat/history" in url for url in asked) == 1


@pytest.mark.parametrize("room", ["__proto__", "a/b?c=d&e#f%20", "房间 一"])
def test_rooms_with_odd_names_work(people, name, room):
    anna = people.join(name("anna"))
    odd = f"{room} {name('x')}" if room != "__proto__" else room
    carl = people.client(name("carl"))
    carl.post("/room/create", roomname=odd)
    anna.locator("#find-rooms").click()
    anna.get_by_role("button", name=f"Join {odd}").click()
    expect(anna.locator("#room-title")).to_have_text(odd)
    say(anna, "is this on?")
    expect_stored(anna, "is this on?")
    carl.say("it is", odd)
    expect_once(anna, "it is")
    anna.reload()
    expect(anna.locator("#room-title")).to_have_text(odd)
    expect_once(anna, "is this on?", "it is")


def test_the_page_holds_a_window_of_messages_however_far_one_scrolls(people, name):
    """Of 700 older messages no more than 200 are on the page, and one that comes touches no other."""
    anna, room = own_room(people, name)
    bert = people.client(name("bert"))
    bert.post("/room/join", roomname=room)
    total = 700

    def history(route):
        query = parse_qs(urlsplit(route.request.url).query)
        before = query.get("before", [""])[0]
        end = int(before[20:26]) if before.startswith("2026-01-01") else total
        messages = [
            {
                "user": bert.name,
                "type": "text",
                "content": f"no. {number}",
                "id": -total + number,
                "nickname": bert.name,
            }
            | {
                "timestamp": f"2026-01-01T00:00:00.{number:06}Z",
                "avatar": "",
                "reply_to": None,
                "client_message_id": None,
            }
            for number in range(max(0, end - 50), end)
        ]
        more = bool(messages) and end > 50
        route.fulfill(json={"status": "success", "feedback": "", "messages": messages, "more": more})

    anna.route("**/chat/history?*", history)
    anna.reload()
    open_room(anna, room)
    log, shown = anna.locator("#log"), anna.locator("#log .message")
    expect(shown.get_by_text("no. 699", exact=True)).to_be_visible()
    while anna.locator(".log-head", has_text="begins").count() == 0:
        log.evaluate("node => { node.scrollTop = 0; }")
        anna.wait_for_timeout(20)
        assert shown.count() <= 200
    log.evaluate("node => { node.scrollTop = 0; }")
    expect(shown.get_by_text("no. 0", exact=True)).to_be_visible()
    assert anna.locator("#log .message", has_text="no. 699").count() == 0
    bert.say("while she reads", room)
    expect(anna.locator("#jump")).to_contain_text("1")
    while anna.locator("#log .message", has_text="while she reads").count() == 0:
        log.evaluate("node => { node.scrollTop = node.scrollHeight; }")
        anna.wait_for_timeout(20)
        assert shown.count() <= 200
    log.evaluate("node => { node.scrollTop = node.scrollHeight; }")

    log.evaluate("""node => {
        globalThis.touched = new Set();
        const note = (changes) => changes.forEach((change) => {
            for (const one of [change.target, ...change.addedNodes, ...change.removedNodes]) {
                const message = one.closest?.(".message");
                if (message) globalThis.touched.add(message);
            }
        });
        const all = {childList: true, subtree: true, attributes: true, characterData: true};
        new MutationObserver(note).observe(node, all);
    }""")
    bert.say("one more", room)
    expect(shown.get_by_text("one more", exact=True)).to_be_visible()
    touched = anna.evaluate("globalThis.touched.size")
    assert touched <= 4, "the new one, the one that goes, the one after it, and the one that is now far from the end"
    assert shown.count() <= 200


def test_on_a_phone_enter_makes_a_line_and_the_button_sends(people, name):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    anna = people.join(name("anna"), **phone)
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
