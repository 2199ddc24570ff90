"""Collects a WSGI application's answer (PEP 3333), and frames it for HTTP/1.1."""

import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from gunicorn import SERVER, util

from chat.server.http_heads import Head

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TEXT = re.compile(r"[ \t\x21-\x7e\x80-\xff]*")
_STATUS = re.compile(r"[0-9]{3}(?: [ \t\x21-\x7e\x80-\xff]*)?")
# Fields of a connection, which belong to the server (RFC 9110, 7.6.1). Not Upgrade, which 426 needs.
_OF_CONNECTION = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers",
        "transfer-encoding",
    }
)  # fmt: skip


class Response:
    """One answer: `start_response`, then its body."""

    __slots__ = ("_has_no_body", "_is_10", "_is_head", "_pieces", "closes", "headers", "length", "sent", "status")

    def __init__(self, head: Head, *, closes: bool) -> None:
        """`closes`: the connection ends after it, whatever the client wants."""
        self._is_10 = head.line.is_10
        self._is_head = head.line.method == b"HEAD"
        self._has_no_body = False
        self._pieces: list[bytes] = []
        self.closes = closes or head.closes
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.length: int | None = None  # of the body
        self.sent = 0  # bytes of the body

    def start_response(
        self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Begin the answer, or begin it anew. Raises ValueError."""
        if not _STATUS.fullmatch(status):
            raise ValueError(f"invalid status {status!r}")
        self.status, self.headers, self.length = status, [], None
        code = int(status[:3])
        self._has_no_body = self._is_head or code < 200 or code in (204, 304)
        for name, value in headers:
            lower = name.lower()
            if lower in _OF_CONNECTION:
                continue
            if not _NAME.fullmatch(name) or not _TEXT.fullmatch(value):
                raise ValueError(f"invalid header {name!r}")  # its value may be secret
            if lower == "content-length":
                if code < 200 or code == 204:  # RFC 9110, 8.6
                    continue
                self.length = int(value)
            self.headers.append((name, value.strip(" \t")))
        if self.length is None and not self.is_chunked and not self._has_no_body:
            self.closes = True  # the end of the connection is the end of the body
        return self.write

    @property
    def is_chunked(self) -> bool:
        """Whether the body is sent in chunks (RFC 9112, 7.1)."""
        return self.length is None and not self._is_10 and not self._has_no_body

    def write(self, piece: bytes) -> None:
        """Take the next part of the body, as far as its length allows."""
        if self._has_no_body:
            return
        if self.length is not None:
            piece = piece[: self.length - self.sent]
        if not piece:
            return
        self.sent += len(piece)
        self._pieces.append(chunk(piece) if self.is_chunked else piece)

    def whole(self) -> list[bytes]:
        """Return the head and the body."""
        if self.is_chunked:
            self._pieces.append(LAST_CHUNK)
        return [self.head(), *self._pieces]

    def head(self) -> bytes:
        """Return the head, to the empty line."""
        lines = [
            f"HTTP/1.{0 if self._is_10 else 1} {self.status}",
            f"Server: {SERVER}",
            f"Date: {_date(int(time.time()))}",
            f"Connection: {'close' if self.closes else 'keep-alive'}",
            *(["Transfer-Encoding: chunked"] if self.is_chunked else []),
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return "\r\n".join([*lines, "\r\n"]).encode("latin-1")

    def repeated_head(self) -> bytes:
        """Return the head of several answers: without Date and Content-Length, which `finished` adds."""
        lines = [f"HTTP/1.1 {self.status}", f"Server: {SERVER}"]
        lines.append("Connection: close" if self.closes else "Connection: keep-alive")
        lines += [f"{name}: {value}" for name, value in self.headers if name.lower() != "content-length"]
        return "\r\n".join(lines).encode("latin-1")


LAST_CHUNK = b"0\r\n\r\n"


def chunk(piece: bytes) -> bytes:
    """Frame a part of a body (RFC 9112, 7.1). Not an empty one, which would end the body."""
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def finished(head: bytes, body: bytes, length: int | None = None) -> bytes:
    """Build a held request's whole answer; with a length, its beginning."""
    return _finished(head, body, int(time.time()), len(body) if length is None else length)


@lru_cache(maxsize=64)  # many readers get the same answer
def _finished(head: bytes, body: bytes, second: int, length: int) -> bytes:
    return b"%s\r\nDate: %s\r\nContent-Length: %d\r\n\r\n%s" % (head, _date(second).encode(), length, body)


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return util.http_date(second)
