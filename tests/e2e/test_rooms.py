"""Rooms: making, finding, joining, leaving, deleting."""

from playwright.sync_api import expect

from tests.e2e.steps import create_room, expect_once, open_room, own_room, row, say


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
    expect(dialog.get_by_role("alert")).to_contain_text("Wrong passwd")
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
    expect(dialog.get_by_role("alert")).to_contain_text("There is a room public already")
    dialog.get_by_label("Name", exact=True).fill(name("private"))
    dialog.locator("input[value=locked]").check()
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("needs a passwd")
    anna.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_leaving_takes_the_room_from_the_list(people, name):
    _anna, room = own_room(people, name)
    bert = people.join(name("bert"))
    bert.goto(f"/#{room}")
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
    bert = people.join(name("bert"))
    room = name("doomed")
    create_room(anna, room, passwd="sesame")
    bert.goto(f"/#{room}")
    bert.get_by_role("dialog").get_by_label("Room password").fill("sesame")
    bert.get_by_role("dialog").get_by_role("button", name="Join").click()
    expect(bert.locator("#room-title")).to_have_text(room)

    anna.locator("#room-details").click()
    anna.get_by_role("dialog").get_by_role("button", name="Delete room").click()
    dialog = anna.get_by_role("dialog")
    dialog.locator("input[type=password]").fill("wrong")
    dialog.get_by_role("button", name="Delete for everyone").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Wrong passwd")
    dialog.locator("input[type=password]").fill("sesame")
    dialog.get_by_role("button", name="Delete for everyone").click()
    expect(row(anna, room)).to_have_count(0)

    expect(bert.locator(".notice.bad")).to_contain_text(f"no longer in “{room}”")
    expect(row(bert, room)).to_have_count(0)
    expect(bert.locator("#room-title")).not_to_be_visible()


def test_a_member_cannot_delete(people, name):
    carl = people.client(name("carl"))
    room = name("carls")
    carl.post("/room/create", roomname=room)
    anna = people.join(name("anna"))
    anna.goto(f"/#{room}")
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
    for stem in ("bert", "carl"):
        people.client(name(stem)).post("/room/join", roomname=room)
    expect(anna.locator("#room-about")).to_have_text("3 members")
    expect(row(anna, room).locator(".room-members")).to_have_text("3 members")
    expect(anna.locator(".member")).to_have_count(3)
