"""A connection that knows no requests yet: deadlines, bounds on buffered data, and closing."""

import asyncio
import time
from typing import Any

from chat.server.closing import LINGER_SECONDS, end_writing
from chat.server.deadlines import NEVER
from chat.server.flow_control import WRITE_SECONDS, FlowControl
from chat.server.host import Host
from chat.server.memory import Share
from chat.server.ports import Client
from chat.server.request_targets import FramingError
from chat.server.states import State

HEAD_SECONDS = 10.0  # for a request head, first to last byte, and for what comes before it, such as a TLS handshake


class BoundedConnection(asyncio.Protocol):
    __slots__ = (
        "_coming", "_flow", "_host", "_left_over", "_transport", "deadline", "place", "share", "state",
        "watched_until",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        self._host = host
        self._transport: Any = None  # None: not connected yet, or no more
        self._flow = FlowControl()
        self.state = State.IDLE
        self.place = ""  # the address that the connection counts for
        self.share: Share | None = None  # in host.memory
        self._coming = 0  # bytes of requests, from their arrival to their answers
        self._left_over = 0  # bytes of answers not written yet
        self.deadline = NEVER  # when to give up waiting, or to answer the held request
        self.watched_until = NEVER

    @property
    def client(self) -> Client:
        """The client that the connection currently belongs to."""
        raise NotImplementedError

    @property
    def is_held(self) -> bool:
        """Whether a request on it is held."""
        return False

    def deadline_passed(self) -> None:
        """Handle an expired deadline."""
        raise NotImplementedError

    def stop(self) -> None:
        """Close when possible, as the server stops."""
        raise NotImplementedError

    def _attach(self, transport: Any) -> None:
        self._transport = transport
        self._flow.transport = transport
        self._host.connections.add(self)

    def _detach(self) -> None:
        """The transport is lost, or belongs to another object."""
        self._transport = None
        self.state = State.GONE
        self._leave()
        self._count_nothing()

    def _leave(self) -> None:
        """Count no more. May be called repeatedly."""
        self.deadline = NEVER
        self._host.deadlines.forget(self)
        if self in self._host.connections:
            self._host.connections.discard(self)
            self._host.places.leave(self.place)

    def _set_deadline(self, deadline: float) -> None:
        self.deadline = deadline
        if deadline < self.watched_until:
            self._host.deadlines.watch(self)

    # Bounds

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

    def _wait_for_reader(self) -> None:
        """Drop the client unless it has read since the last check."""
        if not self._flow.check():
            self._transport.abort()
            return
        self._count_left_over(self._transport.get_write_buffer_size())
        self._set_deadline(time.monotonic() + WRITE_SECONDS)

    # Closing

    def _linger(self) -> None:
        """Stop writing, and let the client read for a moment while its further data is discarded."""
        self.state = State.CLOSING
        self._flow.resume_reading()
        if end_writing(self._transport):
            is_out = not self._transport.get_write_buffer_size()
            self._flow.check()
            self._set_deadline(time.monotonic() + (LINGER_SECONDS if is_out else WRITE_SECONDS))

    def _close(self) -> None:
        """Close after everything is written. A transport would wait forever; here a deadline applies."""
        if self._transport is not None:
            self.state = State.CLOSING
            self._flow.check()
            self._transport.close()
            self._set_deadline(time.monotonic() + WRITE_SECONDS)
