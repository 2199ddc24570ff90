"""What keeps one client from costing the others: what is waited for has a deadline, what is kept has a bound."""

import asyncio
import fcntl
import struct
import termios
import time
from typing import TYPE_CHECKING, Any

from chat.live.clients import Client
from chat.live.deadlines import NEVER
from chat.live.memory import Share
from chat.live.targets import FramingError

if TYPE_CHECKING:
    from chat.live.worker import LiveWorker

HEAD_SECONDS = 10.0  # from its first byte to its last; and for a TLS handshake
LINGER_SECONDS = 2.0  # a client may still be sending; closed at once, it would not read its last answer
WRITE_SECONDS = 10.0  # in which a client reads
WRITE_BYTES = 16 * 1024  # at least so much of its answer, or is given up


def unread_of(transport: Any) -> int:
    """Bytes that the client has not taken yet.

    With the kernel's: what is here alone goes there in steps of megabytes, minutes apart where the client is slow.
    """
    unread: int = transport.get_write_buffer_size()
    try:
        told = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    except (AttributeError, OSError, ValueError):  # it is gone
        return unread
    return unread + int(struct.unpack("i", told)[0])


class BoundedConnection(asyncio.Protocol):
    """The manners of an HttpConnection that know nothing of requests."""

    __slots__ = (
        "_closing", "_coming", "_is_drained", "_left_over", "_paused", "_transport", "_unread", "_worker", "deadline",
        "place", "share", "watched_until",
    )  # fmt: skip

    def __init__(self, worker: "LiveWorker") -> None:
        self._worker = worker
        self._transport: Any = None
        self._closing = False  # no further request is read
        self._paused = False  # reading is
        self._is_drained = True  # what was answered is out, or nearly
        self.place = ""  # the address that it counts for
        self.share: Share | None = None  # in worker.memory, of
        self._coming = 0  # bytes of requests, from their coming to their answers, and
        self._left_over = 0  # bytes of answers that are not out
        self._unread = 0  # the latter when this was last looked at, with the kernel's
        self.deadline = NEVER  # when to give up on what is waited for, or to answer what is held
        self.watched_until = NEVER

    @property
    def client(self) -> Client:
        """Whose the connection is just now."""
        raise NotImplementedError

    def deadline_passed(self) -> None:
        """What was waited for has not come."""
        raise NotImplementedError

    def _set_deadline(self, deadline: float) -> None:
        self.deadline = deadline
        if deadline < self.watched_until:
            self._worker.deadlines.watch(self)

    def _count_coming(self, size: int) -> None:
        """Count what is here of requests. Raises FramingError where that is too much.

        Whoever sends nearly all of 8 MiB on each of many connections is to fill no memory; short requests go on.
        """
        self._coming = size
        if not self._worker.memory.keep(self, size + self._left_over):
            raise FramingError("503 Service Unavailable", "too many long requests at once; try again in a moment")

    def _count_left_over(self, size: int) -> None:
        """Count what is not out of answers; a client for whom that is too much is given up."""
        self._left_over = size
        if not self._worker.memory.keep(self, self._coming + size):
            self._transport.abort()

    def _count_nothing(self) -> None:
        self._coming = self._left_over = 0
        self._worker.memory.keep(self, 0)

    def _pause_reading(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def _read_on(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _wait_for_reader(self) -> None:
        """Give the client up, unless it has read on since the last time."""
        unread = unread_of(self._transport)
        if unread > self._unread - WRITE_BYTES:
            self._transport.abort()
            return
        self._unread = unread
        self._count_left_over(self._transport.get_write_buffer_size())
        self._set_deadline(time.monotonic() + WRITE_SECONDS)

    def _forget_deadline(self) -> None:
        self.deadline = NEVER
        self._worker.deadlines.forget(self)

    def _linger(self) -> None:
        """Say no more, and leave the client a moment to read what was said, dropping what it still sends.

        Closed with something unread, TCP would take back the answer (RFC 9112, 9.6).
        """
        self._closing = True
        self._read_on()
        transport = self._transport
        try:
            if transport.can_write_eof():
                transport.write_eof()
            else:
                transport.close()  # TLS says so, and reads on until the client has closed too
        except OSError:
            transport.abort()  # it is gone already
        else:
            is_out = not transport.get_write_buffer_size()
            self._unread = unread_of(transport)
            self._set_deadline(time.monotonic() + (LINGER_SECONDS if is_out else WRITE_SECONDS))

    def _close(self) -> None:
        """Close once all is written. A transport waits for that as long as it takes; here it has a deadline."""
        self._closing = True
        if self._transport is not None:
            self._unread = unread_of(self._transport)
            self._transport.close()
            self._set_deadline(time.monotonic() + WRITE_SECONDS)
