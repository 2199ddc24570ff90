"""Plays a course by the page, and takes the pictures of docs/teaching.md and docs/teaching.zh-CN.md on the way."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from playwright.sync_api import FilePayload, Page, ViewportSize, expect

from tests.e2e.conftest import Client, People, Server
from tests.e2e.steps import bubbles, expect_stored, open_room, say
from tests.pictures import picture

PICTURES = ("site", "cards", "bring-in", "phone", "room", "board", "member", "settings", "rooms", "people")
ADDRESS = "http://192.168.1.20:8000"  # shown in place of this machine's own
WINDOW: ViewportSize = {"width": 1100, "height": 720}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 760}, "has_touch": True, "is_mobile": True}
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF\n"
TALL = base64.b64encode(picture(size=(300, 900))).decode()
ROSTER_HEAD = "username;name;password;rooms"


@dataclass(frozen=True)
class Script:
    """The words of a lesson."""

    locale: str
    teacher: str
    room: str
    pupils: Sequence[tuple[str, str]]  # usernames and names
    greeting: str
    task: str
    file: str
    question: str
    answer: str
    done: str


ENGLISH = Script(
    locale="en-GB",
    teacher="Ms Berger",
    room="Biology 8a",
    pupils=(
        ("mia.schmidt", "Mia Schmidt"),
        ("tom.keller", "Tom Keller"),
        ("zoe.martin", "Zoë Martin"),
        ("li.xiaoming", "Li Xiaoming"),
        ("emma.fischer", "Emma Fischer"),
        ("noah.weber", "Noah Weber"),
    ),
    greeting="Good morning! Today: how does a leaf drink?",
    task="Read the sheet, and answer questions **1** and **2** by 10:15.",
    file="leaf-worksheet.pdf",
    question="Question 2: do we need the equation?",
    answer="No, words are enough. A drawing is welcome.",
    done="I am done!",
)
CHINESE = Script(
    locale="zh-CN",
    teacher="王老师",
    room="初二(1)班 生物",
    pupils=(
        ("zhangwei", "张伟"),
        ("lixiaoming", "李小明"),
        ("chensiyu", "陈思雨"),
        ("liuyang", "刘洋"),
        ("zhaomin", "赵敏"),
        ("sunyue", "孙悦"),
    ),
    greeting="同学们好！今天学习：叶子怎样喝水？",
    task="请阅读学习单，10:15 之前回答第 **1** 题和第 **2** 题。",
    file="叶的学习单.pdf",
    question="第 2 题需要写公式吗？",
    answer="不需要，用文字说明即可，也可以画图。",
    done="我做完了！",
)


class Course:
    """A course from the settings of the site to the end of term.

    `shoot(page, name)` takes a picture; `tag` makes names that nobody else on the server has.
    """

    def __init__(
        self,
        people: People,
        server: Server,
        script: Script,
        shoot: Callable[[Page, str], None],
        tag: Callable[[str], str] = str,
    ) -> None:
        self._people, self._server, self._script, self._shoot, self._tag = people, server, script, shoot, tag
        self._room = tag(script.room)
        self._passwords: dict[str, str] = {}

    def play(self) -> None:
        teacher = self._becomes_teacher()
        self._decides(teacher)
        self._imports_roster(teacher)
        self._brings_in(teacher)
        self._talks(teacher)
        self._keeps_order(teacher)
        self._cleans_up(teacher)

    def _becomes_teacher(self) -> Page:
        name = self._tag(self._script.teacher)
        teacher = self._people.page(name, is_teacher=True, at="/healthz", locale=self._script.locale, viewport=WINDOW)
        body = f'{{"status":"success","feedback":"","addresses":["{ADDRESS}"]}}'
        teacher.context.route(
            "**/site/addresses", lambda route: route.fulfill(body=body, content_type="application/json")
        )
        return teacher

    def _decides(self, teacher: Page) -> None:
        teacher.goto("/teach#site")
        expect(teacher.locator(".site-form")).to_be_visible()
        self._shoot(teacher, "site")

    def _imports_roster(self, teacher: Page) -> None:
        lines = [f"{self._tag(username)};{name};;{self._room}" for username, name in self._script.pupils]
        roster = "\n".join([ROSTER_HEAD, *lines]).encode()
        teacher.goto("/teach#people")
        teacher.locator(".people-head button").click()
        file: FilePayload = {"name": "8a.csv", "mimeType": "text/csv", "buffer": roster}
        teacher.locator("#field-roster").set_input_files(file)
        expect(teacher.locator(".preview tbody tr")).to_have_count(len(lines))
        teacher.locator("dialog .primary").click()
        cards = teacher.locator(".card")
        expect(cards).to_have_count(len(lines))
        expect(cards.last.locator("svg path")).to_have_count(1)
        for card in cards.all():
            _, username, password = card.locator("code").all_inner_texts()
            self._passwords[username] = password
        self._shoot(teacher, "cards")

    def _brings_in(self, teacher: Page) -> None:
        self._opens_room(teacher)
        teacher.locator("#bring-in").click()
        expect(teacher.locator(".panel-qr svg path")).to_have_count(1)
        expect(teacher.locator(".panel-count")).not_to_be_empty()
        self._shoot(teacher, "bring-in")
        _close_dialog(teacher)

    def _talks(self, teacher: Page) -> None:
        script = self._script
        mia, tom, zoe = (self._pupil(number) for number in range(3))
        for text in (script.greeting, script.task):
            say(teacher, text)
            expect(teacher.locator(".message[data-state=stored]").last).to_contain_text(text.partition("**")[0])
        pdf: FilePayload = {"name": script.file, "mimeType": "application/pdf", "buffer": PDF}
        teacher.locator("#file-input").set_input_files(pdf)
        expect(teacher.locator(".message[data-state=stored]")).to_have_count(3)
        greeting, task, _ = self._messages(mia)
        self._ask(teacher, "/chat/pin", id=task["id"], on=True)
        for pupil in (mia, tom, zoe):
            pupil.post("/chat/react", roomname=self._room, id=greeting["id"], emoji="👍", on=True)
        tom.say(script.question, self._room)
        question = self._messages(tom)[-1]
        answer = {"type": "text", "content": script.answer, "reply_to": question["id"]}
        self._ask(teacher, "/chat/send", new_message=answer)
        zoe.post("/chat/react", roomname=self._room, id=question["id"], emoji="❓", on=True)
        phone = self._on_the_phone()
        say(phone, script.done)
        expect_stored(phone, script.done)
        self._shoot(phone, "phone")
        expect(bubbles(teacher, script.done)).to_have_count(1)
        expect(teacher.locator("#pins-text")).to_be_visible()
        expect(teacher.locator(".member.online")).to_have_count(5)
        self._shoot(teacher, "room")

    def _keeps_order(self, teacher: Page) -> None:
        board = teacher.context.new_page()
        self._people.watch(board)
        board.goto(f"/board/{quote(self._room)}")
        expect(board.locator(".board-message")).to_have_count(6)
        expect(board.locator("#board-join svg path")).to_have_count(1)
        self._shoot(board, "board")
        teacher.locator(".member .icon-button").first.click()
        expect(teacher.locator(".sheet-actions")).to_be_visible()
        self._shoot(teacher, "member")
        _close_dialog(teacher)
        teacher.locator("#room-details").click()
        pause = teacher.locator("#field-pause")
        pause.select_option("30")
        teacher.locator(".order-section").evaluate("(node) => node.scrollIntoView()")
        self._shoot(teacher, "settings")
        _close_dialog(teacher)
        self._ask(teacher, "/chat/send", new_message={"type": "img", "content": TALL})
        board.wait_for_function("() => document.querySelector('.board-log img')?.naturalHeight > 0")
        board.wait_for_function(
            "() => { const log = document.querySelector('.board-log');"
            " return log.scrollHeight > log.clientHeight && log.scrollHeight - log.scrollTop - log.clientHeight < 2; }"
        )
        board.close()

    def _cleans_up(self, teacher: Page) -> None:
        for part, manages, name in (("rooms", self._room, "rooms"), ("people", self._script.pupils[1][1], "people")):
            teacher.goto(f"/teach#{part}")
            teacher.locator(".people-head input[type=search]").fill(self._tag(""))
            row = teacher.locator(".managed tbody tr", has_text=manages).first
            row.get_by_role("button").click()
            expect(teacher.locator("dialog .choices")).to_be_visible()
            self._shoot(teacher, name)
            _close_dialog(teacher)

    def _opens_room(self, page: Page) -> None:
        page.goto("/")
        expect(page.locator("body")).to_have_attribute("data-connection", "online")
        open_room(page, self._room)

    def _pupil(self, number: int) -> Client:
        username = self._tag(self._script.pupils[number][0])
        return self._people.client(username, self._passwords[username])

    def _on_the_phone(self) -> Page:
        page = self._people.page(locale=self._script.locale, **PHONE)
        username = self._tag(self._script.pupils[3][0])
        page.locator("#username").fill(username)
        page.locator("#password").fill(self._passwords[username])
        page.locator("#login-submit").click()
        expect(page.locator("body")).to_have_attribute("data-connection", "online")
        if page.locator("#back").is_visible():
            page.locator("#back").click()
        open_room(page, self._room)
        return page

    def _messages(self, client: Client) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.get("/chat/history", roomname=self._room, detail=1, limit=50)["messages"]
        return found

    def _ask(self, page: Page, path: str, **body: Any) -> None:
        answer: Any = page.request.post(path, data={"roomname": self._room, **body})
        assert answer.ok, answer.text()


def _close_dialog(page: Page) -> None:
    """Close it and wait until the page has left its entry in the history: going back would stop a navigation."""
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.wait_for_function("() => !history.state?.dialog")
