"""The search: by keyboard and on a phone, to the message and back."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.steps import open_room, own_room

SHOTS = os.environ.get("SEARCH_SHOTS")  # a folder, to look at


def shoot(page, name):
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


def test_search_jumps_to_a_message_and_back(people, name):
    anna, room = own_room(people, name)
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    for number in range(12):
        carl.say(f"Remark {number} <b>about</b> the homework", room)
    carl.say("Homework: *page 12* of the book", "public")
    open_room(anna, room)
    expect(anna.locator(".message", has_text="Remark 11")).to_be_visible()

    anna.keyboard.press("Control+k")
    dialog = anna.get_by_role("dialog", name="Search messages")
    dialog.get_by_label("Words to find").fill("HOMEWORK")
    dialog.get_by_label("Words to find").press("Enter")
    expect(dialog.locator(".search-hit")).to_have_count(13)
    expect(dialog.locator("mark")).to_have_text(["Homework"] + ["homework"] * 12)
    shoot(anna, "hits")
    # loaded in the open conversation
    dialog.locator(".search-hit", has_text="Remark 3").click()
    expect(dialog).to_have_count(0)
    expect(anna.locator(".message.pointed-at")).to_contain_text("Remark 3 <b>about</b>")

    # in another room: in its place, and back to the results
    anna.locator("#search").click()
    dialog.get_by_label("Words to find").fill("page 12")
    dialog.locator(".search-hit").click()
    found = dialog.locator(".search-place .found")
    expect(found).to_contain_text("Homework: page 12")
    expect(found).to_be_focused()
    shoot(anna, "place")
    dialog.get_by_role("button", name="Back to the results").click()
    expect(dialog.locator(".search-hit")).to_be_focused()
    dialog.locator(".search-hit").click()
    dialog.get_by_role("button", name="Open the room").click()
    expect(anna.locator("#room-title")).to_have_text("public")


def test_a_preview_is_one_paragraph(people, name):
    anna, room = own_room(people, name)
    carl = people.client(name("carl"))
    carl.post("/room/join", roomname=room)
    carl.say("first line\n\nlantern\n" + "\n" * 90 + "last line", room)
    anna.locator("#search").click()
    dialog = anna.get_by_role("dialog")
    dialog.get_by_label("Words to find").fill("lantern")
    dialog.get_by_label("Words to find").press("Enter")
    preview = dialog.locator(".search-hit .words")
    expect(preview).to_have_text("first line lantern last line", use_inner_text=True)
    assert preview.evaluate("(node) => node.offsetHeight") < 60


def test_names_written_from_the_right_leave_the_order_of_a_line(people, name):
    dana, club = people.client(name("דנה")), f"{name('')[1:]} חדר".strip()
    dana.post("/room/create", roomname=club)
    dana.say("a lamp", club)
    anna = people.join(name("anna"), joins=[club])
    anna.locator("#search").click()
    dialog = anna.get_by_role("dialog")
    dialog.get_by_label("Words to find").fill("lamp")
    dialog.get_by_label("Words to find").press("Enter")
    parts = dialog.locator(".search-hit", has_text=club).locator(".hint bdi")
    expect(parts).to_have_count(3)
    places = [part.evaluate("(node) => node.getBoundingClientRect().left") for part in parts.all()]
    assert places == sorted(places), "author, room, time"


@pytest.mark.parametrize(("scheme", "locale"), [("dark", "zh-CN")])
def test_search_on_a_phone(people, name, scheme, locale):
    carl, room = people.client(name("carl")), name("room")
    carl.post("/room/create", roomname=room)
    for number in range(55):  # a user may say 60 at once
        carl.say(f"第 {number} 条：物理作业请在星期一之前交，谢谢大家", "public")
    options = {"locale": locale, "color_scheme": scheme, "viewport": {"width": 320, "height": 640}}
    anna = people.join(name("anna"), joins=[room], **options)
    expect(anna.locator("#room-title")).to_have_text(room)
    anna.locator("#search").click()
    dialog = anna.get_by_role("dialog", name="搜索消息")
    dialog.get_by_label("要查找的内容").fill('"第 30 条" 作业')
    dialog.get_by_role("button", name="搜索", exact=True).click()
    expect(dialog.locator("mark")).to_have_text(["第 30 条", "作业"])
    shoot(anna, "phone-hits")
    dialog.locator(".search-hit").click()
    expect(dialog.locator(".search-place li")).to_have_count(30)
    shoot(anna, "phone-place")
    dialog.get_by_role("button", name="更早的消息").click()
    expect(dialog.locator(".search-place li")).to_have_count(45)
    dialog.get_by_role("button", name="更晚的消息").click()
    expect(dialog.locator(".search-place li")).to_have_count(55)
    expect(dialog.get_by_role("button", name="更晚的消息")).to_be_hidden()
    assert anna.evaluate("document.documentElement.scrollWidth <= innerWidth")
    anna.go_back()
    expect(dialog).to_have_count(0)
