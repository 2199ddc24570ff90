"""A connection that knows no requests yet: deadlines, bounds on buffered data, and closing."""

import time

from chat.server.closing import LINGER_SECONDS, end_writing
from chat.server.flow_control import WRITE_SECONDS, TransportOwner
from chat.server.host import Host
from chat.server.http_heads import FramingError
from chat.server.ports import Client
from chat.server.states import State

HEAD_SECONDS = 10.0  # for a request head, first to last byte, and for the part before it, such as a TLS handshake


class BoundedConnection(TransportOwner):
    __slots__ = ("_coming", "_left_over", "state")

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.state = State.IDLE
        self._coming = 0  # bytes of requests, from their arrival to their answers
        self._left_over = 0  # bytes of answers not written yet

    @property
    def client(self) -> Client:
        """The client that the connection currently belongs to."""
        raise NotImplementedError

    @property
    def is_held(self) -> bool:
        """Whether a request on it is held."""
        return False

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self._leave()

    def deadline_passed(self) -> None:
        """The client has sent nothing in time, or does not read."""
        if self._transport is not None:
            self._transport.abort()

    def stop(self) -> None:
        """The server stops before the first request."""
        self.deadline_passed()

    def _detach(self) -> None:
        self.state = State.GONE
        super()._detach()

    def _leave(self) -> None:
        self._coming = self._left_over = 0
        super()._leave()
        self.host.connections.discard(self)

    # Bounds

    def _count_coming(self, size: int) -> None:
        """Count buffered bytes of requests. Raises FramingError if there are too many.

        Many connections that each send nearly all of 8 MiB must not fill the memory; short requests are still accepted.
        """
        self._coming = size
        if not self.host.memory.keep(self, size + self._left_over):
            raise FramingError("503 Service Unavailable", "too many long requests at once; try again in a moment")

    def _count_left_over(self, size: int) -> None:
        """Count unwritten bytes of answers; drop a client with too many."""
        self._left_over = size
        if not self.host.memory.keep(self, self._coming + size):
            self._transport.abort()

    def _count_nothing(self) -> None:
        self._coming = self._left_over = 0
        self.host.memory.keep(self, 0)

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
