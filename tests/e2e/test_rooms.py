"""Rooms: making, finding, joining, leaving, deleting."""

import pytest
import requests
from playwright.sync_api import expect

from tests.e2e.conftest import PASSWORD
from tests.e2e.steps import bubbles, create_room, expect_once, open_room, own_room, row, say, wait_for_history


def test_a_locked_room_takes_the_right_password_only(people, name):
    anna = people.join(name("anna"))
    bert = people.join(name("bert"))
    room = name("locked")
    create_room(anna, room, passwd="sesame")
    expect(anna.locator("#room-about")).to_contain_text("Locked")

    bert.locator("#find-rooms").click()
    bert.get_by_label("Search by name").fill(room)
    bert.get_by_role("button", name=f"Join {room}").click()
    dialog = bert.get_by_role("dialog")
    dialog.get_by_label("Room password").fill("simsalabim")
    dialog.get_by_label("Room password").press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("not the room’s password")
    dialog.get_by_label("Room password").fill("sesame")
    dialog.get_by_role("button", name="Join").click()
    expect(dialog).to_have_count(0)
    expect(bert.locator("#room-title")).to_have_text(room)
    say(bert, "open")
    expect_once(anna, "open")
    expect(anna.locator(".member")).to_have_count(2)


def test_a_room_without_a_proper_name_is_refused_in_the_dialog(people, name):
    anna = people.join(name("anna"))
    anna.locator("#create-room").click()
    dialog = anna.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("public")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("a room of this name already")
    dialog.get_by_label("Name", exact=True).fill(name("private"))
    dialog.locator("input[value=locked]").check()
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Give the room a password")
    anna.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_leaving_takes_the_room_from_the_list(people, name):
    room = name("room")
    people.client(name("anna")).post("/room/create", roomname=room)
    bert = people.join(name("bert"), at=f"/#{room}")
    bert.get_by_role("dialog").get_by_role("button", name="Join").click()
    expect(bert.locator("#room-title")).to_have_text(room)
    bert.locator("#room-details").click()
    bert.get_by_role("dialog").get_by_role("button", name="Leave room").click()
    bert.get_by_role("dialog").get_by_role("button", name="Leave room").click()
    expect(row(bert, room)).to_have_count(0)
    expect(bert.locator("#no-conversation")).to_be_visible()
    expect(bert.locator(".notice.bad")).to_have_count(0)
    # Live goes on in the rooms that are left.
    open_room(bert, "public")
    people.client(name("carl")).say(name("still here"))
    expect_once(bert, name("still here"))


def test_deleting_tells_the_others(people, name):
    anna = people.join(name("anna"))
    room = name("doomed")
    create_room(anna, room, passwd="sesame")
    bert = people.join(name("bert"), at=f"/#{room}")
    bert.get_by_role("dialog").get_by_label("Room password").fill("sesame")
    bert.get_by_role("dialog").get_by_role("button", name="Join").click()
    expect(bert.locator("#room-title")).to_have_text(room)

    anna.locator("#room-details").click()
    anna.get_by_role("dialog").get_by_role("button", name="Delete room").click()
    dialog = anna.get_by_role("dialog")
    dialog.locator("input[type=password]").fill("wrong")
    dialog.get_by_role("button", name="Delete for everyone").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not the room’s password")
    dialog.locator("input[type=password]").fill("sesame")
    dialog.get_by_role("button", name="Delete for everyone").click()
    expect(row(anna, room)).to_have_count(0)

    expect(bert.locator(".notice.bad")).to_contain_text(f"no longer in “{room}”")
    expect(row(bert, room)).to_have_count(0)
    expect(bert.locator("#room-title")).not_to_be_visible()


@pytest.mark.parametrize("by", ["pull", "list"])
def test_unsent_texts_for_a_room_that_is_gone_can_be_copied(people, name, by):
    people.may_lose_network = True
    carl = people.client(name("carl"))
    room = name("doomed")
    carl.post("/room/create", roomname=room)
    anna = people.page(user=name("anna"), joins=[room], at="/healthz")
    anna.route("**/chat/send", lambda route: route.abort())  # before there are requests that it could hold up
    # Other tests make over 100 rooms: the list would be cut, and a room that it lacks not be gone.
    anna.route("**/room/find?*", lambda route: route.continue_(url=f"{route.request.url}&joined=1"))
    anna.goto(f"/#{room}")
    expect(anna.locator("#room-title")).to_have_text(room)
    carl.say("hello", room)
    expect(bubbles(anna, "hello")).to_be_visible()  # the page has begun to pull
    say(anna, "on its way")
    expect(anna.locator("[data-state=failed]")).to_have_count(1)
    anna.locator("#message-text").press_sequentially("half a thought")
    if by == "list":
        with anna.expect_request("**/chat/pull*"):
            anna.route("**/chat/pull*", lambda _route: None)  # the next one is never answered
            carl.say("ends the present one", room)
    carl.post("/room/delete", roomname=room, passwd="")
    if by == "list":
        anna.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(anna.get_by_role("dialog").locator("blockquote")).to_have_text(["on its way", "half a thought"])
    expect(anna.locator(".notice.bad").last).to_contain_text(f"no longer in “{room}”")


def test_dialogs_about_a_room_that_is_gone_close(people, name):
    bert, rooms = people.client(name("bert")), [name("room"), name("other")]
    for room in rooms:
        bert.post("/room/create", roomname=room)
    anna = people.join(name("anna"), joins=rooms)
    for room, further in zip(rooms, ([], ["Leave room"]), strict=True):
        open_room(anna, room)
        anna.locator("#room-details").click()
        for button in further:
            anna.get_by_role("dialog").get_by_role("button", name=button).click()
        expect(anna.get_by_role("dialog")).to_contain_text("room")
        bert.post("/room/remove", roomname=room, user=anna.locator("#my-name").inner_text())
        expect(row(anna, room)).to_have_count(0)
        expect(anna.get_by_role("dialog"), f"after {further}").to_have_count(0)
        anna.locator("#find-rooms").click()
        bert.post("/room/delete", roomname=room)
        expect(anna.get_by_role("dialog").get_by_text("public")).to_be_visible()  # it is about no room of its own
        anna.keyboard.press("Escape")
        wait_for_history(anna)


def test_a_member_cannot_delete(people, name):
    carl = people.client(name("carl"))
    room = name("carls")
    carl.post("/room/create", roomname=room)
    anna = people.join(name("anna"), at=f"/#{room}")
    anna.get_by_role("dialog").get_by_role("button", name="Join").click()
    anna.locator("#room-details").click()
    expect(anna.get_by_role("dialog").get_by_role("button", name="Leave room")).to_be_visible()
    expect(anna.get_by_role("dialog").get_by_role("button", name="Delete room")).to_have_count(0)


def test_a_room_joined_elsewhere_turns_up_by_itself(people, name):
    anna = people.join(name("anna"))
    other = anna.context.new_page()
    people.watch(other)
    other.goto("/")
    room = name("elsewhere")
    create_room(other, room)
    anna.bring_to_front()
    anna.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(row(anna, room)).to_have_count(1)
    open_room(anna, room)
    say(other, "from the other tab")
    expect_once(anna, "from the other tab")


def test_one_number_of_members_wherever_it_shows(people, name):
    anna, room = own_room(people, name)
    for stem in ("carl", "bert", "Bea"):
        people.client(name(stem)).post("/room/join", roomname=room)
    expect(anna.locator("#room-about")).to_have_text("4 members")
    expect(row(anna, room).locator(".room-members")).to_have_text("4 members")
    expect(anna.locator(".member-name")).to_have_text([name(stem) for stem in ("anna", "Bea", "bert", "carl")])


def test_of_many_rooms_the_most_active_show_and_all_can_be_reached(people, name):
    anna = people.join(name("anna"))
    rooms = [name(f"room{number}") for number in range(5)]
    for each in rooms:
        assert anna.request.post("/room/create", data={"roomname": each}).ok
    anna.route("**/room/find?*", lambda route: route.continue_(url=route.request.url.replace("limit=100", "limit=3")))
    anna.goto("/#")
    anna.reload()
    expect(anna.locator("#room-list .room")).to_have_count(3)  # but for one that is open
    expect(row(anna, rooms[4])).to_be_visible()

    anna.locator("#find-rooms").click()
    anna.get_by_label("Search by name").fill(rooms[0])
    anna.get_by_role("button", name=f"Open {rooms[0]}").click()
    expect(anna.locator("#room-title")).to_have_text(rooms[0])
    say(anna, "here")

    anna.get_by_role("button", name="More rooms").click()
    expect(anna.locator("#room-list .room")).to_have_count(6)
    anna.goto(f"/#{rooms[1]}")
    expect(anna.locator("#room-title")).to_have_text(rooms[1])


def test_arrivals_and_departures_show_at_once(people, name):
    anna, room = own_room(people, name)
    bert = people.client(name("bert"))
    bert.post("/room/join", roomname=room)
    expect(anna.locator("#room-about")).to_have_text("2 members", timeout=4000)
    expect(anna.locator(".member")).to_have_count(2)
    bert.post("/room/leave", roomname=room)
    expect(anna.locator("#room-about")).to_have_text("1 member", timeout=4000)
    expect(anna.locator(".member")).to_have_count(1)


def test_an_announcement_shows_in_the_room_and_can_be_put_away(people, name, server):
    mia = people.client(name("mia"))
    room = name("club")
    mia.post("/room/create", roomname=room)
    ims = requests.Session()
    ims.headers["Authorization"] = ims.post(
        f"{server.url}/account/login", json={"email": mia.name, "password": PASSWORD}, timeout=30
    ).json()["token"]

    def announce(content):
        body = {"conversation_id": number, "content": content}
        assert ims.post(f"{server.url}/conversations/manage/notifications", json=body, timeout=30).ok

    number = next(found["id"] for found in mia.get("/room/find", detail=1)["rooms"] if found["roomname"] == room)
    anna = people.join(name("anna"), joins=[room])
    expect(anna.locator("#room-title")).to_have_text(room)
    expect(anna.locator("#announcement")).to_be_hidden()
    announce("Bring your goggles")
    expect(anna.locator("#announcement-text")).to_have_text("Bring your goggles", timeout=4000)
    announce("And a coat")
    expect(anna.locator("#announcement-text")).to_have_text("And a coat", timeout=4000)
    anna.route("**/room/announcements?*", lambda route: route.continue_(url=route.request.url.replace("=50", "=1")))
    anna.locator("#announcement-all").click()
    expect(anna.get_by_role("dialog").locator("li")).to_contain_text(["And a coat"])
    anna.get_by_role("button", name="Older announcements").click()
    expect(anna.get_by_role("dialog").locator("li")).to_contain_text(["And a coat", "Bring your goggles"])
    expect(anna.get_by_role("button", name="Older announcements")).to_be_hidden()
    anna.unroute_all()
    anna.keyboard.press("Escape")
    anna.locator("#announcement-hide").click()
    expect(anna.locator("#announcement")).to_be_hidden()
    wait_for_history(anna)
    anna.reload()
    open_room(anna, room)
    with anna.expect_response("**/room/announcements*"):
        anna.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        open_room(anna, "public")
        open_room(anna, room)
    expect(anna.locator("#announcement")).to_be_hidden()
    ims.close()


def test_a_user_can_leave_all_rooms_of_an_owner(people, name):
    """A user added to many rooms can leave all of them at once."""
    mallory = people.client(name("mallory"))
    rooms = [name(f"trap{number}") for number in range(3)]
    for each in rooms:
        mallory.post("/room/create", roomname=each, type="public", passwd="")
    anna = people.join(name("anna"), joins=rooms)
    row(anna, rooms[1]).click()
    expect(anna.locator(".member")).to_have_count(2)
    anna.locator("#room-details").click()
    anna.get_by_role("button", name=f"Leave all rooms of {mallory.name}").click()
    anna.get_by_role("button", name="Leave them all").click()
    for each in rooms:
        expect(row(anna, each)).to_have_count(0)
    expect(row(anna, "public")).to_be_visible()
