"""Pushes new messages to one peer as it reads, without a thread or a database session."""

import logging
from typing import Protocol

from chat.server.host import Host, Owner
from chat.server.ports import GOING_AWAY, INTERNAL, NEEDS_THREAD, NORMAL, NOTHING_YET, Ended, PushReader

log = logging.getLogger("gunicorn.error")
RETRY_SECONDS = 1.0  # while the database is unavailable


class Sink(Owner, Protocol):
    """The connection that is written to."""

    host: Host
    is_busy: bool  # a message is being handled

    @property
    def is_drained(self) -> bool:
        """Whether written data is sent, or nearly."""

    def write(self, data: bytes) -> None:
        """Write, and drop a client with too much unread data. On the loop."""

    def look(self) -> None:
        """Look for news, and go on. On the loop."""

    def wake(self) -> None:
        """Schedule a look, from any thread."""

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close after pending data is sent. From any thread."""

    def stop(self, code: int = GOING_AWAY) -> None:
        """Finish the current message and close. On the loop."""


class Pushes:
    """A reader and its connection. On the loop, except _ask."""

    __slots__ = (
        "_connection",
        "_has_failed",
        "_is_asking",
        "_is_due",
        "_is_over",
        "_is_pausing",
        "_was_asked",
        "reader",
    )

    def __init__(self, connection: Sink, reader: PushReader) -> None:
        self._connection = connection
        self.reader = reader
        self._is_asking = False
        self._was_asked = False  # the next look returns news prepared by a thread
        self._is_due = False  # news may have arrived that this does not include
        self._is_over = False
        self._is_pausing = False  # a look is scheduled
        self._has_failed = False  # the last look in a thread has, and is tried again

    @property
    def is_looking(self) -> bool:
        """Whether a thread looks for news; not while a failed look waits for the next."""
        return self._is_asking and not self._has_failed

    @property
    def is_coming(self) -> bool:
        """Whether news may come without a further event: a look goes on or is due, and the last one has not failed."""
        return (self._is_asking or self._is_due) and not self._has_failed

    def look(self) -> None:
        """Write news. A call is only a hint: if nothing can be done now, it is called again later."""
        connection, reader = self._connection, self.reader
        # Not between a message and its answer: by then the session has said which items to leave out.
        if self._is_over or self._is_asking or connection.is_busy:
            self._is_due = True
            return
        if self._is_pausing and not reader.expired:
            return
        if not connection.is_drained and reader.is_behind:
            self._is_due = True
            return
        is_overtaken = self._is_due and self._was_asked
        self._is_due = self._was_asked = False
        found = reader.look()
        if found is NEEDS_THREAD:
            self._is_asking = True
            connection.host.in_thread(connection, self._ask)
            return
        if found is not NOTHING_YET:
            connection.write(found if isinstance(found, bytes) else b"".join(found))
            if reader.pace is not None:
                self._pause(reader.pace())
        if reader.expired and not reader.is_behind:  # only now: the news may be the client's own last message
            connection.stop(GOING_AWAY)
            return
        if is_overtaken or reader.is_behind:
            self._is_due = True
            connection.wake()

    def _pause(self, seconds: float) -> None:
        """Let news gather for so long; then one look finds all of it."""
        if seconds > 0:
            self._is_pausing = True
            self._connection.host.loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._is_pausing = False
        self._connection.wake()

    def _ask(self) -> None:  # in a thread
        on_loop = self._connection.host.on_loop
        try:
            self.reader.look_again()
        except Ended as ended:
            self._connection.close(ended.code, ended.reason)
        except Exception:
            log.warning("looking for news failed; retrying", exc_info=True)
            on_loop(self._retry_later)
        else:
            on_loop(self._asked)

    def _retry_later(self) -> None:
        self._has_failed = True
        self._connection.wake()  # it may wait for this to close
        self._connection.host.loop.call_later(RETRY_SECONDS, self._asked)

    def _asked(self) -> None:
        self._is_asking, self._was_asked, self._has_failed = False, True, False
        self._connection.look()

    def end(self, *, failed: bool = False) -> None:
        """Stop pushing. After a failed look the client must reconnect, rather than miss messages."""
        if not self._is_over:
            self._is_over = True
            self.reader.close()
        if failed:
            self._connection.close(INTERNAL, "internal error")
