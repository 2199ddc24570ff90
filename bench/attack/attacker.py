"""Shared by all attacks: an account, connections from one address, and counts of answers."""

import asyncio
import base64
import contextlib
import json
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from bench.attack.members import ROOM
from bench.attack.wire import Http, Lost

SOURCE = "127.0.0.66"
TEACHER = "teacher"
PASSWORD = "mallorys-own-1"  # noqa: S105
PAUSE = 0.05  # minimum pause in seconds after a refusal or a lost connection
NextRequest = Callable[[], tuple[str, str, Any]]  # method, path, body


class Attacker:
    """The base of all attacks: an account, connections from one address, and counts of answers."""

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
            if await self.once(client, request()) in {0, 429, 503}:
                await asyncio.sleep(PAUSE)

    async def once(self, client: Http, request: tuple[str, str, Any]) -> int:
        """Send the request, count the answer, and return its status; 0 if the connection was lost."""
        try:
            status, headers, _ = await client.call(*request)
        except Lost:
            self.counts["lost"] += 1
            return 0
        self.counts[str(status)] += 1
        if "retry-after" in headers:
            self.counts["with Retry-After"] += 1
        return status

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
    """Whether the server has closed the connection; reads at most one byte."""
    try:
        return sock.recv(1, socket.MSG_PEEK) == b"" or bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    except BlockingIOError:
        return False
    except OSError:
        return True


def image(content: bytes) -> tuple[str, str, Any]:
    message = {"type": "img", "content": base64.b64encode(content).decode()}
    return "POST", "/chat/send", {"roomname": ROOM, "new_message": message}


def text(content: str) -> dict[str, Any]:
    return {"roomname": ROOM, "new_message": {"type": "text", "content": content}}


async def again(
    attacker: Attacker, connect: Callable[[], Awaitable[Any]], flood: Callable[[Any], Awaitable[None]]
) -> None:
    while True:
        try:
            peer = await connect()
        except Lost:
            attacker.counts["lost"] += 1
            await asyncio.sleep(PAUSE)
            continue
        try:
            await flood(peer)
        except Lost:
            attacker.counts["lost"] += 1
            await asyncio.sleep(PAUSE)
        finally:
            peer.close()


async def room_id(attacker: Attacker) -> int:
    status, body = 0, b""
    while status != 200:  # refused for a while, under other attacks
        status, _, body = await attacker.client().call("GET", "/room/find?detail=1")
        await asyncio.sleep(PAUSE)
    return next(int(room["id"]) for room in json.loads(body)["rooms"] if room["roomname"] == ROOM)
