"""Older messages come on scrolling, and the page holds a window of them."""

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from tests.e2e.steps import bubbles, expect_once, open_room, own_room, row


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
    anna = people.join(name("anna"), joins=[room])
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
    anna = people.join(name("anna"), viewport={"width": 390, "height": 844}, is_altered=True)
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


SCROLL = """async (log, [to, selector, text]) => { // until a node with the text is there; gives the most messages
    let most = 0;
    const isThere = () => [...log.querySelectorAll(selector)].some((node) => node.textContent.includes(text));
    const count = () => (most = Math.max(most, log.querySelectorAll(".message").length));
    const observer = new MutationObserver(count);
    observer.observe(log, { childList: true, subtree: true });
    while (!isThere()) {
        log.scrollTop = to === "top" ? 0 : log.scrollHeight;
        await new Promise(requestAnimationFrame);
    }
    observer.disconnect();
    return most;
}"""


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
    assert log.evaluate(SCROLL, ["top", ".log-head", "begins"]) <= 200
    log.evaluate("node => { node.scrollTop = 0; }")
    expect(shown.get_by_text("no. 0", exact=True)).to_be_visible()
    assert anna.locator("#log .message", has_text="no. 699").count() == 0
    bert.say("while she reads", room)
    expect(anna.locator("#jump")).to_contain_text("1")
    assert log.evaluate(SCROLL, ["end", ".message", "while she reads"]) <= 200
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


def test_a_deletion_at_an_end_of_the_window_moves_nothing(people, name):
    anna, room = own_room(people, name)
    clients = [people.client(name(f"bert{number}")) for number in range(5)]  # in bursts of 60 each
    for client in clients:
        client.post("/room/join", roomname=room)
    for number in range(260):
        clients[number % 5].say(f"no. {number}", room)
    anna.reload()
    log, shown = anna.locator("#log"), anna.locator("#log .message .words")
    expect(bubbles(anna, "no. 259")).to_be_in_viewport()
    while bubbles(anna, "no. 0").count() == 0:
        log.evaluate("node => { node.scrollTop = 0; }")
        frames_later(anna)
    log.evaluate("node => { node.scrollTop = 1000; }")
    frames_later(anna)
    texts = shown.all_text_contents()
    assert (len(texts), texts[0]) == (200, "no. 0")
    position = "(node) => node.getBoundingClientRect().top"
    read = bubbles(anna, "no. 30")
    before = read.evaluate(position)
    history = clients[0].get("/chat/history", roomname=room, limit=500, detail=1)["messages"]
    ids = {found["content"]: found["id"] for found in history}
    for text in (texts[-1], texts[0], texts[10]):
        anna.request.post("/chat/delete", data={"roomname": room, "id": ids[text]})
        expect(bubbles(anna, text)).to_have_count(0)
        assert abs(read.evaluate(position) - before) < 2, text
