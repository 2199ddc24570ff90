"""The attacks, each a coroutine that goes on until it is cancelled.

`python -m bench.attack.attackers NAME SECONDS HTTP_PORT TCP_PORT` runs one in a process of its own and prints, as
JSON, how often the server answered with which status. All of it comes from one address, and but for a few from one
account: a pupil with a script.
"""
# ruff: noqa: T201

import asyncio
import base64
import contextlib
import itertools
import json
import os
import random
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bench.attack import pictures
from bench.attack.books import INTRUSION
from bench.attack.members import ROOM
from bench.attack.wire import Http, Lines, Lost, WebSocket

SOURCE = "127.0.0.66"
TEACHER = "teacher"
PASSWORD = "mallorys-own-1"  # noqa: S105
_PAUSE = 0.05  # seconds after a refusal or a lost connection: so long a script waits at least
_MIB = 1024 * 1024
NextRequest = Callable[[], tuple[str, str, Any]]  # method, path, body


class Attacker:
    """What all attacks use: an account, connections from one address, and counts of what came back."""

    def __init__(self, http_port: int, tcp_port: int) -> None:
        self.http_port = http_port
        self.tcp_port = tcp_port
        self.counts: Counter[str] = Counter()
        self.name = f"mallory-{os.getpid()}"
        self.cookie = ""

    def client(self, *, logged_in: bool = True) -> Http:
        client = Http(self.http_port, SOURCE)
        if logged_in:
            client.headers["Cookie"] = self.cookie
        return client

    async def register(self) -> None:
        client = self.client(logged_in=False)
        body = {"username": self.name, "password": PASSWORD}
        _, headers, _ = await client.call("POST", "/user/register", body)
        self.cookie = headers["set-cookie"].partition(";")[0]
        client.headers["Cookie"] = self.cookie
        await client.call("POST", "/room/join", {"roomname": ROOM})
        client.close()

    async def repeat(self, clients: int, request: NextRequest, *, logged_in: bool = True) -> None:
        """So many connections, each with the next request as soon as the last one is answered."""
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._repeat(self.client(logged_in=logged_in), request))

    async def _repeat(self, client: Http, request: NextRequest) -> None:
        while True:
            try:
                status, headers, _ = await client.call(*request())
                self.counts[str(status)] += 1
                if status in {429, 503}:
                    await asyncio.sleep(_PAUSE)
                if "retry-after" in headers:
                    self.counts["with Retry-After"] += 1
            except Lost:
                self.counts["lost"] += 1
                await asyncio.sleep(_PAUSE)

    def slow_socket(self, port: int) -> socket.socket:
        """A connection that hardly takes anything in."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(5)
        sock.bind((SOURCE, 0))
        sock.connect(("127.0.0.1", port))
        return sock

    async def keep(self, connections: int, port: int, data: bytes) -> None:
        """Hold so many connections that have sent this and read nothing; open those again that the server closes."""
        held: list[socket.socket | None] = [None] * connections
        while True:
            for at, sock in enumerate(held):
                if sock is None or _is_closed(sock):
                    self.counts["opened" if sock is None else "closed by the server"] += 1
                    with contextlib.suppress(OSError):
                        held[at] = None
                        held[at] = await asyncio.to_thread(self._open_with, port, data)
            await asyncio.sleep(0.2)

    def _open_with(self, port: int, data: bytes) -> socket.socket:
        sock = self.slow_socket(port)
        sock.sendall(data)
        sock.setblocking(False)
        return sock


def _is_closed(sock: socket.socket) -> bool:
    """Whether the server has closed it; what it has sent is not read, but for a byte."""
    try:
        return sock.recv(1, socket.MSG_PEEK) == b"" or bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    except BlockingIOError:
        return False
    except OSError:
        return True


def _image(content: bytes) -> tuple[str, str, Any]:
    message = {"type": "img", "content": base64.b64encode(content).decode()}
    return "POST", "/chat/send", {"roomname": ROOM, "new_message": message}


async def hostile_pictures(attacker: Attacker) -> None:
    """16 connections that post pictures full of metadata."""
    made = [json.dumps(_image(make(5_000_000))[2]).encode() for make in pictures.HOSTILE]
    turns = itertools.cycle(made)
    await attacker.repeat(16, lambda: ("POST", "/chat/send", next(turns)))


async def right_log_ins(attacker: Attacker) -> None:
    """Log in rightly, 300 at a time."""
    body = {"username": attacker.name, "password": PASSWORD}
    await attacker.repeat(300, lambda: ("POST", "/user/login", body), logged_in=False)


async def log_ins_of_nobody(attacker: Attacker) -> None:
    """Log in as users that do not exist, 100 at a time."""
    numbers = itertools.count()
    await attacker.repeat(
        100, lambda: ("POST", "/login", {"username": f"nobody-{next(numbers)}", "password": "x" * 8}), logged_in=False
    )


async def guesses_at_the_teacher(attacker: Attacker) -> None:
    """Guess the teacher's password, by all five protocols."""
    paths = (("/user/login", "username"), ("/login", "username"), ("/Login", "username"), ("/account/login", "email"))
    turns = itertools.cycle(paths)

    def guess() -> tuple[str, str, Any]:
        path, name = next(turns)
        return "POST", path, {name: TEACHER, "password": f"guess{random.random()}"[:20]}  # noqa: S311

    await attacker.repeat(20, guess, logged_in=False)


async def registrations(attacker: Attacker) -> None:
    """Make accounts."""
    numbers = itertools.count()
    body = lambda: {"username": f"{attacker.name}-{next(numbers)}", "password": "secret-11"}  # noqa: E731
    await attacker.repeat(50, lambda: ("POST", "/user/register", body()), logged_in=False)


async def many_rooms(attacker: Attacker) -> None:
    """Make rooms, also with passwds to hash, and ask for the list."""
    numbers = itertools.count()

    def request() -> tuple[str, str, Any]:
        number = next(numbers)
        if number % 3 == 2:
            return "GET", "/room/find?detail=1", None
        kind = {"type": "private", "passwd": "x"} if number % 3 else {"type": "public", "passwd": ""}
        return "POST", "/room/create", {"roomname": f"{attacker.name} {number}", **kind}

    await attacker.repeat(20, request)


async def forced_memberships(attacker: Attacker) -> None:
    """Put the teacher into room after room."""
    client = attacker.client()
    while True:
        try:
            status, _, body = await client.call("POST", "/api/room/create", {"name": "look", "description": ""})
            attacker.counts[f"made {status}"] += 1
            room = (json.loads(body).get("data") or {}).get("ID")
            if room is None:
                await asyncio.sleep(_PAUSE)
                continue
            member = {"room_id": room, "user_name": TEACHER, "role": "member"}
            status, _, body = await client.call("POST", "/api/room/add_user", member)
            attacker.counts[f"added, code {json.loads(body)['code']}"] += 1
        except Lost:
            attacker.counts["lost"] += 1
            await asyncio.sleep(_PAUSE)


async def unread_pictures(attacker: Attacker) -> None:
    """400 connections that ask for a picture of 5 MB and read nothing."""
    status, _, body = await attacker.client().call(*_image(pictures.photo(2200)))
    attacker.counts[f"picture {status}"] += 1
    _, _, body = await attacker.client().call("POST", "/api/message/list", {"room_id": await _room_id(attacker)})
    path = next(each["content"] for each in json.loads(body)["data"] if each["type"] == "image")
    path = path[path.index("/attachments/") :]
    await attacker.keep(400, attacker.http_port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())


async def unread_pulls(attacker: Attacker) -> None:
    """200 connections that ask for all there is, and read nothing."""
    body = json.dumps({ROOM: ""})
    head = f"POST /chat/pull?timeout=0&limit=500&detail=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {attacker.cookie}\r\n"
    await attacker.keep(200, attacker.http_port, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode() * 20)


async def unfinished_bodies(attacker: Attacker) -> None:
    """1,000 requests whose bodies of 64 KB never end."""
    head = b"POST /user/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 65536\r\n\r\n"
    await attacker.keep(1000, attacker.http_port, head + b"x" * 65000)


async def half_frames(attacker: Attacker) -> None:
    """400 WebSockets with most of a frame of 256 KB."""
    opened: list[WebSocket] = []
    frame = b"\x81\xff" + (250_000).to_bytes(8, "big") + b"\0\0\0\0" + b"x" * 240_000
    while True:
        try:
            found = await WebSocket.open(attacker.http_port, "/api/message/ws", {"Cookie": attacker.cookie}, SOURCE)
            found.raw(frame)
            opened.append(found)
            attacker.counts["opened"] += 1
        except Lost:
            attacker.counts["refused"] += 1
            await asyncio.sleep(_PAUSE)
        if len(opened) >= 400:
            opened.pop(0).close()
            await asyncio.sleep(_PAUSE)


async def silent_connections(attacker: Attacker) -> None:
    """3,000 connections that say nothing, to both ports."""
    async with asyncio.TaskGroup() as group:
        group.create_task(attacker.keep(1500, attacker.http_port, b""))
        group.create_task(attacker.keep(1500, attacker.tcp_port, b""))


async def large_avatar(attacker: Attacker) -> None:
    """An avatar as large as is taken, and messages that bring it."""
    avatar = "data:image/png;base64," + base64.b64encode(pictures.photo(620)).decode()
    status, _, _ = await attacker.client().call("PUT", "/account/info", {"avatar": avatar[:524_000]})
    attacker.counts[f"avatar {status}"] += 1
    await attacker.repeat(2, lambda: ("POST", "/chat/send", _text("look at me")))


def _text(content: str) -> dict[str, Any]:
    return {"roomname": ROOM, "new_message": {"type": "text", "content": content}}


async def flood_of_messages(attacker: Attacker) -> None:
    """Texts of the greatest length, as fast as they go."""
    await attacker.repeat(20, lambda: ("POST", "/chat/send", _text("x" * 4000)))


async def flood_of_requests(attacker: Attacker) -> None:
    """Cheap requests, 50 at a time."""
    await attacker.repeat(50, lambda: ("GET", "/user/me", None))


async def flood_of_frames(attacker: Attacker) -> None:
    """Lines and frames as fast as they are taken."""
    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(_lines_without_end(attacker))
            group.create_task(_frames_without_end(attacker))


async def _lines_without_end(attacker: Attacker) -> None:
    async def flood(lines: Lines) -> None:
        lines.send("login_request", username=attacker.name, password=PASSWORD)
        while True:
            for _ in range(50):
                lines.send("user_info_request")
            for _ in range(50):
                attacker.counts[(await lines.receive())["message_type"]] += 1

    await _again(attacker, lambda: Lines.open(attacker.tcp_port, SOURCE), flood)


async def _frames_without_end(attacker: Attacker) -> None:
    async def flood(socket: WebSocket) -> None:
        await socket.receive()
        while True:
            for _ in range(50):
                socket.send({"type": "ping"})
            for _ in range(50):
                attacker.counts[f"code {(await socket.receive())['code']}"] += 1

    headers = {"Cookie": attacker.cookie}
    await _again(attacker, lambda: WebSocket.open(attacker.http_port, "/api/message/ws", headers, SOURCE), flood)


async def _again(
    attacker: Attacker, connect: Callable[[], Awaitable[Any]], flood: Callable[[Any], Awaitable[None]]
) -> None:
    while True:
        try:
            peer = await connect()
        except Lost:
            attacker.counts["lost"] += 1
            await asyncio.sleep(_PAUSE)
            continue
        try:
            await flood(peer)
        except Lost:
            attacker.counts["lost"] += 1
            await asyncio.sleep(_PAUSE)
        finally:
            peer.close()


async def documents(attacker: Attacker) -> None:
    """The documentation, 100 at a time, without logging in."""
    turns = itertools.cycle(["/docs", "/docs?lang=zh", "/openapi/ims.json", "/docs/ims.md", "/openapi/polling.json"])
    await attacker.repeat(100, lambda: ("GET", next(turns), None), logged_in=False)


async def searches(attacker: Attacker) -> None:
    """Searches for what is not there, and lists."""
    room = await _room_id(attacker)
    needle = "a" * 90 + "b"
    paths = (
        f"/conversations/manage_messages?conversation_id={room}&content={needle}",
        f"/conversations/messages?conversationId={room}",
        "/conversations",
        f"/room/members?roomname={ROOM}",
    )
    turns = itertools.cycle(paths)
    await attacker.repeat(60, lambda: ("GET", next(turns), None))


async def dear_bodies(attacker: Attacker) -> None:
    """Bodies that take long to look at: escapes, names, words; before and after logging in."""
    escaped = b'{"username":"a","password":"\\u0041' + b"x" * 8_000_000 + b'"}'
    names = json.dumps({("é" * 395) + str(number): "" for number in range(4900)}).encode()
    words = b'{"roomname":"lesson","new_message":{"type":"img","content":"' + b"abc " * 1_900_000 + b'"}}'
    deep = b"[" * 900_000
    number = b'{"username":' + b"9" * 4_000_000 + b"}"
    async with asyncio.TaskGroup() as group:
        for path, body, count in (
            ("/user/login", escaped, 4),
            ("/chat/pull?timeout=0", names, 4),
            ("/chat/send", words, 4),
            ("/login", deep, 4),
            ("/Login", number, 4),
        ):
            group.create_task(attacker.repeat(count, lambda path=path, body=body: ("POST", path, body)))


async def files(attacker: Attacker) -> None:
    """Files of 20 MiB by the tcp protocol, one after the other."""

    async def upload(lines: Lines) -> None:
        lines.send("login_request", username=attacker.name, password=PASSWORD)
        room = await _room_id(attacker)
        while True:
            lines.send("file_upload_request", filename="x", file_data="", file_size=20 * _MIB, chat_group_id=room)
            await _until(attacker, lines, {"file_upload_response", "error_message"}, "file_upload_response")
            for _ in range(160):
                await lines.raw(bytes(_MIB // 8))
            await _until(attacker, lines, {"file_upload_response", "error_message"}, "file_upload_response")

    await _again(attacker, lambda: Lines.open(attacker.tcp_port, SOURCE), upload)


async def _until(attacker: Attacker, lines: Lines, kinds: set[str], wanted: str) -> None:
    """Skip to a message of these kinds. Raises Lost where it is not the wanted one: uploading starts again then."""
    while (message := await lines.receive())["message_type"] not in kinds:
        pass
    attacker.counts[message["message_type"]] += 1
    if message["message_type"] != wanted or not message["success"]:
        raise Lost("refused")


async def posts_to_the_tcp_port(attacker: Attacker) -> None:
    """What a page of another site can make a browser send: HTTP with the protocol's lines as its body."""
    lines = [
        {"message_type": "login_request", "username": attacker.name, "password": PASSWORD},
        {"message_type": "chat_message", "chat_group_name": ROOM, "content": INTRUSION},
    ]
    body = "\n".join(json.dumps(line) for line in lines) + "\n"
    client = Http(attacker.tcp_port, SOURCE)
    while True:
        try:
            await client.call("POST", "/", body.encode())
        except Lost:
            attacker.counts["closed"] += 1
        await asyncio.sleep(_PAUSE)


async def codes_by_mail(attacker: Attacker) -> None:
    """Ask for codes while the mail server is silent."""
    numbers = itertools.count()
    await attacker.repeat(30, lambda: ("POST", "/verify", {"email": f"m{next(numbers)}@example.com"}), logged_in=False)


async def _room_id(attacker: Attacker) -> int:
    _, _, body = await attacker.client().call("GET", "/room/find?detail=1")
    return next(int(room["id"]) for room in json.loads(body)["rooms"] if room["roomname"] == ROOM)


ATTACKS: dict[str, Callable[[Attacker], Coroutine[Any, Any, None]]] = {
    attack.__name__.replace("_", "-"): attack
    for attack in (
        hostile_pictures,
        right_log_ins,
        log_ins_of_nobody,
        guesses_at_the_teacher,
        registrations,
        many_rooms,
        forced_memberships,
        unread_pictures,
        unread_pulls,
        unfinished_bodies,
        half_frames,
        silent_connections,
        large_avatar,
        flood_of_messages,
        flood_of_requests,
        flood_of_frames,
        documents,
        searches,
        dear_bodies,
        files,
        posts_to_the_tcp_port,
        codes_by_mail,
    )
}


async def _attack(name: str, seconds: float, attacker: Attacker) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                try:
                    await attacker.register()
                    break
                except (Lost, KeyError):
                    attacker.counts["not registered"] += 1
                    await asyncio.sleep(_PAUSE)
            await ATTACKS[name](attacker)


def main() -> None:
    name, seconds, http_port, tcp_port = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    attacker = Attacker(http_port, tcp_port)
    os.nice(10)  # the class is measured on the same core
    try:
        asyncio.run(_attack(name, seconds, attacker))
    finally:
        print(json.dumps(attacker.counts))


if __name__ == "__main__":
    main()
