"""WebSockets: thousands that are idle, and messages pushed to a room of 500, beside the same with Flask-Sock."""

import base64
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.clients import Member, Naive, Polling
from bench.ledger import percentile
from bench.load import Load
from bench.servers import Baseline, Commonroom
from bench.wire import Answered, Connection, Reactor

SOCKETS_EACH = 10
IDLE_SECONDS = 30  # longer than from one ping to the next
_PING, _TEXT = 9, 1
_EMPTY_PONG = b"\x8a\x80\0\0\0\0"  # masked, as clients must


class Socket(Connection):
    """A WebSocket. `answered` is called for each text with status 101; server frames are never masked."""

    def __init__(self, reactor: Reactor, port: int, answered: Answered, lost: Callable[[], None]) -> None:
        super().__init__(reactor, port, answered, lost)
        self._is_open = False

    def open(self, target: str, token: bytes) -> None:
        """Shake hands."""
        self._is_open = False
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {target} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", f"Authorization: {token.decode()}"]
        self.request("\r\n".join([*lines, "", ""]).encode())

    def _take(self, now: int) -> None:
        if not self._is_open:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                self._lose()
                return
            self._is_open, self._buffer = True, rest
        while (frame := _frame(self._buffer)) is not None:
            opcode, payload, used = frame
            self._buffer = self._buffer[used:]
            if opcode == _TEXT:
                self._answered(101, payload, now)
            elif opcode == _PING:
                self.request(_EMPTY_PONG)


def _frame(data: bytes) -> tuple[int, bytes, int] | None:
    """The first frame: opcode, payload, bytes used; None while it is not whole."""
    if len(data) < 2:
        return None
    size, start = data[1], 2
    if size == 126:
        size, start = int.from_bytes(data[2:4]), 4
    elif size == 127:
        size, start = int.from_bytes(data[2:10]), 10
    end = start + size
    return (data[0] & 15, data[start:end], end) if len(data) >= end else None


def _follows(sender: type[Member], target: str) -> type[Member]:
    """A member who receives by a WebSocket, and sends by HTTP as `sender` does."""

    class Following(sender):
        def __init__(self, reactor: Reactor, port: int, *args: object) -> None:
            super().__init__(reactor, port, *args)
            self.receiver = Socket(reactor, port, self.received, self.lost)

        def start(self) -> None:
            self.prepare()
            self.receiver.open(target, self.token.encode() if isinstance(self.token, str) else self.token)

        def received(self, _status: int, body: bytes, now_ns: int) -> None:
            self.ready = True  # greeted
            self.ledger.receive(self.seat, body, now_ns)

    return Following


class CommonroomSockets(Commonroom):
    """Through roomapi's WebSocket; sent by polling's POST /chat/send: one world."""

    member = _follows(Polling, "/api/message/ws")


class FlaskSock(Baseline):
    """As its documentation says to run it: gunicorn's gthread, a thread for each socket."""

    name = "Flask-Sock"
    member = _follows(Naive, "/socket")
    app = "bench.baselines.sock_app:app"
    options = ("--worker-class=gthread", "--threads=600")


@dataclass
class IdleSockets:
    """Sockets open while nothing happens, pinged; then a message to some of the rooms, one after the other."""

    sockets: int
    lost: int
    bytes_each: float
    cpu_share: float  # of a core
    slowest: float  # ms
    faults: str

    def line(self) -> str:
        return (
            f"{self.sockets} sockets, {self.lost} lost  {self.bytes_each / 1024:.1f} KiB each  "
            f"CPU {self.cpu_share:.2%} of a core, pings included  a message: slowest {self.slowest:.1f} ms  "
            f"{self.faults and f'FAULTS: {self.faults}'}"
        )


def idle(quick: bool) -> IdleSockets:
    """5,000 sockets (1,000 if quick), ten for each of 500 users in rooms of their own."""
    few, total = 200, 1000 if quick else 5000
    with CommonroomSockets(total // SOCKETS_EACH, 1) as server:
        load = Load(server, CommonroomSockets.member, SOCKETS_EACH)
        load.arrive(load.members[:few], 10)
        rss = server.rss_bytes()
        load.arrive(load.members[few:], 20)
        bytes_each = (server.rss_bytes() - rss) / (total - few)
        cpu, began = server.cpu_seconds(), time.monotonic()
        load.reactor.run(IDLE_SECONDS)
        share = (server.cpu_seconds() - cpu) / (time.monotonic() - began)
        for room in range(0, len(load.rooms), len(load.rooms) // 20):
            load.send(room)
            load.reactor.run(0.2)
        load.drain(5)
        found = IdleSockets(
            total, load.ledger.lapses, bytes_each, share, percentile(load.ledger.latencies, 1), load.ledger.faults
        )
        load.close()
    return found
