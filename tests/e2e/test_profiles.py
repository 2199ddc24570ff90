"""Changed names, pictures and badges reach open pages."""

import base64
import io

from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Client
from tests.e2e.steps import bubbles, expect_stored, own_room, say

LOOK = "() => document.dispatchEvent(new Event('visibilitychange'))"  # as on return to the page


def avatar() -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "#2f5f93").save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def room_with_message(people, name, text):
    """Anna's page with a message of Bert's in her room."""
    anna, room = own_room(people, name)
    bert = people.client(name("bert"))
    bert.post("/room/join", roomname=room)
    bert.say(text, room)
    expect(anna.locator(".byline")).to_have_text(bert.name)
    return anna, room, bert


def test_names_beside_shown_messages_follow_their_authors(people, name):
    anna, room, bert = room_with_message(people, name, "hello")
    message = anna.locator(".message", has=bubbles(anna, "hello"))
    message.hover()
    message.get_by_role("button", name="Reply").click()
    say(anna, "hello yourself")
    quoted = anna.locator(".quote-name")
    expect(quoted).to_have_text(bert.name)
    bert.post("/user/profile", nickname="Robert")
    called = f"Robert · {bert.name}"
    expect(message.locator(".byline")).to_have_text(called)
    expect(message.locator(".avatar")).to_have_text("R")
    expect(quoted).to_have_text(called)
    expect(anna.locator(".member-name", has_text="Robert")).to_have_text(called)
    bert.post("/user/profile", avatar=avatar())
    expect(message.locator(".avatar img")).to_have_count(1)
    bert.say("me again", room)
    expect(anna.locator(".message", has=bubbles(anna, "me again")).locator(".byline")).to_have_text(called)


def test_the_name_of_an_author_who_has_left_follows_too(people, name):
    anna, room, bert = room_with_message(people, name, "goodbye")
    bert.post("/room/leave", roomname=room)
    expect(anna.locator(".member-name")).to_have_count(1)
    bert.post("/user/profile", nickname="Robert")
    anna.evaluate(LOOK)
    expect(anna.locator(".byline")).to_have_text(f"Robert · {bert.name}")


def test_a_user_renamed_by_a_teacher_keeps_messages_reactions_and_drafts(people, name, server):
    anna, room = own_room(people, name)
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    carl.say("like this", room)
    other = anna.context.new_page()
    people.watch(other)
    other.goto("/")
    expect(other.locator("#room-title")).to_have_text(room)
    anna.bring_to_front()
    say(anna, "mine")
    expect_stored(anna, "mine")
    liked = carl.get("/chat/history", roomname=room, detail=1)["messages"][0]["id"]
    reacted = anna.request.post("/chat/react", data={"roomname": room, "id": liked, "emoji": "👍", "on": True})
    assert reacted.ok, reacted.text()
    reaction = anna.locator(".reaction")
    expect(reaction).to_have_attribute("aria-pressed", "true")
    anna.locator("#message-text").fill("half a sentence")
    renamed = name("annabel")
    server.flask("chat", "rename", name("anna"), "--username", renamed, "--nickname", "Annabel")
    expect(anna.locator("#my-name")).to_have_text("Annabel")
    expect(other.locator("#my-name")).to_have_text("Annabel")
    expect(anna.locator(".message.mine")).to_have_count(1)
    expect(reaction).to_have_attribute("aria-pressed", "true")
    expect(reaction).to_have_attribute("title", renamed)
    say(anna, "still mine")
    for page in (anna, other):
        page.bring_to_front()
        expect_stored(page, "still mine")
        expect(page.locator(".message.mine")).to_have_count(2)
    anna.bring_to_front()
    anna.locator("#message-text").fill("half a sentence")
    anna.reload()
    expect(anna.locator("#message-text")).to_have_value("half a sentence")


def test_titles_of_direct_conversations_follow_the_other_user(people, name):
    anna = people.page(user=name("anna"), at="/healthz")
    bert = people.client(name("bert"))
    make_friends(anna, bert)
    anna.goto("/")
    listed = anna.locator(".room-name", has_text=bert.name)
    listed.click()
    bert.post("/user/profile", nickname="Robert")
    called = f"Robert · {bert.name}"
    expect(anna.locator("#room-title")).to_have_text(called)
    expect(listed).to_have_text(called)


def test_a_badge_appears_beside_shown_messages(people, name, server):
    anna, room = own_room(people, name)
    bert = people.client(name("bert"))
    bert.post("/room/join", roomname=room)
    bert.say("I teach", room)
    byline = anna.locator(".byline")
    expect(byline).to_have_text(bert.name)
    server.flask("chat", "teacher", bert.name)
    expect(byline.locator(".teacher")).to_have_count(1)
    server.flask("chat", "teacher", bert.name, "--revoke")
    expect(byline.locator(".teacher")).to_have_count(0)


def test_the_board_shows_changed_names(people, name):
    bert, room = people.client(name("bert")), name("room")
    bert.post("/room/create", roomname=room)
    bert.say("hello", room)
    anna = people.page(user=name("anna"), joins=[room], at=f"/board/{room}")
    shown = anna.locator(".board-name")
    expect(shown).to_have_text(bert.name)
    bert.post("/user/profile", nickname="Robert")
    expect(shown).to_have_text(f"Robert · {bert.name}")


def make_friends(page: Page, client: Client) -> None:
    ids = {
        "receiver_user_id": client.get("/user/me")["id"],
        "sender_user_id": page.request.get("/user/me").json()["id"],
    }
    asked = page.request.post("/add_friend", data={"target_id": ids["receiver_user_id"], "message": "hi"})
    assert asked.ok, asked.text()
    client.post("/friend_request_handle", **ids)


LISTEN = """([name, id]) => {
    const channel = new BroadcastChannel("commonroom.tabs");
    globalThis.heard = [];
    channel.onmessage = ({ data }) => data.kind === "me" && globalThis.heard.push(data.me.nickname);
    channel.postMessage({ kind: "me", me: { id, nickname: name } });
}"""


def test_a_tab_tells_no_news_of_the_user_that_another_tab_told(people, name):
    """Two tabs that heard different names at once would answer each other without end."""
    anna, _ = own_room(people, name)
    me = anna.request.get("/user/me?detail=1").json()
    anna.evaluate(LISTEN, ["Told", me["id"]])
    expect(anna.locator("#my-name")).to_have_text("Told")
    changed = anna.request.post("/user/profile", data={"nickname": "Own"})
    assert changed.ok, changed.text()
    anna.wait_for_function("() => globalThis.heard.includes('Own')")
    assert "Told" not in anna.evaluate("globalThis.heard")
