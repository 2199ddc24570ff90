"""The pictures in docs/: `python -m tests.e2e.screenshots` takes them from lessons that are played here."""

import base64
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import BROWSERS, find_browser
from tests.e2e.conftest import BROWSER_FLAGS, People, Server
from tests.e2e.steps import expect_stored, open_room, row, say
from tests.e2e.teaching_pictures import CHINESE, ENGLISH, Course, Script
from tests.real_server import ROOT

DOCS = ROOT / "docs"
COLOURS = 128  # of the pictures for teachers: keeps them small


def mountains() -> str:
    image = Image.new("RGB", (720, 400))
    draw = ImageDraw.Draw(image)
    for y in range(400):
        draw.line([(0, y), (720, y)], fill=(150 + y // 6, 200 + y // 12, 235))
    draw.ellipse([540, 50, 630, 140], fill="#ffd864")
    far = [(0, 400), (0, 310), (160, 180), (300, 310), (430, 210), (600, 330), (720, 260), (720, 400)]
    draw.polygon(far, fill="#6b9c7d")
    draw.polygon([(0, 400), (0, 350), (220, 290), (420, 360), (720, 310), (720, 400)], fill="#3f7458")
    for x, y in ((430, 210), (160, 180)):
        snow = [(0, 0), (41, 31), (18, 30), (0, 42), (-18, 28), (-37, 29)]
        draw.polygon([(x + dx, y + dy) for dx, dy in snow], fill="#fff")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def settle(page: Page) -> None:
    page.wait_for_function("() => [...document.querySelectorAll('.log img')].every((image) => image.complete)")
    page.wait_for_function("() => !document.querySelector('.notice')")
    page.evaluate("document.activeElement.blur()")


def save(page: Page, path: Path, colours: int = 256) -> None:
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").quantize(colours).save(path, "PNG", optimize=True)


def lesson(people: People) -> Page:
    """Geography, in English."""
    room = "Geography 9a"
    tom, zoe, li = people.client("Tom"), people.client("Zoë Martin"), people.client("李小明")
    for other in (room, "Science club", "School trip"):
        tom.post("/room/create", roomname=other)
    zoe.post("/room/create", roomname="Group 3", type="private", passwd="secret")
    for client in (zoe, li):
        client.post("/room/join", roomname=room)
    anna = people.join("Anna Berger", locale="en-GB")
    for other in (room, "Science club", "School trip", "Group 3"):
        anna.request.post("/room/join", data={"roomname": other, "passwd": "secret"})
    anna.reload()
    open_room(anna, room)
    opening = "Good morning, everyone! Who has been in the mountains?"
    say(anna, opening)
    expect_stored(anna, opening)
    zoe.say("Me! Last summer, near Chamonix", room)
    li.say("我去过黄山，日出特别美！", room)
    tom.say("This is from our hike:", room)
    tom.show(mountains(), room)
    li.say("哇，好漂亮！这是哪里？", room)
    tom.say("Above Gosau. There is a good page on folding:\nhttps://en.wikipedia.org/wiki/Fold_(geology)", room)
    task = "Wonderful. Please read it and write down two questions."
    say(anna, task)
    expect_stored(anna, task)
    tom.say("The experiment moves to 14:00", "Science club")
    tom.say("Bring goggles", "Science club")
    zoe.say("The draft is in", "Group 3")
    expect(row(anna, "Group 3").locator(".badge")).to_be_visible()
    expect(row(anna, "Science club").locator(".badge-count")).to_have_text("2")
    expect(anna.locator(".member")).to_have_count(4)
    return anna


def lesson_in_chinese(people: People) -> Page:
    """A group at work, on a phone."""
    room = "高一(2)班 地理"
    wang, chen = people.client("王老师"), people.client("陈思雨")
    wang.post("/room/create", roomname=room)
    chen.post("/room/join", roomname=room)
    phone = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
    page = people.join("李雷", locale="zh-CN", **phone)
    page.request.post("/room/join", data={"roomname": room})
    page.reload()
    if page.locator("#back").is_visible():
        page.locator("#back").tap()
    open_room(page, room)
    wang.say("同学们好！今天学习山地的形成。", room)
    wang.say("大家去过哪些名山？", room)
    chen.say("我去过黄山，日出特别美！", room)
    chen.show(mountains(), room)
    say(page, "好漂亮！我暑假爬过泰山。")
    expect_stored(page, "好漂亮！我暑假爬过泰山。")
    wang.say("很好！请每个小组写下两个问题：\n1. 岩层为什么会弯曲？\n2. 这个过程需要多长时间？", room)
    say(page, "收到！")
    expect_stored(page, "收到！")
    return page


def take_readmes(people: People, _server: Server) -> None:
    for play, name in ((lesson, "screenshot.png"), (lesson_in_chinese, "screenshot-phone.zh.png")):
        page = play(people)
        settle(page)
        save(page, DOCS / name)


def take_teaching(script: Script, suffix: str) -> Callable[[People, Server], None]:
    def shoot(page: Page, name: str) -> None:
        settle(page)
        save(page, DOCS / "teaching" / f"{name}{suffix}", COLOURS)

    return lambda people, server: Course(people, server, script, shoot).play()


def take(browser: Browser, play: Callable[[People, Server], None]) -> None:
    """Play on a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.migrate()
        server.start()
        people = People(browser, server)
        try:
            play(people, server)
            people.finish()
        finally:
            server.kill()


def main() -> None:
    path = find_browser()
    assert path, f"none of {', '.join(BROWSERS)} is on PATH"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        for play in (take_readmes, take_teaching(ENGLISH, ".png"), take_teaching(CHINESE, ".zh.png")):
            take(browser, play)
        browser.close()


if __name__ == "__main__":
    main()
