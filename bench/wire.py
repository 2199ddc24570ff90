"""HTTP/1.1 clients, thousands in one process: epoll, hand-made requests, and no more parsing than is needed."""

import heapq
import itertools
import re
import select
import socket
import struct
import time
from collections.abc import Callable

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)  # the server hangs up after this answer
_READ_BYTES = 256 * 1024
_LOOK_SECONDS = 0.02  # how often run() looks whether it may end

Answered = Callable[[int, bytes, int], None]  # status, body, when it was read (monotonic ns)


class Reactor:
    """Sockets and timers, on one thread."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def watch(self, sock: socket.socket, readable: Callable[[], None]) -> None:
        self._handlers[sock.fileno()] = readable
        self._epoll.register(sock.fileno(), select.EPOLLIN | select.EPOLLRDHUP)

    def forget(self, sock: socket.socket) -> None:
        if self._handlers.pop(sock.fileno(), None):
            self._epoll.unregister(sock.fileno())

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), call))

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Serve for this many seconds, or until the condition holds; return whether it did."""
        end = time.monotonic() + seconds
        look = 0.0
        while (now := time.monotonic()) < end:
            if until and now >= look:
                if until():
                    return True
                look = now + _LOOK_SECONDS
            wake = min(end, look) if until else end
            if self._timers:
                wake = min(wake, self._timers[0][0])
            for descriptor, _ in self._epoll.poll(max(0.0, wake - now), 256):
                handler = self._handlers.get(descriptor)
                if handler:
                    handler()
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                heapq.heappop(self._timers)[2]()
        return bool(until and until())


class Connection:
    """One keep-alive connection with one request at a time. Connects when first used, and again when it was lost."""

    __slots__ = ("_answered", "_buffer", "_is_open", "_lost", "_port", "_reactor", "_sock", "busy")

    def __init__(self, reactor: Reactor, port: int, answered: Answered, lost: Callable[[], None]) -> None:
        self._reactor = reactor
        self._port = port
        self._answered = answered
        self._lost = lost
        self._sock: socket.socket | None = None
        self._buffer = b""
        self.busy = False

    def request(self, data: bytes) -> None:
        """Send it. `answered` or `lost` is called later, never from here."""
        self.busy = True
        try:
            if self._sock is None:
                self._connect()
            sent = self._sock.send(data)
        except OSError:
            sent = -1
        if sent != len(data):
            self._reactor.later(0, self._lose)

    def close(self, *, reset: bool = False) -> None:
        """Hang up, without a word to the owner; with a RST instead of a FIN if reset."""
        self.busy = False
        self._buffer = b""
        if self._sock is not None:
            self._reactor.forget(self._sock)
            if reset:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sock.close()
            self._sock = None

    def _connect(self) -> None:
        self._sock = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.setblocking(False)
        self._reactor.watch(self._sock, self._readable)

    def _lose(self) -> None:
        was_busy = self.busy
        self.close()
        if was_busy:  # an idle connection that the server closes is no news
            self._lost()

    def _readable(self) -> None:
        try:
            data = self._sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        self._buffer = self._buffer + data if self._buffer else data
        self._take(time.monotonic_ns())

    def _take(self, now: int) -> None:
        answer = parse(self._buffer)
        if answer is None:
            return
        status, body, used = answer
        if status >= 200:  # not an interim answer
            if _LAST.search(self._buffer, 0, len(self._buffer) - len(body)):
                self.close()
            else:
                self._buffer = b""
                self.busy = False
            self._answered(status, body, now)
        else:
            self._buffer = self._buffer[used:]


def parse(data: bytes) -> tuple[int, bytes, int] | None:
    """The first answer in data: status, body, bytes used; None while it is not whole."""
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    start = head_end + 4
    found = _LENGTH.search(data, 0, head_end)
    if found:
        end = start + int(found[1])
        return (int(data[9:12]), data[start:end], end) if len(data) >= end else None
    if b"chunked" in data[:head_end].lower():
        return _parse_chunks(data, start)
    return int(data[9:12]), b"", start


def _parse_chunks(data: bytes, at: int) -> tuple[int, bytes, int] | None:
    parts = []
    while True:
        line_end = data.find(b"\r\n", at)
        if line_end < 0:
            return None
        size = int(data[at:line_end], 16)
        start = line_end + 2
        if len(data) < start + size + 2:
            return None
        if size == 0:
            return int(data[9:12]), b"".join(parts), start + 2
        parts.append(data[start : start + size])
        at = start + size + 2


def head(method: str, target: str, headers: dict[str, str]) -> bytes:
    """A request's head up to where Content-Length's value goes (POST), or the whole request (GET)."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    end = "\r\nContent-Length: " if method == "POST" else "\r\n\r\n"
    return ("\r\n".join(lines) + end).encode()


def post(request_head: bytes, body: bytes) -> bytes:
    """A whole POST request from its head."""
    return b"%b%d\r\n\r\n%b" % (request_head, len(body), body)
