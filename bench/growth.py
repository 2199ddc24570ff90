"""How addresses keep up as data grows: each is asked a few times, one request after the other, in a big database."""

import http.client
import json
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.growth_data import BUSY, LOBBY, PASSWORD, SEARCHERS, TOKENS, messages
from bench.ledger import percentile
from bench.searching import sends_while_searching
from bench.servers import BIN, Commonroom, core_seconds, free_port

TIMES = 20  # each request
P95_MARK, P95_PER_100_ROWS = 50.0, 5.0  # ms
MOST_PULLED = 1000  # rooms that one pull may name
_HUGE = 10**9


@dataclass
class Address:
    """How one request did."""

    what: str
    p50: float  # ms
    p95: float
    cpu: float  # ms of the server's, each
    size: int  # bytes of the answer
    rows: int  # entries in it
    failed: str = ""

    @property
    def is_met(self) -> bool:
        """In 50 ms, or, where it returns all of something, in 5 ms per 100 entries."""
        return not self.failed and self.p95 <= max(P95_MARK, self.rows / 100 * P95_PER_100_ROWS)


@dataclass
class Growth:
    scale: float
    addresses: list[Address]
    rss: tuple[int, int]  # bytes: of a server that has just started, and after all was asked
    others: float  # the server core's share used by other programs
    faults: str = ""

    def line(self) -> str:
        late = [address.what for address in self.addresses if not address.is_met]
        before, after = (size / 2**20 for size in self.rss)
        return (
            f"{len(self.addresses)} requests, {len(late)} over the mark{': ' + '; '.join(late) if late else ''}; "
            f"memory {before:.0f} MiB at the start, {after:.0f} MiB at the end; "
            f"other programs took {self.others:.0%} of the server's core"
        )


class GrownCommonroom(Commonroom):
    """A server with the generated database."""

    def __init__(self, scale: float, data: Path | None) -> None:
        self.tcp_port = free_port()
        self._scale = scale
        self._data = data
        super().__init__(0, 0)

    def fill(self, rooms: int, members: int) -> dict[str, Any]:
        del rooms, members
        if self._data is not None:
            shutil.copytree(self._data, self._home, dirs_exist_ok=True)
        self.run(BIN / "flask", "--app", "wsgi", "db", "upgrade")
        if self._data is None:
            self.run(sys.executable, "-m", "bench.growth_data", str(self._scale))
        found: dict[str, Any] = json.loads((self._home / TOKENS).read_text())
        return found

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "TCP_PORT": str(self.tcp_port)}


def growth(scale: float, data: Path | None = None) -> Growth:
    """Ask everything of a server with that much of the full database (1: 2,000,000 messages), made before or now."""
    with GrownCommonroom(scale, data) as server:
        before = server.rss_bytes()
        began, core, own = time.monotonic(), core_seconds(), server.cpu_seconds()
        asked = [*_http(server, scale), *_tcp(server), _searching(server)]
        took, core, own = time.monotonic() - began, core_seconds() - core, server.cpu_seconds() - own
        rss = before, server.rss_bytes()
    return Growth(
        scale,
        asked,
        rss,
        max(0.0, core - own) / took,
        "; ".join(f"{each.what}: {each.failed}" for each in asked if each.failed),
    )


def measured(
    server: GrownCommonroom, what: str, ask: Callable[[], bytes], count: Callable[[Any], int], times: int = TIMES
) -> Address:
    """Ask that many times, one after the other."""
    took: list[int] = []
    try:
        answer = ask()  # fills caches
        cpu = server.cpu_seconds()
        for _ in range(times):
            began = time.perf_counter_ns()
            answer = ask()
            took.append(time.perf_counter_ns() - began)
        cpu = (server.cpu_seconds() - cpu) / times * 1000
        rows = count(json.loads(answer))
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException) as error:
        return Address(what, 0, 0, 0, 0, 0, repr(error))
    return Address(what, percentile(took, 0.5), percentile(took, 0.95), cpu, len(answer), rows)


def _requests() -> Iterator[tuple[str, str, str, Any, Callable[[Any], int]]]:
    """Who asks, method, address, body, and how many entries an answer has."""
    rooms, data, said = _list("rooms"), _list("data"), _list("messages")
    for who in ("pupil", "teacher"):
        yield who, "GET", "/room/find", None, rooms
        yield who, "GET", "/room/find?detail=1", None, rooms
        yield who, "GET", "/room/find?detail=1&limit=100", None, rooms
        yield who, "GET", "/room/find?limit=100&q=physics+49", None, rooms
        yield who, "POST", "/chat/pull?detail=1", {}, _arrays
        yield who, "POST", "/chat/pull?timeout=0", _from_the_start(BUSY), _arrays
        yield who, "GET", "/api/room/list", None, data
        yield who, "GET", "/api/room/list?limit=100", None, data
        yield who, "GET", "/Room", None, len
        yield who, "GET", "/Room?limit=100", None, len
        yield who, "GET", "/conversations", None, _list("conversation")
        yield who, "GET", "/conversations?limit=100", None, _list("conversation")
    for count in (500, MOST_PULLED):
        yield "teacher", "POST", "/chat/pull?timeout=0", _from_the_start(count), _arrays
    yield "teacher", "GET", "/room/members?roomname=public", None, _list("members")
    yield "teacher", "GET", "/room/members?roomname=public&limit=100", None, _list("members")
    yield "teacher", "GET", "/chat/history?roomname=public&detail=1", None, said
    yield "teacher", "GET", f"/api/room/members?room_id={LOBBY}", None, data
    yield "teacher", "GET", f"/conversations/get_members?conversation_id={LOBBY}", None, _list("members")
    yield "teacher", "GET", f"/conversations/get_members?conversation_id={LOBBY}&limit=100", None, _list("members")
    yield "teacher", "GET", "/friends", None, _list("friends")
    yield "teacher", "GET", "/friends?limit=100", None, _list("friends")
    yield "teacher", "GET", "/search_user?query_name=user", None, _list("results")
    yield "teacher", "GET", f"/interface?conversation_id={LOBBY}", None, _one
    yield "teacher", "GET", f"/conversations/messages?conversationId={LOBBY}", None, said
    yield "pupil", "POST", "/interface", {"conversationId": LOBBY, "unreads": _HUGE}, _one
    found = f"/conversations/manage_messages?conversationId={LOBBY}"
    for wanted in ("content=nowhere", "sender_name=nobody", "sender_id=1", "content=physics"):
        yield "teacher", "GET", f"{found}&{wanted}", None, said
    sent = {"roomname": "public", "new_message": {"type": "text", "content": "hello"}}
    yield "teacher", "POST", "/chat/send", sent, _one


def _from_the_start(rooms: int) -> dict[str, str]:
    return {f"physics {LOBBY + 1 + number}": "" for number in range(rooms)}


def _searching(server: GrownCommonroom) -> Address:
    what = f"teacher: POST /chat/send while {SEARCHERS} search in the lobby"
    cpu = server.cpu_seconds()
    try:
        found = sends_while_searching(server.port, server.tokens, "teacher")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Address(what, 0, 0, 0, 0, 0, repr(error))
    cpu = (server.cpu_seconds() - cpu) / len(found.took) * 1000  # with the searches meanwhile
    what += f" ({found.searches} searches; slowest send {max(found.took) / 1e6:.1f} ms)"
    return Address(what, percentile(found.took, 0.5), percentile(found.took, 0.95), cpu, found.size, 1, found.failed)


def _http(server: GrownCommonroom, scale: float) -> Iterator[Address]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)

    def asking(who: str, method: str, path: str, body: Any) -> Callable[[], bytes]:
        headers = {"Authorization": server.tokens[who], "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body)

        def ask() -> bytes:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise ValueError(f"{response.status} {answer[:200]!r}")
            return answer

        return ask

    try:
        for who, method, path, body, count in _requests():
            what = f"{who}: {method} {path}" + (f" of {len(body)} rooms" if path == "/chat/pull?timeout=0" else "")
            yield measured(server, what, asking(who, method, path, body), count)
        path = f"/conversations/get_reply?message_id={messages(scale)}"
        ask = asking("teacher", "GET", path, None)
        yield measured(server, "teacher: GET /conversations/get_reply", ask, _list("replies"))
    finally:
        connection.close()


def _tcp(server: GrownCommonroom) -> Iterator[Address]:
    def log_in() -> bytes:
        with socket.create_connection(("127.0.0.1", server.tcp_port), 60) as new:
            return _told(new.makefile("rwb"), _login("teacher"))

    with socket.create_connection(("127.0.0.1", server.tcp_port), 60) as connection:
        lines = connection.makefile("rwb")
        _told(lines, _login("teacher"))
        # A log-in hashes, and follows all rooms of the user from then on.
        rooms = len(json.loads(_told(lines, {"message_type": "list_chats_request"}))["chats"])
        yield measured(server, "teacher: tcp login_request, follows all rooms", log_in, lambda _: rooms)
        for request, key in (
            ({"message_type": "user_info_request"}, ""),
            ({"message_type": "list_chats_request"}, "chats"),
            ({"message_type": "list_chats_request", "limit": 100}, "chats"),
            ({"message_type": "list_chats_request", "list_type": "all"}, "chats"),
            ({"message_type": "list_users_request"}, "users"),
            ({"message_type": "list_users_request", "limit": 100}, "users"),
            ({"message_type": "list_users_request", "list_type": "current_chat", "chat_group_id": LOBBY}, "users"),
            ({"message_type": "file_list_request", "chat_group_id": LOBBY}, "files"),
        ):
            what = " ".join(f"{name}={value}" for name, value in request.items()).replace("message_type=", "")
            count = _list(key) if key else _one
            yield measured(server, f"teacher: tcp {what}", lambda sent=request: _told(lines, sent), count)


def _login(name: str) -> dict[str, Any]:
    return {"message_type": "login_request", "username": name, "password": PASSWORD}


def _told(lines: Any, request: dict[str, Any]) -> bytes:
    lines.write(json.dumps(request).encode() + b"\n")
    lines.flush()
    answer: bytes = lines.readline()
    if b'"error_message"' in answer[:40] or not answer:
        raise ValueError(repr(answer[:200]))
    return answer


def _list(name: str) -> Callable[[Any], int]:
    return lambda answer: len(answer[name])


def _one(_answer: Any) -> int:
    return 1


def _arrays(answer: dict[str, Any]) -> int:
    return sum(len(value) for value in answer.values() if isinstance(value, list))
