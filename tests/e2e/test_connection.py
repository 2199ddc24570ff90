"""The connection breaks and returns: nothing is lost, nothing is duplicated."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PASSWORD
from tests.e2e.steps import bubbles, expect_once, expect_stored, open_room, own_room, say, wait_for


def test_it_heals_when_the_server_comes_back(people, name, server):
    people.may_lose_network = True
    anna, room = own_room(people, name)
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    say(anna, "before")
    expect_stored(anna, "before")

    server.stop()
    expect(anna.locator("#connection")).to_have_text("Reconnecting…")
    say(anna, "meanwhile")
    state = anna.locator(".message", has=bubbles(anna, "meanwhile"))
    expect(state).to_have_attribute("data-state", "failed")
    expect(state.get_by_role("button", name="Retry")).to_be_visible()

    server.start()
    expect(state).to_have_attribute("data-state", "stored", timeout=40_000)
    expect_stored(anna, "meanwhile")
    expect(anna.locator("#connection")).not_to_have_text("Reconnecting…")
    carl.say("after", room)
    expect_once(anna, "before", "meanwhile", "after")
    assert carl.texts(room) == ["before", "meanwhile", "after"]


def test_a_quick_restart_loses_and_doubles_nothing(people, name, server):
    people.may_lose_network = True
    anna, room = own_room(people, name)
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    say(anna, "before")
    expect_stored(anna, "before")
    server.restart()
    carl.say("after", room)
    say(anna, "and after")
    expect_once(anna, "before", "after")
    expect_stored(anna, "and after")
    assert carl.texts(room) == ["before", "after", "and after"]


def test_an_answer_lost_on_the_way_does_not_double_the_message(people, name):
    people.may_lose_network = True
    anna, _room = own_room(people, name)
    sent_ids = []

    def lose_the_answer(route):
        sent_ids.append(route.request.post_data_json["new_message"]["client_message_id"])
        if len(sent_ids) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    # The pull waits too: otherwise it would bring the message before anything could be tried again.
    anna.route("**/chat/pull*", lambda route: route.abort())
    anna.evaluate("window.dispatchEvent(new Event('online'))")
    expect(anna.locator("#connection")).to_have_text("Reconnecting…")
    anna.route("**/chat/send", lose_the_answer)
    say(anna, "only once")
    anna.get_by_role("button", name="Retry").click()
    expect(anna.locator(".message", has=bubbles(anna, "only once"))).to_have_attribute("data-state", "sent")
    anna.unroute("**/chat/pull*")
    expect_stored(anna, "only once")
    assert len(sent_ids) == 2
    assert len(set(sent_ids)) == 1


def test_the_pull_may_be_faster_than_the_answer_to_sending(people, name):
    anna, room = own_room(people, name)
    held = []
    anna.route("**/chat/send", lambda route: held.append((route, route.fetch())))
    say(anna, "overtaken")
    expect_stored(anna, "overtaken")
    wait_for(anna, lambda: held, "the pull's answer may come before the intercepted one is handed to us")
    route, response = held[0]
    route.fulfill(response=response)
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    carl.say("next", room)
    expect_once(anna, "next", "overtaken")
    expect_stored(anna, "overtaken")


def test_unsent_messages_survive_a_reload_and_can_be_discarded(people, name):
    people.may_lose_network = True
    anna, _room = own_room(people, name)
    anna.route("**/chat/send", lambda route: route.abort())
    say(anna, "kept")
    say(anna, "thrown away")
    expect(anna.locator("[data-state=failed]")).to_have_count(2)
    anna.locator(".message", has=bubbles(anna, "thrown away")).get_by_role("button", name="Discard").click()
    expect(bubbles(anna, "thrown away")).to_have_count(0)
    anna.unroute("**/chat/send")
    anna.reload()
    expect_stored(anna, "kept")
    expect(bubbles(anna, "thrown away")).to_have_count(0)


def test_a_refused_message_says_why_and_can_be_edited(people, name):
    anna, _room = own_room(people, name)
    refusal = {"status": "failure", "feedback": "words for programmers", "code": "NEVER_HEARD_OF"}
    anna.route("**/chat/send", lambda route: route.fulfill(status=400, json=refusal))
    say(anna, "refused")
    failed = anna.locator("[data-state=failed]")
    expect(failed.locator(".state")).to_contain_text(
        "This did not work. Try again; if it happens again, tell your teacher this word: NEVER_HEARD_OF"
    )
    failed.get_by_role("button", name="Edit").click()
    expect(anna.locator("#message-text")).to_have_value("refused")
    expect(anna.locator(".bubble")).to_have_count(0)


def test_a_session_that_ended_leads_to_the_login_and_keeps_the_draft(people, name):
    anna, room = own_room(people, name)
    anna.locator("#message-text").press_sequentially("unfinished")
    anna.context.clear_cookies()
    anna.locator("#find-rooms").click()
    anna.evaluate("window.dispatchEvent(new Event('online'))")
    expect(anna.locator("#login-reason")).to_contain_text("session has ended")
    expect(anna.locator("#username")).to_have_value(name("anna"))
    anna.locator("#password").fill(PASSWORD)
    anna.locator("#password").press("Enter")
    expect(anna.locator("#room-title")).to_have_text(room)
    expect(anna.locator("#message-text")).to_have_value("unfinished")
    say(anna, "finished")
    expect_stored(anna, "finished")


def test_a_tab_that_slept_asks_again(people, name):
    """A connection that died silently: the pull in flight never answers, and waking is enough."""
    anna, room = own_room(people, name, is_altered=True)
    anna.clock.install()
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    anna.route("**/chat/pull*", lambda route: None)
    anna.evaluate("window.dispatchEvent(new Event('online'))")
    carl.say("while asleep", room)
    anna.unroute("**/chat/pull*")
    anna.clock.fast_forward(60_000)
    anna.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect_once(anna, "while asleep")


def test_there_is_never_more_than_one_pull_and_no_tight_loop(people, name):
    anna, _room = own_room(people, name, is_altered=True)
    say(anna, "all about the new room is asked for")
    expect_stored(anna, "all about the new room is asked for")
    pulls = {"open": 0, "most": 0, "count": 0}

    def begun(request):
        if "/chat/pull" in request.url:
            pulls["open"] += 1
            pulls["count"] += 1
            pulls["most"] = max(pulls["most"], pulls["open"])

    def ended(request):
        if "/chat/pull" in request.url:
            pulls["open"] -= 1

    anna.on("request", begun)
    anna.on("requestfinished", ended)
    anna.on("requestfailed", ended)
    for number in range(5):
        say(anna, f"message {number}")
        expect_stored(anna, f"message {number}")
    assert pulls["most"] <= 1
    assert pulls["count"] <= 6


REFUSED = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
FORBIDDEN = """for (const name of ['localStorage', 'sessionStorage']) {
    Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError'); } });
}"""
STRANGE = "localStorage.setItem('commonroom.lease', '\"of another program\"');"


@pytest.mark.parametrize("script", [REFUSED, FORBIDDEN, STRANGE], ids=["full", "forbidden", "strange"])
def test_drafts_and_messages_do_not_need_the_browsers_storage(people, name, script):
    room = name("room")
    anna = people.page(user=name("anna"), room=room, at="/healthz", is_altered=True)
    anna.context.add_init_script(script)
    anna.goto(f"/#{room}")
    say(anna, "hello")
    expect_stored(anna, "hello")
    anna.locator("#message-text").fill("half a thought")
    open_room(anna, "public")
    expect(anna.locator("#message-text")).to_have_value("")
    open_room(anna, room)
    expect(anna.locator("#message-text")).to_have_value("half a thought")
