"""Limits per connection: read and write deadlines, and bounds on buffered data."""

import asyncio
import fcntl
import struct
import termios
import time
from typing import Any

from chat.server.deadlines import NEVER
from chat.server.host import Host
from chat.server.memory import Share
from chat.server.ports import Client
from chat.server.request_targets import FramingError
from chat.server.states import State

HEAD_SECONDS = 10.0  # for a request head, first to last byte, and for a TLS handshake
LINGER_SECONDS = 2.0  # a client may still be sending; after an immediate close it would not read its last answer
WRITE_SECONDS = 10.0  # period in which a client must read
WRITE_BYTES = 16 * 1024  # this much of its answer, or is dropped


def unread_of(transport: Any) -> int:
    """Return the bytes that the client has not taken yet, including the kernel's buffer.

    The transport's buffer alone empties in steps of megabytes, minutes apart with a slow client.
    """
    unread: int = transport.get_write_buffer_size()
    try:
        told = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    except (AttributeError, OSError, ValueError):  # the connection is closed
        return unread
    return unread + int(struct.unpack("i", told)[0])


class BoundedConnection(asyncio.Protocol):
    """Transport handling that does not depend on HTTP: flow control, deadlines, lingering close."""

    __slots__ = (
        "_coming",
        "_host",
        "_is_drained",
        "_left_over",
        "_paused",
        "_transport",
        "_unread",
        "deadline",
        "place",
        "share",
        "state",
        "watched_until",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        self._host = host
        self._transport: Any = None
        self.state = State.IDLE
        self._paused = False  # reading is paused
        self._is_drained = True  # answers are written, or nearly
        self.place = ""  # the address that the connection counts for
        self.share: Share | None = None  # in host.memory
        self._coming = 0  # bytes of requests, from their arrival to their answers
        self._left_over = 0  # bytes of answers not written yet
        self._unread = 0  # the latter at the last check, including the kernel's buffer
        self.deadline = NEVER  # when to give up waiting, or to answer the held request
        self.watched_until = NEVER

    @property
    def client(self) -> Client:
        """The client that the connection currently belongs to."""
        raise NotImplementedError

    def deadline_passed(self) -> None:
        """Handle an expired deadline."""
        raise NotImplementedError

    def _set_deadline(self, deadline: float) -> None:
        self.deadline = deadline
        if deadline < self.watched_until:
            self._host.deadlines.watch(self)

    def _count_coming(self, size: int) -> None:
        """Count buffered bytes of requests. Raises FramingError if there are too many.

        Many connections that each send nearly all of 8 MiB must not fill the memory; short requests are still accepted.
        """
        self._coming = size
        if not self._host.memory.keep(self, size + self._left_over):
            raise FramingError("503 Service Unavailable", "too many long requests at once; try again in a moment")

    def _count_left_over(self, size: int) -> None:
        """Count unwritten bytes of answers; drop a client with too many."""
        self._left_over = size
        if not self._host.memory.keep(self, self._coming + size):
            self._transport.abort()

    def _count_nothing(self) -> None:
        self._coming = self._left_over = 0
        self._host.memory.keep(self, 0)

    def _pause_reading(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def _read_on(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _wait_for_reader(self) -> None:
        """Drop the client unless it has read since the last check."""
        unread = unread_of(self._transport)
        if unread > self._unread - WRITE_BYTES:
            self._transport.abort()
            return
        self._unread = unread
        self._count_left_over(self._transport.get_write_buffer_size())
        self._set_deadline(time.monotonic() + WRITE_SECONDS)

    def _forget_deadline(self) -> None:
        self.deadline = NEVER
        self._host.deadlines.forget(self)

    def _linger(self) -> None:
        """Stop writing, and let the client read for a moment while its further data is discarded.

        If the socket were closed with unread data, TCP would discard the answer (RFC 9112, 9.6).
        """
        self.state = State.CLOSING
        self._read_on()
        transport = self._transport
        try:
            if transport.can_write_eof():
                transport.write_eof()
            else:
                transport.close()  # TLS sends a close notification and reads until the client closes
        except OSError:
            transport.abort()  # already closed
        else:
            is_out = not transport.get_write_buffer_size()
            self._unread = unread_of(transport)
            self._set_deadline(time.monotonic() + (LINGER_SECONDS if is_out else WRITE_SECONDS))

    def _close(self) -> None:
        """Close after everything is written. A transport would wait forever; here a deadline applies."""
        if self._transport is not None:
            self.state = State.CLOSING
            self._unread = unread_of(self._transport)
            self._transport.close()
            self._set_deadline(time.monotonic() + WRITE_SECONDS)
