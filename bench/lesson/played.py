"""The lesson, phase by phase, as a teacher and pupils with their clients."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from bench.attack.books import Books, words
from bench.attack.members import KINDS, ROOM, Member, Polling
from bench.attack.wire import Http
from bench.lesson.exported import Expected, complaints

TEACHER = "ms-frizzle"
FILE_NAME = "assignment.pdf"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n" + (
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
LOGIN_SECONDS = 60
_ARRIVAL_SECONDS = 30
_REPLIES = 3
_SLOW_SECONDS = 600
_ACTIONS = frozenset({"room_settings", "member_muted", "message_deleted"})


class LessonBooks(Books):
    """The assignment is a message too, which each protocol shows as its link or its name."""

    assignment = 0

    def receive(self, member: int, text: str, now: float, *, again: bool = False) -> None:
        is_file = FILE_NAME in text or "/attachments/" in text
        super().receive(member, words(self.assignment) if is_file else text, now, again=again)


class Lesson:
    """A teacher and pupils: half of them by polling, the others by the four other protocols in turn."""

    def __init__(self, http_port: int, tcp_port: int, claim: str, pupils: int) -> None:
        self.errors: list[str] = []
        self._claim = claim
        others = KINDS[1:]
        kinds = [others[number // 2 % len(others)] if number % 2 else Polling for number in range(pupils)]
        self.books = LessonBooks(kind.__name__.lower() for kind in [*kinds, Polling])
        self.pupils: list[Member] = [kind(number, http_port, tcp_port, self.books) for number, kind in enumerate(kinds)]
        self._teacher = Polling(pupils, http_port, tcp_port, self.books)
        self._teacher.name = TEACHER
        self.everybody = [*self.pupils, self._teacher]
        self._deleted = 0

    async def begin(self) -> None:
        """The teacher registers and opens the printed link."""
        _, headers, _ = await self._teacher.account.call(
            "POST", "/user/register", {"username": TEACHER, "password": self._teacher.password}
        )
        self._teacher.account.headers["Cookie"] = headers["set-cookie"].partition(";")[0]
        await self._do("/site/claim", token=self._claim)

    async def roster(self) -> None:
        """Import it, wait for its end, and fetch the data of the log-in cards."""
        lines = [f"{pupil.name},学生 {pupil.number},,{ROOM}" for pupil in self.pupils]
        content = base64.b64encode("\n".join(["username,name,password,rooms", *lines]).encode()).decode()
        checked = await self._do("/site/roster/check", content=content)
        self._expect(len(checked["people"]) == len(self.pupils) and not checked["errors"], "the roster's check")
        begun = await self._do("/site/roster/import", content=content, passwords=False)
        state = "running"
        while state == "running":
            await asyncio.sleep(0.1)
            state = (await self._get(f"/site/roster/status?id={begun['id']}"))["state"]
        self._expect(state == "done", f"the import ended as {state}")
        cards = {card["username"]: card["password"] for card in begun["cards"]}
        links = [f"http://127.0.0.1:{self._teacher.sender.port}/?user={name}" for name in cards]
        for first in range(0, len(links), 100):
            part = links[first : first + 100]
            codes = (await self._do("/site/qr", texts=part))["codes"]
            self._expect(len(codes) == len(part), "a card without a QR code")
        for pupil in self.pupils:
            pupil.password = cards[pupil.name]

    @asynccontextmanager
    async def attended(self) -> AsyncIterator[None]:
        """Everybody logs in at once, from one address, and receives until the end."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for pupil in self.pupils:
                group.create_task(self._log_in(pupil))
        await self._enter(self._teacher)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(member.run()) for member in self.everybody]
            try:
                async with asyncio.timeout(LOGIN_SECONDS):
                    for member in self.everybody:
                        await member.ready.wait()
                self._expect(time.monotonic() - began < LOGIN_SECONDS, "logging in took more than a minute")
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def greetings(self) -> None:
        """After the answer to its first message each is surely in the room: no protocol says so by itself."""
        heard = await asyncio.gather(*(member.send("Good morning", 0) for member in self.everybody))
        self._expect(all(heard), "a greeting was refused")
        members = (await self._get(f"/room/members?roomname={ROOM}"))["members"]
        self._expect(sum(member["online"] for member in members) == len(self.everybody), "somebody is not online")

    async def assignment(self) -> None:
        """A PDF from the teacher, which reaches all, and which a pupil opens."""
        number = self.books.assignment = self.books.begin(time.monotonic())
        sender = Http(self._teacher.sender.port)
        sender.headers = {
            "Cookie": self._teacher.account.headers["Cookie"],
            "Content-Type": "multipart/form-data; boundary=part",
        }
        status, _, body = await sender.call("POST", "/chat/upload", _form(number))
        sender.close()
        if status != 200:
            raise ValueError(f"upload: {status} {body[:200]!r}")
        self.books.acknowledge(number, time.monotonic())
        await self._arrived()
        [address] = [message["content"] for message in await self._history() if message["type"] == "file"]
        status, _, body = await self.pupils[0].account.call("GET", address)
        self._expect(status == 200 and body == PDF, f"the assignment is answered with {status}")

    async def questions(self) -> None:
        """Each pupil asks twice; the teacher answers some, and everybody reacts to an answer."""
        for _ in range(2):
            await self._say(self.pupils, True)
        await self._arrived()
        asked = [message for message in await self._history() if message["user"] != TEACHER][-_REPLIES:]
        for question in asked:
            number = self.books.begin(time.monotonic())
            message = {"type": "text", "content": words(number), "reply_to": question["id"]}
            await self._do("/chat/send", roomname=ROOM, new_message=message)
            self.books.acknowledge(number, time.monotonic())
        answer = (await self._history())[-1]
        for pupil in self.pupils:
            await _posted(pupil, "/chat/react", roomname=ROOM, id=answer["id"], emoji="👍", on=True)
        await self._arrived()
        answer = next(message for message in await self._history() if message["id"] == answer["id"])
        self._expect(len(answer["reactions"].get("👍", ())) == len(self.pupils), "a reaction is missing")
        self._expect(answer["reply_to"] == asked[-1]["id"], "an answer has lost its question")

    async def order(self) -> None:
        """Two are muted, one by polling and one by another protocol; a message of theirs is deleted."""
        muted, others = self.pupils[:2], self.pupils[2:]
        number = int((await self._last_of(muted[0]))["content"].split(":")[1])
        for pupil in muted:
            await self._do("/room/mute", roomname=ROOM, user=pupil.name, minutes=10)
        await self._say(muted, False)
        await self._say(others, True)
        await self._arrived()
        await self._do("/chat/delete", roomname=ROOM, id=(await self._last_of(muted[0]))["id"])
        self._deleted = number
        self._expect(words(number) not in [message["content"] for message in await self._history()], "not deleted")
        for pupil in muted:
            await self._do("/room/mute", roomname=ROOM, user=pupil.name, minutes=0)
        await self._say(muted, True)
        await self._arrived()

    async def slow_mode(self) -> None:
        """Pupils have just written, and have to wait; the teacher has not."""
        await self._do("/room/settings", roomname=ROOM, slow_mode=_SLOW_SECONDS)
        await self._say(self.pupils, False)
        await self._say([self._teacher], True)
        await self._do("/room/settings", roomname=ROOM, slow_mode=0)
        await self._say(self.pupils, True)
        await self._arrived()

    async def read_only(self) -> None:
        """Only the teacher writes."""
        await self._do("/room/settings", roomname=ROOM, read_only=True)
        await self._say(self.pupils, False)
        await self._say([self._teacher], True)
        await self._arrived()

    async def export(self) -> None:
        """The ZIP has everything that was acknowledged, but for the deleted message."""
        content = await self._teacher.polling("GET", f"/room/export?roomname={ROOM}")
        said = self.books.acknowledged - {self._deleted, self.books.assignment}
        expected = Expected(said, self._deleted, PDF, _REPLIES, len(self.pupils), len(self.everybody), _ACTIONS)
        self.errors += complaints(content, expected)

    async def archive(self) -> None:
        """Nobody writes; everybody still reads; the room is not listed."""
        await self._do("/room/settings", roomname=ROOM, read_only=False, archived=True)
        await self._say(self.everybody, False)
        listed = [room["roomname"] for room in (await self._get("/room/find"))["rooms"]]
        self._expect(ROOM not in listed, "the archived room is listed")
        history = json.loads(await self.pupils[0].polling("GET", f"/chat/history?roomname={ROOM}"))
        self._expect(bool(history["messages"]), "the archived room cannot be read")

    def verdict(self) -> list[str]:
        """All errors of the lesson."""
        found = list(self.errors)
        counts = {
            "deliveries of acknowledged messages are missing": self.books.outstanding,
            "deliveries were made twice": self.books.duplicates,
            "connections broke": self.books.phase.lapses,
        }
        return found + [f"{count} {what}" for what, count in counts.items() if count]

    async def _log_in(self, pupil: Member) -> None:
        """In the page, for what only polling has, and by the pupil's own protocol (tcp: when it connects)."""
        credentials = {"username": pupil.name, "password": pupil.password}
        status, headers, body = await pupil.account.call("POST", "/user/login", credentials)
        if status != 200:
            raise ValueError(f"{pupil.name} cannot log in: {status} {body[:200]!r}")
        pupil.account.headers["Cookie"] = headers["set-cookie"].partition(";")[0]
        await self._enter(pupil)

    async def _enter(self, member: Member) -> None:
        if member is self._teacher:
            await self._do("/room/join", roomname=ROOM)
        rooms = json.loads(await member.polling("GET", "/room/find?detail=1"))["rooms"]
        member.room_id = next(room["id"] for room in rooms if room["roomname"] == ROOM)
        await member.log_in()

    async def _say(self, members: Iterable[Member], is_allowed: bool) -> None:
        """All of them at once."""
        members = list(members)
        stored = await asyncio.gather(*(member.say() for member in members))
        wrong = [member for member, is_stored in zip(members, stored, strict=True) if is_stored is not is_allowed]
        what = "was refused" if is_allowed else "was not refused"
        self.errors += [f"a message of {member.name} ({type(member).__name__}) {what}" for member in wrong]

    async def _arrived(self) -> None:
        """Wait for all deliveries; those that do not come are errors at the end."""
        end = time.monotonic() + _ARRIVAL_SECONDS
        while self.books.outstanding and time.monotonic() < end:
            await asyncio.sleep(0.02)

    async def _history(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._get(f"/chat/history?roomname={ROOM}&detail=1&limit=500"))["messages"]
        return found

    async def _last_of(self, pupil: Member) -> dict[str, Any]:
        return [message for message in await self._history() if message["user"] == pupil.name][-1]

    async def _get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self._teacher.polling("GET", path))
        return found

    async def _do(self, path: str, **body: Any) -> dict[str, Any]:
        return await _posted(self._teacher, path, **body)

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.errors.append(otherwise)


async def _posted(member: Member, path: str, **body: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await member.polling("POST", path, body))
    return found


def _form(number: int) -> bytes:
    fields = {"roomname": ROOM, "client_message_id": f"{number}"}
    parts = [
        f'--part\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    parts.append(f'--part\r\nContent-Disposition: form-data; name="file"; filename="{FILE_NAME}"\r\n')
    return "".join(parts).encode() + b"Content-Type: application/pdf\r\n\r\n" + PDF + b"\r\n--part--\r\n"
