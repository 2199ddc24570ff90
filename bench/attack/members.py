"""The class: pupils who register, log in, enter one room and chat there, each by one of the five protocols."""

import asyncio
import json
import time
from typing import Any

from bench.attack.books import Books, words
from bench.attack.wire import ANSWER_SECONDS, Http, Lines, Lost, WebSocket

ROOM = "lesson"
PASSWORD = "pencil-case-7"  # noqa: S105
_RETRY_SECONDS = 0.5
_PULL_SECONDS = 25


class Member:
    """One pupil. `run` receives until it is cancelled; `say` sends one message."""

    def __init__(self, number: int, http_port: int, tcp_port: int, books: Books) -> None:
        self.number = number
        self.name = f"pupil-{number}"
        self.password = PASSWORD
        self.tcp_port = tcp_port
        self.books = books
        self.room_id = 0
        self.account = Http(http_port)  # polling's session: to register, to enter the room, to look
        self.sender = Http(http_port)
        self.ready = asyncio.Event()
        self._caught_up = ""

    async def register(self) -> None:
        """Make the account and enter the room. Raises Lost, ValueError."""
        _, headers, body = await self.account.call("POST", "/user/register", self._credentials())
        if b'"success"' not in body:
            raise ValueError(body)
        self.account.headers["Cookie"] = headers["set-cookie"].partition(";")[0]
        await self.polling("POST", "/room/join", {"roomname": ROOM})
        rooms = json.loads(await self.polling("GET", "/room/find?detail=1"))["rooms"]
        self.room_id = next(room["id"] for room in rooms if room["roomname"] == ROOM)
        await self.log_in()

    async def log_in(self) -> None:
        """By its own protocol."""

    async def run(self) -> None:
        """Receive; where the connection is lost, again a little later."""
        while True:
            try:
                await self.receive()
            except Lost:
                self.books.phase.lapses += 1
                await asyncio.sleep(_RETRY_SECONDS)
                await self.catch_up()

    async def catch_up(self) -> None:
        """Fetch messages missed while the connection was lost: a socket only delivers later ones."""
        found = None
        while found is None or found:
            try:
                answer = json.loads(await self.polling("POST", "/chat/pull?timeout=0", {ROOM: self._caught_up}))
            except (Lost, ValueError):
                return  # the next lapse, or the end of the run, tries again
            found = answer[ROOM]
            for message in found:
                self._caught_up = message["timestamp"]
                self.heard(message["content"], again=True)

    async def receive(self) -> None:
        raise NotImplementedError

    async def say(self) -> bool:
        """Send a message and book how that went; whether it was acknowledged."""
        await self.ready.wait()
        number = self.books.begin(time.monotonic())
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                is_stored = await self.send(words(number), number)
        except (Lost, TimeoutError):
            is_stored = False
        if is_stored:
            self.books.acknowledge(number, time.monotonic())
        else:
            self.books.refuse(number)
        return is_stored

    async def send(self, text: str, number: int) -> bool:
        """Whether the message was acknowledged. Raises Lost."""
        raise NotImplementedError

    def heard(self, text: str, *, again: bool = False) -> None:
        self.books.receive(self.number, text, time.monotonic(), again=again)

    def _credentials(self) -> dict[str, str]:
        return {"username": self.name, "password": self.password}

    async def polling(self, method: str, path: str, body: Any = None) -> bytes:
        status, _, answer = await self.account.call(method, path, body)
        if status != 200:
            raise ValueError(f"{path}: {status} {answer[:200]!r}")
        return answer

    async def _posted(self, path: str, body: Any) -> dict[str, Any]:
        _, _, answer = await self.sender.call("POST", path, body)
        found: dict[str, Any] = json.loads(answer)
        return found


class Polling(Member):
    """Held pulls and POST /chat/send."""

    async def log_in(self) -> None:
        self.sender.headers = self.account.headers
        self._reader = Http(self.sender.port)
        self._reader.headers = self.account.headers
        self._cursor = ""

    async def receive(self) -> None:
        self.ready.set()
        path = f"/chat/pull?timeout={_PULL_SECONDS}"
        status, _, body = await self._reader.call("POST", path, {ROOM: self._cursor})
        if status != 200:
            raise Lost(f"pull answered {status}")
        for message in json.loads(body)[ROOM]:
            self._cursor = message["timestamp"]
            self.heard(message["content"])

    async def send(self, text: str, number: int) -> bool:
        message = {"type": "text", "content": text, "client_message_id": f"{number}"}
        answer = await self._posted("/chat/send", {"roomname": ROOM, "new_message": message})
        return bool(answer["status"] == "success")


class Roomapi(Member):
    """Pushes by the WebSocket, sends by POST."""

    async def log_in(self) -> None:
        answer = await self._posted("/login", self._credentials())
        self.sender.headers["Authorization"] = answer["data"]["token"]

    async def receive(self) -> None:
        socket = await WebSocket.open(self.sender.port, "/api/message/ws", self.sender.headers)
        try:
            await socket.receive()  # the greeting
            self.ready.set()
            while True:
                self.heard((await socket.receive())["data"]["content"])
        finally:
            socket.close()

    async def send(self, text: str, number: int) -> bool:
        body = {"room_id": self.room_id, "type": "text", "content": text, "client_message_id": f"{number}"}
        return bool((await self._posted("/api/message/send", body))["code"] == 0)


class _OnOneSocket(Member):
    """Sends on the connection that it receives by; acknowledgements come in order."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._waiting: list[asyncio.Future[bool]] = []

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            self.unanswered()

    def next_answer(self) -> "asyncio.Future[bool]":
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def answered(self, is_stored: bool) -> None:
        if self._waiting:
            future = self._waiting.pop(0)
            if not future.done():
                future.set_result(is_stored)

    def unanswered(self) -> None:
        """The connection broke."""
        while self._waiting:
            self.answered(False)


class Realtime(_OnOneSocket):
    """A ticket, then a WebSocket. The sender is not sent its own message: the acknowledgement stands for it."""

    async def log_in(self) -> None:
        _, headers, _ = await self.sender.call("POST", "/Login", self._credentials())
        self.sender.headers["Cookie"] = headers["set-cookie"].partition(";")[0]

    async def receive(self) -> None:
        _, _, body = await self.sender.call("GET", f"/Room/{self.room_id}")
        try:
            ticket = json.loads(body)["token"]
        except (KeyError, ValueError):
            raise Lost(f"no ticket: {body[:100]!r}") from None
        socket = self._socket = await WebSocket.open(self.sender.port, "/", {})
        try:
            socket.send({"token": ticket})
            self.ready.set()
            while True:
                frame = await socket.receive()
                if "status" in frame:
                    self.answered(frame["status"])
                elif frame["type"] == 0:
                    self.heard(frame["msg"])
        finally:
            self.unanswered()
            socket.close()

    async def send(self, text: str, number: int) -> bool:
        self._socket.send({"msg": text, "client_message_id": f"{number}"})
        is_stored = await self.next_answer()
        if is_stored:
            self.heard(text)
        return is_stored


class Tcp(_OnOneSocket):
    """Lines of JSON. The sender's own message comes back and acknowledges it."""

    async def receive(self) -> None:
        lines = self._lines = await Lines.open(self.tcp_port)
        try:
            lines.send("login_request", **self._credentials())
            while True:
                message = await lines.receive()
                kind = message["message_type"]
                if kind == "login_response":
                    if not message["success"]:
                        raise Lost(f"{message}")
                    self.ready.set()
                elif kind == "chat_message":
                    if message["sender_username"] == self.name:
                        self.answered(True)
                    self.heard(message["content"])
                elif kind == "file_notification":
                    self.heard(message["content"])
                elif kind == "error_message":
                    self.answered(False)
        finally:
            self.unanswered()
            lines.close()

    async def send(self, text: str, number: int) -> bool:
        self._lines.send("chat_message", chat_group_name=ROOM, content=text, client_message_id=f"{number}")
        return await self.next_answer()


class Ims(Member):
    """A WebSocket that announces news, and GET requests that fetch them."""

    async def log_in(self) -> None:
        answer = await self._posted("/account/login", {"email": self.name, "password": self.password})
        self.sender.headers["Authorization"] = answer["token"]
        self._reader = Http(self.sender.port)
        self._reader.headers = self.sender.headers
        self._from = ""

    async def receive(self) -> None:
        path = f"/ws/?token={self.sender.headers['Authorization']}"
        socket = await WebSocket.open(self.sender.port, path, {})
        announced = asyncio.Event()
        listener = asyncio.create_task(self._listen(socket, announced))
        listener.add_done_callback(lambda _: announced.set())
        try:
            await self._look()
            self.ready.set()
            while not listener.done():
                await announced.wait()
                announced.clear()  # one request fetches everything announced so far
                await self._look()
            listener.result()
        finally:
            listener.cancel()
            socket.close()

    async def _listen(self, socket: WebSocket, announced: asyncio.Event) -> None:
        while True:
            if (await socket.receive())["type"] == "notify":
                announced.set()

    async def _look(self) -> None:
        """From the second of the last message on, so some are repeated."""
        path = f"/conversations/messages?conversationId={self.room_id}"
        status, _, body = await self._reader.call("GET", path + (f"&from={self._from}" if self._from else ""))
        if status != 200:
            raise Lost(f"messages answered {status}")
        for message in json.loads(body)["messages"]:
            self._from = message["created_time"]
            self.heard(message["content"], again=True)

    async def send(self, text: str, number: int) -> bool:
        body = {"conversationId": self.room_id, "content": text, "client_message_id": f"{number}"}
        return bool((await self._posted("/conversations/messages", body))["code"] == 0)


KINDS: tuple[type[Member], ...] = (Polling, Roomapi, Realtime, Tcp, Ims)
