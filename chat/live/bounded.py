"""What keeps one client from costing the others: what is waited for has a deadline, what is kept has a bound."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

from chat.live.deadlines import NEVER
from chat.live.heads import FramingError

if TYPE_CHECKING:
    from chat.live.worker import LiveWorker

LINGER_SECONDS = 2.0  # a refused client may still be sending; closed at once, it would not read why
WRITE_SECONDS = 30.0  # in which a client reads
WRITE_BYTES = 64 * 1024  # at least so much of its answer, or is given up
LONG_BODY_BYTES = 64 * 1024  # a body of more is long;
LONG_BODIES_MAX_BYTES = 512 * 1024 * 1024  # and so much of all long ones together is taken in


class BoundedConnection(asyncio.Protocol):
    """The manners of an HttpConnection that know nothing of requests."""

    __slots__ = (
        "_closing", "_counted", "_is_drained", "_paused", "_transport", "_unread", "_worker", "deadline",
        "watched_until",
    )  # fmt: skip

    def __init__(self, worker: "LiveWorker") -> None:
        self._worker = worker
        self._transport: Any = None
        self._closing = False  # no further request is read
        self._paused = False  # reading is
        self._is_drained = True  # what was answered is out, or nearly
        self._counted = 0  # bytes of a long body of its own among worker.long_bodies
        self._unread = 0  # bytes of answers that were not out when this was last looked at, if any
        self.deadline = NEVER  # when to give up on what is waited for, or to answer what is held
        self.watched_until = NEVER

    def deadline_passed(self) -> None:
        """What was waited for has not come."""
        raise NotImplementedError

    def _set_deadline(self, deadline: float) -> None:
        self.deadline = deadline
        if deadline < self.watched_until:
            self._worker.deadlines.watch(self)

    def _count_body(self, size: int) -> None:
        """Add a long body, from its coming to its answer, to those of all. Raises FramingError where they are too much.

        Whoever sends nearly all of 8 MiB on each of many connections is to fill no memory; short requests go on.
        """
        size = size if size > LONG_BODY_BYTES else 0
        grown, self._counted = size - self._counted, size
        self._worker.long_bodies += grown
        if grown > 0 and self._worker.long_bodies > LONG_BODIES_MAX_BYTES:
            raise FramingError("503 Service Unavailable", "too many long requests at once; try again in a moment")

    def _pause_reading(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def _read_on(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _wait_for_reader(self) -> None:
        """Give the client up, unless it has read on since the last time."""
        unread = self._transport.get_write_buffer_size()
        if unread > self._unread - WRITE_BYTES:
            self._transport.abort()
            return
        self._unread = unread
        self._set_deadline(time.monotonic() + WRITE_SECONDS)

    def _linger(self) -> None:
        """Close when the answer is out; leave a client that is still sending a moment to read it."""
        self._closing = True
        self._read_on()
        transport = self._transport
        try:
            if transport.can_write_eof():  # not under TLS
                transport.write_eof()
        except OSError:
            transport.abort()  # it is gone already
        else:
            self._worker.loop.call_later(LINGER_SECONDS, self._close)

    def _close(self) -> None:
        """Close once all is written. A transport waits for that as long as it takes; here it has a deadline."""
        self._closing = True
        if self._transport is not None:
            self._unread = self._transport.get_write_buffer_size()
            self._transport.close()
            self._set_deadline(time.monotonic() + WRITE_SECONDS)
