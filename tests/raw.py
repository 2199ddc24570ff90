"""A client that sends exact bytes and returns exactly the received ones."""

import json
import socket
import struct
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Self

from tests.real_server import Server, wait_until

BODY_MAX = 8 * 1024 * 1024


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    version: str

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    def __init__(self, address: tuple[str, int], *, timeout: float, receive_buffer: int | None, source: str) -> None:
        self.socket = socket.socket()
        if source:
            self.socket.bind((source, 0))
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def fileno(self) -> int:
        """For select."""
        return self.socket.fileno()


class Talk(Connection):
    """HTTP on one connection."""

    def __init__(
        self, server: Server, *, timeout: float = 15, receive_buffer: int | None = None, port: int = 0
    ) -> None:
        """port: of a proxy in front of the server."""
        address = ("127.0.0.1", port or server.port)
        super().__init__(address, timeout=timeout, receive_buffer=receive_buffer, source="")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, data: bytes, *, bodiless: bool = False) -> Answer:
        self.send(data)
        return self.answer(bodiless=bodiless)

    def answer(self, *, bodiless: bool = False) -> Answer:
        """The next answer; bodiless: to a HEAD."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        version, status = first.split()[:2]
        length = 0 if bodiless or int(status) in {100, 204, 304} else int(headers["content-length"])
        pieces, got = [self.buffer], len(self.buffer)
        while got < length:
            self.buffer = b""
            self._more(min(1 << 20, length - got))
            pieces.append(self.buffer)
            got += len(self.buffer)
        whole = b"".join(pieces)
        self.buffer = whole[length:]
        return Answer(int(status), headers, whole[:length], version)

    def rest(self) -> bytes:
        """Return all data until the server closes; a timeout if it does not."""
        data, self.buffer = self.buffer, b""
        try:
            while piece := self.socket.recv(65536):
                data += piece
        except ConnectionResetError:
            pass
        return data

    def reset(self) -> None:
        """Reset the connection."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _more(self, most: int = 65536) -> None:
        data = self.socket.recv(most)
        assert data, f"closed before the answer was complete: {self.buffer[:200]!r}"
        self.buffer += data


def get(path: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: localhost", *headers, "", ""]).encode()


def post(path: str, body: bytes, *headers: str, method: str = "POST", version: str = "1.1") -> bytes:
    return get(path, *headers, f"Content-Length: {len(body)}", method=method, version=version) + body


def pull(token: str, cursors: object, *headers: str, timeout: float = 0, **kwargs: str) -> bytes:
    body = json.dumps(cursors).encode()
    return post(f"/chat/pull?timeout={timeout}", body, f"Authorization: {token}", *headers, **kwargs)


def chunked(path: str, *headers: str) -> bytes:
    """A head; chunks are to follow."""
    return get(path, *headers, "Transfer-Encoding: chunked", method="POST")


def open_pull(server: Server, token: str, cursors: dict[str, str], timeout: float = 40) -> Talk:
    """Send a pull, and leave it held."""
    talk = Talk(server, timeout=30)
    talk.send(pull(token, cursors, timeout=timeout))
    return talk


def answer(talk: Talk) -> tuple[int, Any]:
    """Status and JSON of the next answer on the connection."""
    found = talk.answer()
    return found.status, found.json()


def token_of(server: Server, username: str) -> str:
    """Register; the session's token."""
    reply = server.ask("/user/register", {"username": username, "password": "secret1"})
    assert reply.status == 200, reply.body
    (cookie,) = SimpleCookie(reply.headers["Set-Cookie"]).values()
    return cookie.value


def wait_until_read(server: Server) -> None:
    """Wait until it has accepted all connections to its port, and read everything that was sent."""
    address = f"0100007F:{server.port:04X}"

    def unread() -> int:
        """Bytes, and connections that are not accepted yet, as the kernel counts them."""
        lines = Path("/proc/net/tcp").read_text().splitlines()  # thousands, most of them of closed connections
        rows = [line.split() for line in lines if address in line]
        return sum(int(row[4].partition(":")[2], 16) for row in rows if row[1] == address)

    wait_until(lambda: unread() == 0, "the server has read all requests")
