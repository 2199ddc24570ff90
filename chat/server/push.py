"""Pushes new messages to one peer as it reads, without a thread or a database session."""

import logging
from typing import Any, Protocol

from chat.server.host import Host, Owner
from chat.server.ports import GOING_AWAY, INTERNAL, NORMAL, Ended, Source

log = logging.getLogger("gunicorn.error")
LOOK_MOST = 64  # items per look
STEP_BYTES = 128 * 1024  # a client that lags gets more after reading this
RETRY_SECONDS = 1.0  # while the database is unavailable


class Sink(Owner, Protocol):
    """The connection that is written to."""

    host: Host
    is_busy: bool  # a message is being handled
    is_drained: bool  # written data is sent, or nearly

    def write(self, data: bytes) -> None:
        """Write, and drop a client with too much unread data. On the loop."""

    def wake(self) -> None:
        """Schedule a look, from any thread."""

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close after pending data is sent. From any thread."""

    def stop(self, code: int = GOING_AWAY) -> None:
        """Finish the current message and close. On the loop."""


class Pushes:
    """A Source and its connection. On the loop, except _ask."""

    __slots__ = ("_connection", "_found", "_is_asking", "_is_behind", "_is_due", "_is_over", "source")

    def __init__(self, connection: Sink, source: Source) -> None:
        self._connection = connection
        self.source = source
        self._found: list[Any] | None = None  # found by a thread, not written yet
        self._is_asking = False
        self._is_behind = False  # more than one step remains
        self._is_due = False  # news may have arrived that a thread's result does not include
        self._is_over = False

    def look(self) -> None:
        """Write news. A call is only a hint: if nothing can be done now, it is called again later."""
        connection, waiter = self._connection, self.source.waiter
        # Not between a message and its answer: by then the session has said which items to leave out.
        if self._is_over or self._is_asking or connection.is_busy:
            self._is_due = True
            return
        if waiter.expired:
            connection.stop(GOING_AWAY)
            return
        if not waiter.recheck and self._is_behind and not connection.is_drained:
            self._is_due = True
            return
        found, self._found = self._found, None
        if found is None:
            self._is_due = False
            found = self.source.look(LOOK_MOST)
        # Rights are published before later messages: if the reader had been removed before one of these was sent, the
        # waiter would have been told.
        if found is None or waiter.recheck:
            self._is_asking = True
            self._is_due = False
            connection.host.in_thread(connection, self._ask)
            return
        self._write(found)
        if self._is_due:
            connection.wake()

    def _write(self, found: list[Any]) -> None:
        pieces: list[bytes] = []
        size = taken = 0
        for item in found:
            data = self.source.take(item)
            taken += 1
            if data is not None:
                pieces.append(data)
                size += len(data)
                if size >= STEP_BYTES:
                    break
        self._is_behind = taken < len(found) or taken >= LOOK_MOST
        signals = self.source.waiter.signals
        while signals:
            data = self.source.take_signal(signals.pop(0))
            if data is not None:
                pieces.append(data)
        if pieces:
            # Usually a single frame, whose bytes all readers share.
            self._connection.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if self._is_behind:
            self._connection.wake()

    def _ask(self) -> None:  # in a thread
        on_loop = self._connection.host.on_loop
        try:
            on_loop(self._asked, self.source.look_again(LOOK_MOST))
        except Ended as ended:
            self._connection.close(ended.code, ended.reason)
        except Exception:
            log.warning("looking for news failed; retrying", exc_info=True)
            on_loop(self._retry_later)

    def _asked(self, found: list[Any]) -> None:
        self._is_asking = False
        self._found = found
        self.look()

    def _retry_later(self) -> None:
        self.source.waiter.recheck = True
        self._connection.host.loop.call_later(RETRY_SECONDS, self._asked, [])

    def end(self, *, failed: bool = False) -> None:
        """Stop pushing. After a failed look the client must reconnect, rather than miss messages."""
        if not self._is_over:
            self._is_over = True
            self.source.close()
        if failed:
            self._connection.close(INTERNAL, "internal error")
