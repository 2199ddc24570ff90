"""How messages, names and pictures are drawn."""

import base64
import io
import re
from datetime import datetime
from zoneinfo import ZoneInfo

import requests
from PIL import Image
from playwright.sync_api import FloatRect, Locator, Request, ViewportSize, expect

from tests.e2e.steps import bubbles, expect_stored, own_room, row, say, wait_for, wait_for_history
from tests.pictures import picture

PHONE = ViewportSize(width=390, height=844)


def tall() -> str:
    image = Image.new("RGB", (1080, 12_000), "#2f5f93")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def box_of(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def test_a_nickname_cannot_impersonate_another_user(people, name):
    teacher, pupil = name("Ms Miller"), name("pupil7")
    alike = teacher.replace("M", "\u041c")  # Cyrillic; the same letters are refused
    anna, room = own_room(people, name)
    people.client(teacher).post("/room/join", roomname=room)
    liar = people.client(name("other"))
    liar.post("/User", username=pupil, nickname=alike, password="correct horse")
    liar.post("/user/login", username=pupil, password="correct horse")
    liar.post("/room/join", roomname=room)
    liar.say("No homework!", room)
    expect(anna.locator(".byline")).to_have_text(f"{alike} · {pupil}")
    names = anna.locator(".member-name")
    expect(names).to_have_text([name("anna"), re.compile(re.escape(teacher) + r" · #\d+$"), f"{alike} · {pupil}"])
    anna.set_viewport_size(PHONE)
    expect(anna.locator(".byline .person-user")).to_be_visible()
    cut = anna.locator(".byline .person-user bdi").evaluate("(node) => node.scrollWidth > node.clientWidth")
    assert not cut


def test_nor_can_it_where_a_message_or_a_member_is_only_mentioned(people, name):
    anna, room = own_room(people, name)
    pupil = people.client(name("pupil7"))
    pupil.post("/room/join", roomname=room)
    pupil.post("/user/profile", nickname="Ms Berger")
    pupil.say("No homework!", room)
    called = f"Ms Berger · {pupil.name}"
    said = anna.locator(".message", has=bubbles(anna, "No homework!"))
    said.hover()
    anna.get_by_role("button", name="Pin", exact=True).click()
    expect(anna.locator("#pins-text")).to_have_text(f"{called}: No homework!")
    anna.locator("#pins").click()
    expect(anna.locator(".pin-text")).to_have_text(f"{called}: No homework!")
    anna.locator(".dialog-head button").click()
    wait_for_history(anna)
    said.hover()
    anna.get_by_role("button", name="Reply", exact=True).click()
    expect(anna.locator("#reply-to")).to_have_text(f"Reply to {called}: No homework!")
    say(anna, "Why?")
    expect(anna.locator(".quote-name")).to_have_text(called)
    expect(anna.locator(".quote")).to_have_attribute("title", f"Go to what {called} wrote")
    anna.get_by_role("button", name=f"Actions for {called}", exact=True).click()
    expect(anna.get_by_role("dialog").get_by_role("heading")).to_have_text(f"Actions for {called}")


def test_no_mail_address_is_shown(people, name):
    anna, room = own_room(people, name)
    bert = people.client(name("bert"))
    address = f"{name('li')}@example.com"
    made = bert.post("/account/reg", email=address, password="secret1", name="Li Ming")
    as_li = {"Authorization": made["token"]}
    url = anna.url.partition("#")[0].rstrip("/")
    number = requests.get(f"{url}/account/info", headers=as_li, timeout=30).json()["id"]
    said = {"roomname": room, "new_message": {"type": "text", "content": "I am new here"}}
    for path, body in (("/room/join", {"roomname": room}), ("/chat/send", said)):
        assert requests.post(url + path, json=body, headers=as_li, timeout=30).ok
    expect(anna.locator(".byline")).to_have_text(f"Li Ming · #{number}")
    expect(anna.locator(".member-name")).to_have_text([name("anna"), f"Li Ming · #{number}"])
    assert address not in anna.locator("body").inner_text()

    # where the page has only the username: reactions, readers, typing, names to complete
    say(anna, "welcome")
    expect_stored(anna, "welcome")
    stored = anna.request.get("/chat/history", params={"roomname": room, "detail": 1}).json()["messages"][-1]
    reaction = {"roomname": room, "id": stored["id"], "emoji": "👍", "on": True}
    (known,) = [found for found in anna.request.get("/room/find?detail=1").json()["rooms"] if found["roomname"] == room]
    seen = f"/chat/pull?timeout=0&read={known['id']}"
    for path, body in (("/chat/react", reaction), (seen, {room: stored["timestamp"]})):
        assert requests.post(url + path, json=body, headers=as_li, timeout=30).ok
    message = anna.locator(".message", has=bubbles(anna, "welcome"))
    expect(message.locator(".reaction")).to_have_attribute("title", f"#{number}")
    anna.locator("#message-text").press_sequentially("@li")
    expect(anna.locator("#mention-list")).to_have_text(f"Li Ming · #{number}")
    anna.locator("#message-text").press("Enter")
    expect(anna.locator("#message-text")).to_have_value(f"@#{number} ")
    anna.locator("#message-text").fill("")
    message.hover()
    anna.get_by_role("button", name="Seen by", exact=True).click()
    expect(anna.get_by_role("dialog").locator("li")).to_have_text(f"Li Ming · #{number}")
    anna.keyboard.press("Escape")
    with anna.expect_request("**/chat/pull*"):  # only held pulls hear of typing
        requests.post(f"{url}/chat/send", json=said, headers=as_li, timeout=30)

    def is_told() -> bool:
        requests.post(f"{url}/chat/typing", json={"roomname": room}, headers=as_li, timeout=30)
        return anna.locator("#typing").inner_text() == f"#{number} is typing…"

    wait_for(anna, is_told, "typing")
    assert address not in anna.content()


def test_a_message_turns_round_nothing_but_itself(people, name):
    anna, room = own_room(people, name)
    bert = people.client(name("bert"))
    bert.post("/room/join", roomname=room)
    bert.say("\u202eturned https://example.com/x", room)
    expect(anna.locator(".message .words")).to_have_css("unicode-bidi", "isolate")
    expect(anna.locator(".words a")).to_have_css("direction", "ltr")
    expect(anna.locator(".words a")).to_have_css("unicode-bidi", "isolate")


def test_a_long_message_is_folded_until_it_is_asked_for(people, name):
    anna, room = own_room(people, name)
    bert = people.client(name("bert"))
    bert.post("/room/join", roomname=room)
    bert.say("\n".join(str(n) for n in range(300)), room)
    fold = anna.get_by_role("button", name="Show all")
    expect(fold).to_have_attribute("aria-expanded", "false")
    height = "(node) => node.offsetHeight"
    assert anna.locator(".bubble").evaluate(height) < 500
    fold.click()
    assert anna.locator(".bubble").evaluate(height) > 5000
    anna.get_by_role("button", name="Show less").click()
    assert anna.locator(".bubble").evaluate(height) < 500
    anna.set_viewport_size(PHONE)
    for text in ("字" * 1000, "W" * 1000, "a\n" * 31):
        bert.say(text, room)
        expect(anna.locator(".bubble").last).to_contain_text(text[:20])
        assert anna.locator(".bubble").last.evaluate(height) < 500, text[0]


def test_heaps_of_marks_stay_in_their_bubble_and_long_names_in_their_heading(people, name):
    wide = "W" * 53 + name("")
    bert = people.client(name("bert"))
    bert.post("/room/create", roomname=wide)
    bert.say("a" + "\u0301" * 120, wide)
    anna = people.page(user=name("anna"), joins=[wide])
    for size in (PHONE, ViewportSize(width=1280, height=800)):
        anna.set_viewport_size(size)
        anna.wait_for_function("(width) => innerWidth === width", arg=size["width"])
        expect(anna.locator(".bubble.text")).to_have_css("overflow", "clip")
        over = "() => document.documentElement.scrollWidth > innerWidth"
        assert not anna.evaluate(over)
        anna.locator("#room-details").click()
        heading = anna.get_by_role("dialog").get_by_role("heading")
        expect(heading).to_have_text(wide)
        assert not heading.evaluate("(node) => node.scrollWidth > node.clientWidth")
        anna.keyboard.press("Escape")


def test_a_very_tall_picture_is_cropped_and_opens_to_be_read(people, name):
    anna, room = own_room(people, name)
    bert = people.client(name("bert"))
    bert.post("/room/join", roomname=room)
    bert.show(tall(), room)
    picture = anna.locator(".picture img")
    expect(picture).to_be_visible()
    box = box_of(picture)
    assert box["width"] > 140
    assert box["height"] <= 260
    picture.click()
    frame = anna.locator(".viewer .frame")
    image = frame.locator("img")
    expect(image).to_be_visible()
    assert box_of(image)["width"] > 600
    assert frame.evaluate("(node) => node.scrollHeight > node.clientHeight")
    anna.set_viewport_size(PHONE)
    frame.get_by_role("button").click()
    expect(frame.get_by_role("button")).to_have_attribute("aria-pressed", "true")
    assert box_of(image)["width"] == 1080
    with anna.expect_popup() as popup:
        anna.get_by_role("link", name="Open the original").click()
    assert "/attachments/" in popup.value.url
    popup.value.close()


def test_a_tiny_picture_can_be_seen_and_hit(people, name):
    anna, room = own_room(people, name)
    bert = people.client(name("bert"))
    bert.post("/room/join", roomname=room)
    for size in ((3, 3), (400, 4), (4, 400)):
        bert.show(base64.b64encode(picture(size=size)).decode(), room)
    pictures = anna.locator(".picture img")
    expect(pictures).to_have_count(3)
    for box in map(box_of, pictures.all()):
        assert box["width"] >= 24
        assert box["height"] >= 24


def test_days_are_renamed_at_midnight(people, name):
    anna, room = own_room(people, name, is_altered=True)
    bert = people.client(name("bert"))
    bert.post("/room/join", roomname=room)
    bert.say("good night", room)
    expect(anna.locator(".day")).to_have_text("Today")
    anna.clock.install()
    anna.reload()
    expect(anna.locator(".day")).to_have_text("Today")
    anna.clock.fast_forward(24 * 3_600_000)
    expect(anna.locator(".day")).to_have_text("Yesterday")


def test_days_are_renamed_on_return_to_a_page_whose_machine_slept(people, name):
    anna, room = own_room(people, name, is_altered=True)
    bert = people.client(name("bert"))
    bert.post("/room/join", roomname=room)
    bert.say("good night", room)
    anna.clock.install()
    asking: set[Request] = set()
    anna.on("request", lambda request: asking.add(request))
    anna.on("requestfinished", lambda request: asking.discard(request))
    anna.on("requestfailed", lambda request: asking.discard(request))
    anna.reload()
    day, time = anna.locator(".day"), row(anna, room).locator(".room-time")
    expect(day).to_have_text("Today")
    wait_for(anna, lambda: ["timeout=25" in each.url for each in asking] == [True], "nothing else comes")
    clock_time = time.inner_text()
    anna.clock.set_system_time(anna.evaluate("Date.now()") / 1000 + 24 * 3600)  # asleep: no timer fires
    assert (day.inner_text(), time.inner_text()) == ("Today", clock_time)
    anna.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(day).to_have_text("Yesterday")
    expect(time).not_to_have_text(clock_time)


def test_times_follow_the_machines_time_zone(people, name):
    anna, room = own_room(people, name, is_altered=True)
    bert = people.client(name("bert"))
    bert.post("/room/join", roomname=room)
    session = anna.context.new_cdp_session(anna)
    session.send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Kolkata"})
    anna.clock.set_fixed_time("2026-11-29T20:00:00Z")
    anna.evaluate("window.dispatchEvent(new Event('focus'))")
    bert.say("good night", room)
    shown = anna.locator(".message .when")
    sent = bert.get("/chat/history", roomname=room)["messages"][0]["timestamp"]
    at = datetime.fromisoformat(sent)
    for zone in ("Asia/Kolkata", "America/Los_Angeles", "Asia/Kathmandu"):
        session.send("Emulation.setTimezoneOverride", {"timezoneId": zone})
        anna.evaluate("window.dispatchEvent(new Event('focus'))")
        there = at.astimezone(ZoneInfo(zone))
        expect(shown).to_have_text(there.strftime("%H:%M"))
        expect(shown).to_have_attribute("title", re.compile(there.strftime("%A, %B .*")))


def test_a_direct_conversation_is_called_by_the_other_person(people, name):
    anna = people.page(user=name("anna"), at="/healthz")
    bert = people.client(name("bert"))
    ids = {"receiver_user_id": bert.get("/user/me")["id"], "sender_user_id": anna.request.get("/user/me").json()["id"]}
    asked = anna.request.post("/add_friend", data={"target_id": ids["receiver_user_id"], "message": "hi"})
    assert asked.ok, asked.text()
    bert.post("/friend_request_handle", **ids)
    anna.goto("/")
    listed = anna.locator(".room-name", has_text=bert.name)
    expect(listed).to_have_text(bert.name)
    listed.click()
    expect(anna.locator("#room-title")).to_have_text(bert.name)
    expect(anna.locator(".message .words")).to_have_text("We are friends now. Let’s chat!")
    expect(anna.locator(".message .byline")).to_have_text(bert.name)
    anna.locator("#room-details").click()
    expect(anna.get_by_role("dialog").get_by_role("heading")).to_have_text(bert.name)
    anna.locator(".dialog-head button").click()
    wait_for_history(anna)
    anna.locator("#find-rooms").click()
    anna.get_by_role("dialog").get_by_label("Search").fill(bert.name)
    expect(anna.get_by_role("dialog").locator(".found-name")).to_have_text(bert.name)
    expect(anna.get_by_role("button", name=f"Open {bert.name}", exact=True)).to_be_visible()
    anna.keyboard.press("Escape")
