"""Splits bytes into requests. Strict: ambiguous input is refused (RFC 9112, 11.2).

Sans I/O: bytes go in, complete requests come out.
"""

import re
import string
from dataclasses import dataclass
from typing import Protocol

from chat.server.http_heads import HEAD_BOUNDS, HEAD_MAX_BYTES, LINE_MAX_BYTES, TOKEN, FramingError, Head, read
from chat.server.ports import SHORT_MAX_BYTES

CHUNK_LINE_MAX_BYTES = 1024
CHUNKS_A_TURN = 128  # per call of next
TRAILER_MAX_BYTES = 8192
NO_BODY = -1
PART_BYTES = 128 * 1024

_BEGINNINGS = frozenset(b"!#$%&'*+-.^_`|~\r") | frozenset(
    (string.ascii_letters + string.digits).encode()
)  # of a method, or of a line end before it
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")


@dataclass(slots=True)
class Framed:
    """One request. If it is too large, its body was not read, and more of it may arrive."""

    head: bytes  # up to the empty line, its first line in the usual form
    body: bytes | bytearray
    length: int | None = None  # of the body, received or not; None: the head announces none
    parsed: Head | None = None  # None: to be read again from `head`
    too_large: bool = False
    is_repeatable: bool = False  # the same bytes before a body of the same length mean the same again
    coming: int = 0  # bytes of a body to be read in parts (`next_part`)


def body_after(known: Framed, data: bytes) -> bytes | None:
    """Return the body if the data is one complete request with the head of an earlier one on the same connection."""
    is_same = known.is_repeatable and len(data) == len(known.head) + len(known.body) and data.startswith(known.head)
    return data[len(known.head) :] if is_same else None


def is_again(known: Framed, framed: Framed) -> bool:
    """Whether it has the head of an earlier request on the same connection, and so a body of the same length."""
    return known.is_repeatable and framed.is_repeatable and framed.head == known.head


class BodyBounds(Protocol):
    """Which bodies the application takes, by a request's head. One object, as three functions would be 200 bytes."""

    def takes_long(self, head: bytes) -> bool:
        """Whether the body may be longer than SHORT_MAX_BYTES."""

    def takes_any(self, head: bytes) -> bool:
        """Whether there may be a body. Asked if the client waits for a 100."""

    def takes_parts(self, head: bytes) -> int:
        """How many bytes a body that is read in parts may have; 0: it is not read so."""


class Framer:
    """The requests of one connection, one after the other."""

    __slots__ = (
        "_body",
        "_bounds",
        "_expects",
        "_head",
        "_is_as_it_came",
        "_left",
        "_max_body",
        "_most",
        "_parsed",
        "_trailer",
        "buffer",
        "coming",
        "has_more",
    )

    def __init__(self, max_body: int, bounds: BodyBounds) -> None:
        """max_body: bytes, for all requests whose body is not read in parts."""
        self._max_body = max_body
        self._bounds = bounds
        self.coming = 0  # bytes of a body that is read in parts
        self.buffer = bytearray()
        self.has_more = False  # next stopped early to let other connections run
        self._reset()

    def _reset(self) -> None:
        self._head: bytes | None = None
        self._parsed: Head | None = None  # of _head
        self._is_as_it_came = False
        self._left = 0  # bytes of the body or chunk still expected
        self._most = self._max_body  # limit on this request's body
        self._expects = False
        self._body: bytearray | None = None  # of a chunked request
        self._trailer = 0  # its bytes so far; 0 before it begins

    @property
    def is_between(self) -> bool:
        """Whether no part of a next request has arrived."""
        return self._head is None and not self.buffer and not self.coming

    @property
    def head(self) -> bytes:
        """Of the request whose body is coming, if one is."""
        return self._head or b""

    @property
    def in_body(self) -> bool:
        return self._head is not None

    @property
    def body_bytes(self) -> int:
        """How much of a body is here that is not whole yet."""
        return len(self.buffer) + len(self._body or b"")

    @property
    def refused(self) -> bytes:
        """Return the head for which `next` raised an error, as far as it arrived."""
        return self._head or bytes(self.buffer[:HEAD_MAX_BYTES])

    def wants_continue(self) -> bool:
        """Whether the client waits for a 100 before sending the body; true once."""
        if self._expects and not self.buffer:
            self._expects = False
            return True
        return False

    def next(self) -> Framed | None:
        """Return the next complete request, or None. Raises FramingError."""
        if self._head is None and not self._take_head():
            return None
        assert self._head is not None  # noqa: S101
        if self._body is not None:
            return self._next_chunked(self._body) if self._most != NO_BODY else self._refused(1)
        if self._left > SHORT_MAX_BYTES and (most := self._bounds.takes_parts(self._head)):
            return self._refused(self._left) if self._left > most else self._begun()
        if self._left > self._most:
            return self._refused(self._left)
        if len(self.buffer) < self._left:
            return None
        if len(self.buffer) == self._left > SHORT_MAX_BYTES:  # not copied: 1 ms of the loop for 2 MB
            long, self.buffer = self.buffer, bytearray()
            return self._done(long)
        with memoryview(self.buffer) as view:  # a slice of the buffer would be another copy
            body = bytes(view[: self._left])
        del self.buffer[: self._left]
        return self._done(body)

    def next_part(self) -> bytes | None:
        """Return the next part of a body that is read in parts, if it is complete."""
        size = min(self.coming, PART_BYTES)
        if len(self.buffer) < size:
            return None
        part = bytes(memoryview(self.buffer)[:size])
        del self.buffer[:size]
        self.coming -= size
        return part

    def _begun(self) -> Framed:
        """Return the request before its body."""
        coming, expects = self._left, self._expects
        framed = Framed(self._head or b"", b"", coming, self._parsed, coming=coming)
        self._reset()
        self.coming, self._expects = coming, expects
        return framed

    def _done(self, body: bytes | bytearray) -> Framed:
        parsed = self._parsed
        assert parsed is not None  # noqa: S101
        length = len(body) if parsed.has_length else None
        framed = Framed(self._head or b"", body, length, parsed, is_repeatable=self._is_as_it_came)
        self._reset()
        return framed

    def _refused(self, length: int) -> Framed:
        """Return the request without its body."""
        framed = Framed(self._head or b"", b"", length, self._parsed, too_large=True)
        self._reset()
        return framed

    def _take_head(self) -> bool:
        buffer = self.buffer
        while buffer.startswith(b"\r\n"):  # some clients send an extra line end after a body
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n")
        if end < 0 or end > HEAD_MAX_BYTES:
            if buffer and buffer[0] not in _BEGINNINGS:  # such as a TLS client, which waits for a TLS answer
                raise FramingError("400 Bad Request", "this is not HTTP, which is spoken here, without TLS")
            self._check_part()
            return False
        raw = bytes(buffer[: end + 4])
        parsed = read(raw)
        del buffer[: end + 4]
        self._parsed = parsed
        line = parsed.line.line
        is_usual = raw.startswith(line + b"\r\n")
        self._head = head = raw if is_usual else line + raw[raw.index(b"\r\n") :]
        self._is_as_it_came = is_usual and not parsed.is_chunked
        self._left, self._expects = parsed.length, parsed.expects
        if parsed.is_chunked:
            self._body = bytearray()
        if (self._left > SHORT_MAX_BYTES or parsed.is_chunked) and not self._bounds.takes_long(head):
            self._most = min(self._max_body, SHORT_MAX_BYTES)
        if self._expects and (self._left or parsed.is_chunked) and not self._bounds.takes_any(head):
            self._most = NO_BODY
        return True

    def _check_part(self) -> None:
        """Refuse what no more data can make a request. Raises FramingError."""
        buffer = self.buffer
        # Counted, because this runs for each part that arrives: a regular expression takes a hundred times as long.
        ends, most = buffer.count(b"\r\n", 0, HEAD_MAX_BYTES), min(len(buffer), HEAD_MAX_BYTES)
        is_half_end = buffer[most - 1 : most] == b"\r"
        if buffer.count(b"\n", 0, most) != ends or buffer.count(b"\r", 0, most) != ends + is_half_end:
            raise FramingError("400 Bad Request", "line ends")
        line = buffer.find(b"\r\n", 0, LINE_MAX_BYTES + 2)
        if line < 0 and len(buffer) > LINE_MAX_BYTES + is_half_end:
            raise FramingError("414 URI Too Long", "request line")
        if line >= 0 and not buffer.startswith(b" HTTP/", max(0, line - len(b" HTTP/1.1"))):  # HTTP/0.9 has no more
            raise FramingError("400 Bad Request", "request line")
        if len(buffer) >= HEAD_MAX_BYTES + len(b"\r\n\r\n"):
            raise FramingError("431 Request Header Fields Too Large", HEAD_BOUNDS)

    def _next_chunked(self, body: bytearray) -> Framed | None:
        self.has_more = False
        for _ in range(CHUNKS_A_TURN):
            if self._left and not self._take_chunk(body):
                return None
            line = self._take_line()
            if line is None:
                return None
            if self._trailer and not line:
                return self._done(body)
            if self._trailer:
                self._check_trailer(line)
                continue
            size = _CHUNK_LINE.fullmatch(line)
            if size is None:
                raise FramingError("400 Bad Request", "chunk")
            length = int(size[1], 16)
            if len(body) + length > self._most:
                return self._refused(self._most + 1)
            if length:
                self._left = length + 2
            else:
                self._trailer = 1
        self.has_more = True
        return None

    def _take_chunk(self, body: bytearray) -> bool:
        """Take as much as has arrived of the chunk's data and line end. Returns whether it is complete."""
        take = min(self._left, len(self.buffer))
        body += self.buffer[:take]
        del self.buffer[:take]
        self._left -= take
        if self._left:
            return False
        if body[-2:] != b"\r\n":
            raise FramingError("400 Bad Request", "chunk")
        del body[-2:]
        return True

    def _take_line(self) -> bytes | None:
        end = self.buffer.find(b"\r\n", 0, CHUNK_LINE_MAX_BYTES)
        if end < 0:
            if len(self.buffer) >= CHUNK_LINE_MAX_BYTES or b"\n" in self.buffer:
                raise FramingError("400 Bad Request", "chunk")
            return None
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return line

    def _check_trailer(self, line: bytes) -> None:
        self._trailer += len(line) + 2
        name, colon, value = line.partition(b":")
        is_field = colon and TOKEN.fullmatch(name) and not _CONTROL.search(value)
        if not is_field or self._trailer > TRAILER_MAX_BYTES:
            raise FramingError("400 Bad Request", "trailer")
