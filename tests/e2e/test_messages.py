"""Actions on messages: edit, delete, react, reply; by mouse, keyboard and touch."""

import re

from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.conftest import PASSWORD
from tests.e2e.steps import (
    ASKS_BEFORE_LEAVING,
    bubbles,
    expect_stored,
    open_room,
    own_room,
    row,
    say,
    wait_for,
)


def message(page: Page, text: str) -> Locator:
    return page.locator(".message", has=bubbles(page, text))


def tool(page: Page, text: str, name: str) -> None:
    """Use one of the tools that appear when the pointer is over the message."""
    message(page, text).locator(".bubble").hover()
    page.locator(".message-tools").get_by_role("button", name=name, exact=True).click()


def two_in_a_room(people, name):
    anna, room = own_room(people, name)
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    bert = people.join(name("bert"), joins=[room])
    expect(bert.locator("#room-title")).to_have_text(room)
    return anna, bert, carl, room


def newest(client, room: str) -> int:
    return int(client.get("/chat/history", roomname=room, limit=1, detail=1)["messages"][-1]["id"])


def test_an_edit_shows_everywhere_in_its_place(people, name):
    anna, bert, _, _ = two_in_a_room(people, name)
    say(anna, "frist")
    expect_stored(anna, "frist")
    say(anna, "second")
    expect_stored(anna, "second")
    tool(anna, "frist", "Edit")
    editor = anna.locator(".editor textarea")
    expect(editor).to_be_focused()
    editor.fill("first")
    editor.press("Enter")
    for page in (anna, bert):
        expect(page.locator(".bubble.text")).to_have_text(["first", "second"])
        expect(message(page, "first").locator(".when")).to_contain_text("edited")
    anna.reload()
    expect(message(anna, "first").locator(".when")).to_contain_text("edited")


def test_an_edit_that_is_refused_stays_open_and_escape_gives_it_up(people, name):
    anna, _room = own_room(people, name)
    say(anna, "one")
    expect_stored(anna, "one")
    tool(anna, "one", "Edit")
    people.may_lose_network = True
    assert not anna.evaluate(ASKS_BEFORE_LEAVING)
    anna.locator(".editor textarea").fill("x" * 4001)
    assert anna.evaluate(ASKS_BEFORE_LEAVING)
    anna.locator(".editor textarea").press("Enter")
    expect(anna.locator(".editor [role=alert]")).to_contain_text("4000")
    anna.locator(".editor textarea").press("Escape")
    expect(bubbles(anna, "one")).to_be_visible()
    assert not anna.evaluate(ASKS_BEFORE_LEAVING)


def test_an_edit_is_there_again_when_its_message_is(people, name):
    anna, room = own_room(people, name, from_lobby=True)
    say(anna, "one")
    expect_stored(anna, "one")
    tool(anna, "one", "Edit")
    area = anna.locator(".editor textarea")
    for way, text in (("going back", "one and"), ("another room", "one and a"), ("the session ends", "one and a half")):
        area.fill(text)
        if way == "the session ends":
            assert anna.request.post("/user/logout", data={}).ok
            anna.locator("#password").fill(PASSWORD)
            anna.locator("#password").press("Enter")
            expect(anna.locator("body")).to_have_attribute("data-connection", "online")
        else:
            if way == "going back":
                anna.go_back()
                expect(anna.locator("#room-title")).to_have_text("public")
            else:
                open_room(anna, "public")
            expect(anna.locator(".editor"), way).to_have_count(0)
            assert anna.evaluate(ASKS_BEFORE_LEAVING), way
            open_room(anna, room)
        expect(area, way).to_be_visible()
        expect(area, way).to_have_value(text)
    area.press("Enter")
    expect_stored(anna, "one and a half")
    assert not anna.evaluate(ASKS_BEFORE_LEAVING)


def test_a_text_of_a_program_is_unchanged_until_it_is_edited(people, name):
    anna, room = own_room(people, name)
    text = "\n  one\r\ntwo \n"
    said = {"roomname": room, "new_message": {"type": "text", "content": text}}
    assert anna.request.post("/chat/send", data=said).ok
    tool(anna, "one two", "Edit")
    assert not anna.evaluate(ASKS_BEFORE_LEAVING)
    area = anna.locator(".editor textarea")
    area.press("Enter")
    expect(area).to_have_count(0)
    expect(anna.locator(".message .when")).not_to_contain_text("edited")
    tool(anna, "one two", "Edit")
    area.press("End")
    area.type("!")
    assert anna.evaluate(ASKS_BEFORE_LEAVING)
    area.press("Enter")
    expect(area).to_have_count(0)
    expect(anna.locator(".message .when")).to_contain_text("edited")
    (stored,) = anna.request.get(f"/chat/history?roomname={room}&detail=1&changes=1").json()["messages"][:1]
    assert stored["content"] == "  one\ntwo \n!"


def test_a_deleted_message_is_gone_within_a_second_and_its_badge_too(people, name):
    anna, bert, carl, room = two_in_a_room(people, name)
    carl.say("oops", room)
    expect(bubbles(bert, "oops")).to_be_visible()
    open_room(bert, "public")
    carl.say("and again", room)
    expect(row(bert, room).locator(".badge-count")).to_have_text("1")
    expect(bubbles(anna, "and again")).to_be_visible()
    carl.post("/chat/delete", roomname=room, id=newest(carl, room))
    expect(bubbles(anna, "and again")).to_have_count(0, timeout=3000)
    expect(row(bert, room).locator(".badge")).to_be_hidden(timeout=3000)
    tool(anna, "oops", "Delete")  # she owns the room
    anna.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(bubbles(anna, "oops")).to_have_count(0)
    assert carl.texts(room) == []


def test_reactions_count_and_show_whose(people, name):
    anna, bert, carl, room = two_in_a_room(people, name)
    carl.say("look", room)
    expect(bubbles(anna, "look")).to_be_visible()
    tool(anna, "look", "React")
    anna.locator(".emoji-grid button").first.click()
    carl.post("/chat/react", roomname=room, id=newest(carl, room), emoji="👍")
    mine, others = (message(page, "look").locator(".reaction") for page in (anna, bert))
    expect(mine).to_have_text("👍2")
    expect(mine).to_have_attribute("aria-pressed", "true")
    expect(others).to_have_attribute("aria-pressed", "false")
    others.click()
    expect(mine).to_have_text("👍3")
    mine.click()
    expect(mine).to_have_text("👍2")
    expect(mine).to_have_attribute("aria-pressed", "false")


def test_a_reaction_that_is_no_emoji_is_told_and_not_shown(people, name):
    anna, room = own_room(people, name)
    say(anna, "look")
    expect_stored(anna, "look")
    anna.route(
        "**/chat/react", lambda route: route.continue_(post_data={**route.request.post_data_json, "emoji": "ha"})
    )
    tool(anna, "look", "React")
    anna.locator(".emoji-grid button").first.click()
    expect(anna.locator(".notice.bad")).to_have_text("A reaction is one emoji.")
    expect(message(anna, "look").locator(".reaction")).to_have_count(0)
    answer = anna.request.get("/chat/history", params={"roomname": room, "detail": 1}).json()
    assert not answer["messages"][0].get("reactions")


def test_a_reply_shows_what_it_answers_and_leads_there(people, name):
    anna, bert, carl, room = two_in_a_room(people, name)
    carl.say("the question", room)
    for number in range(30):
        carl.say(f"line {number}", room)
    expect(bubbles(anna, "line 29")).to_be_visible()
    message(anna, "the question").scroll_into_view_if_needed()
    tool(anna, "the question", "Reply")
    expect(anna.locator("#reply-bar")).to_contain_text("the question")
    say(anna, "the answer")
    expect(anna.locator("#reply-bar")).to_be_hidden()
    expect(bert.locator(".quote")).to_contain_text("the question")
    bert.locator(".quote").click()
    expect(message(bert, "the question")).to_be_focused()
    expect(message(bert, "the question")).to_be_in_viewport()
    assert carl.get("/chat/history", roomname=room, limit=1, detail=1)["messages"][0]["reply_to"]


def test_who_types_is_shown(people, name):
    anna, bert, _, _ = two_in_a_room(people, name)
    bert.locator("#message-text").press_sequentially("hm")
    expect(anna.locator("#typing")).to_have_text(re.compile(r"^bert.* is typing…$"))
    bert.locator("#message-text").press("Enter")
    expect(anna.locator("#typing")).to_have_text("")
    expect(bert.locator("#typing")).to_have_text("")


def test_the_tools_by_keyboard(people, name):
    anna, _room = own_room(people, name)
    for text in ("one", "two"):
        say(anna, text)
        expect_stored(anna, text)
    anna.locator("#log").focus()
    anna.keyboard.press("Tab")
    expect(message(anna, "two")).to_be_focused()
    anna.keyboard.press("ArrowUp")
    expect(message(anna, "one")).to_be_focused()
    message(anna, "two").locator(".bubble").hover()  # as one that comes below a pointer that rests
    anna.mouse.move(5, 5)  # or leaves it
    for label in ("React", "Reply", "Seen by", "Pin", "Edit", "Delete"):
        anna.keyboard.press("Tab")
        expect(anna.get_by_role("button", name=label, exact=True)).to_be_focused()
    anna.keyboard.press("Escape")
    expect(message(anna, "one")).to_be_focused()


def test_the_neighbour_of_a_deleted_message_gets_the_focus(people, name):
    anna, room = own_room(people, name)
    for text in ("one", "two", "three"):
        say(anna, text)
        expect_stored(anna, text)
    anna.locator("#log").focus()
    anna.keyboard.press("Tab")
    anna.keyboard.press("ArrowUp")
    expect(message(anna, "two")).to_be_focused()
    held: list[Route] = []
    anna.route("**/chat/delete", lambda route: held.append(route))
    anna.locator(".message-tools").get_by_role("button", name="Delete", exact=True).press("Enter")
    anna.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).press("Enter")
    wait_for(anna, lambda: held, "the request")
    answer = held[0].fetch()
    expect(message(anna, "two")).to_have_count(0)  # while the question is still shown
    held[0].fulfill(response=answer)
    expect(message(anna, "three")).to_be_focused()
    anna.unroute("**/chat/delete")

    last = anna.request.get("/chat/history", params={"roomname": room, "limit": 1, "detail": 1}).json()
    anna.request.post("/chat/delete", data={"roomname": room, "id": last["messages"][-1]["id"]})
    expect(message(anna, "three")).to_have_count(0)  # as if somebody else had deleted it
    expect(message(anna, "one")).to_be_focused()
    anna.keyboard.press("Tab")
    expect(anna.get_by_role("button", name="React", exact=True)).to_be_focused()


def test_a_message_that_is_sent_again_keeps_the_focus(people, name):
    anna, _room = own_room(people, name)
    say(anna, "one")
    expect_stored(anna, "one")
    refusal = {"status": "failure", "feedback": "", "code": "FORBIDDEN"}
    anna.route("**/chat/send", lambda route: route.fulfill(status=403, json=refusal))
    say(anna, "two")
    retry = message(anna, "two").get_by_role("button", name="Retry")
    expect(retry).to_be_visible()
    anna.unroute("**/chat/send")
    retry.press("Enter")
    expect_stored(anna, "two")
    expect(message(anna, "two")).to_be_focused()


def test_the_tools_by_a_long_press(people, name):
    anna, _room = own_room(people, name, viewport={"width": 375, "height": 740}, has_touch=True, is_mobile=True)
    say(anna, "pressed")
    expect_stored(anna, "pressed")
    point = {"bubbles": True, "pointerType": "touch", "clientX": 200, "clientY": 300}
    bubbles(anna, "pressed").dispatch_event("pointerdown", point)
    sheet = anna.get_by_role("dialog")
    sheet.get_by_role("button", name="Edit", exact=True).click()
    anna.locator(".editor textarea").fill("edited by finger")
    anna.locator(".editor").get_by_role("button", name="Save").click()
    expect_stored(anna, "edited by finger")


def test_code_is_copied_also_where_there_is_no_clipboard(people, name):
    anna, _room = own_room(people, name, permissions=["clipboard-read", "clipboard-write"])
    code = "if a < b:\n    print('<b>')"
    anna.evaluate("(text) => (document.getElementById('message-text').value = text)", f"```\n{code}\n```")
    anna.locator("#message-text").press("Enter")
    expect(anna.locator(".code pre")).to_have_text(code)
    copy = anna.get_by_role("button", name="Copy the code")
    for is_secure in (True, False):
        anna.evaluate("() => navigator.clipboard.writeText('something else')")
        if not is_secure:
            anna.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
            anna.locator("#message-text").focus()
            anna.locator("#notices").evaluate("(notices) => notices.replaceChildren()")
        copy.press("Enter")
        expect(anna.locator("#notices")).to_contain_text("Copied")
        expect(copy).to_be_focused()
        assert anna.evaluate("navigator.clipboard.readText()") == code


def test_names_are_completed_and_mentions_stand_out(people, name):
    anna, bert, carl, room = two_in_a_room(people, name)
    text = anna.locator("#message-text")
    text.press_sequentially(f"hello @{carl.name[:6]}")
    expect(anna.get_by_role("option")).to_have_text(carl.name)
    text.press("Tab")
    expect(text).to_have_value(f"hello @{carl.name} ")
    expect(anna.get_by_role("option")).to_have_count(0)
    text.press("Enter")
    expect_stored(anna, f"hello @{carl.name}")
    assert carl.get("/room/find", detail=1, q=room)["rooms"][0]["mentions"] == 1
    carl.say(f"hi @{bert.locator('#my-name').inner_text()}", room)
    expect(bert.locator(".names-me")).to_have_count(1)
    expect(anna.locator(".message")).to_have_count(2)
    expect(anna.locator(".names-me")).to_have_count(0)
