"""A client that sends exact bytes and returns exactly the received ones."""

import json
import os
import resource
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.integration.raw import sockets_of
from tests.real_server import Server

BODY_MAX = 8 * 1024 * 1024


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    version: str

    def json(self) -> Any:
        return json.loads(self.body)


class Talk:
    """One connection."""

    def __init__(self, server: Server, *, timeout: float = 15, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

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


def threads_of(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


def rss_of(pid: int) -> int:
    """Bytes of memory it really has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def resting_sockets_of(pid: int) -> int:
    """How many sockets it has when those of earlier requests are closed."""
    counts = [-1, -2, -3]
    while len(set(counts[-3:])) > 1:
        time.sleep(0.05)
        counts.append(sockets_of(pid))
    return counts[-1]


def allow_descriptors(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard < 0 else min(wanted, hard), hard))
