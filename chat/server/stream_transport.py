"""The transport of a long-lived connection: limits, deadlines, heartbeat, and the closing handshake.

It knows no session. WebSocket and TCP lines differ in framing: see `framed` and `farewell`.
"""

import time
from typing import Any

from chat.server.client_identity import limited_address
from chat.server.closing import end_writing
from chat.server.deadlines import NEVER
from chat.server.flow_control import WRITE_SECONDS, TransportOwner
from chat.server.heartbeat import Heartbeat
from chat.server.host import Host
from chat.server.memory import SMALL_BYTES
from chat.server.ports import GOING_AWAY, POLICY, TRY_LATER, Client
from chat.server.states import OPEN, StreamState

WAITING_MAX_BYTES = 1024 * 1024  # unread data beyond which a client is dropped
ANSWER_MAX_BYTES = 8 * 1024 * 1024  # the limit while one of its requests is answered, which may be long
DRAINED_BYTES = 64 * 1024  # with more unread data, no further message is handled
CLOSE_SECONDS = 3.0  # for the client's closing handshake


class StreamTransport(TransportOwner):
    __slots__ = (
        "_at_end", "_give_up_at", "_got_eof", "_heartbeat", "_owed", "_write_due", "client", "is_busy", "state",
    )  # fmt: skip

    PING = b""  # a ping that every live client answers, or b""
    BEHIND_PROXIES = True  # if HTTP is
    ANSWERS_FAREWELL = True  # the client confirms the close before the connection ends
    is_held = False  # as HTTP requests may be

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.client: Client = ""  # the client whose turns its work uses
        self.state = StreamState.NEW
        self.is_busy = False  # a message is being handled
        self._owed = 0  # bytes pending when its last answer was written, which do not count against the limit
        self._at_end = False  # nothing more of the client is handled
        self._got_eof = False  # the client has closed its side; messages may still be buffered
        self._heartbeat: Heartbeat | None = None
        self._write_due = NEVER  # when a client that does not read is checked
        self._give_up_at = NEVER  # for the login, the end of the session, or the client's closing handshake

    # Differences

    def framed(self, payload: bytes) -> bytes:
        """Return a message in this connection's framing."""
        raise NotImplementedError

    def farewell(self, code: int, reason: str) -> bytes:
        """Return the last data before closing."""
        raise NotImplementedError

    def _buffered(self) -> int:
        """The number of bytes received and not handled."""
        raise NotImplementedError

    def _drop_all(self) -> None:
        """Push and handle nothing more."""
        raise NotImplementedError

    # Transport

    def _attach(self, transport: Any) -> None:
        self._count_place(transport)
        super()._attach(transport)
        self.host.sockets.add(self)
        self.client = limited_address(self.address[0])
        self.state = OPEN
        now = time.monotonic()
        self._heartbeat = Heartbeat(now) if self.PING else None
        transport.set_write_buffer_limits(high=DRAINED_BYTES)
        self._update_deadline(now)

    def _detach(self) -> None:
        self.state = StreamState.GONE
        super()._detach()

    def pause_writing(self) -> None:
        self._flow.filled()
        now = time.monotonic()
        self._write_due = now + WRITE_SECONDS
        self._update_deadline(now)
        self._count()

    def _drained(self) -> None:
        self._flow.is_drained = True
        self._owed = 0
        self._write_due = NEVER
        self._count()

    @property
    def is_drained(self) -> bool:
        """Whether written data is sent, or nearly."""
        return self._flow.is_drained

    @property
    def is_open(self) -> bool:
        """Whether both sides are there and neither has closed the connection."""
        return self.state is OPEN

    @property
    def address(self) -> tuple[str, int]:
        """The client's address."""
        return ("", 0) if self._transport is None else self._peer_of(self._transport)

    def _peer_of(self, transport: Any) -> tuple[str, int]:
        name = transport.get_extra_info("peername") or ("", 0)
        return name[0], name[1]

    # Called by the worker

    def deadline_passed(self) -> None:
        """Ping, or close because something took too long."""
        if self._transport is None:
            self.deadline = NEVER
            return
        now, heartbeat = time.monotonic(), self._heartbeat
        if not self.is_open:
            if now >= self._give_up_at:
                self._transport.abort()
        elif now >= self._give_up_at:
            self._close(POLICY, "time is up")
        elif now >= self._write_due and not self._has_read_on(now):
            self._close(TRY_LATER, "client too slow")
        elif heartbeat is not None and heartbeat.is_dead(now) and not self.is_busy:
            self._transport.abort()
        elif heartbeat is not None and heartbeat.pings(now) and self.is_drained:
            self.write(self.PING)
        self._update_deadline(now)

    def _update_deadline(self, now: float) -> None:
        deadline = min(self._give_up_at, self._write_due) if self.is_open else self._give_up_at
        if self._heartbeat is not None and self.is_open:
            deadline = min(deadline, self._heartbeat.due(now))
        self._set_deadline(deadline)

    def _has_read_on(self, now: float) -> bool:
        self._write_due = now + WRITE_SECONDS
        return self._flow.check()

    def stop(self, code: int = GOING_AWAY) -> None:
        """Finish the current message and close, as the server stops. May be called repeatedly."""
        if not self.is_busy:
            self._close(code, "the server stops")

    # Limits

    def _count_place(self, transport: Any) -> int:
        """Count the connection once. Returns the excess over the limits."""
        if self._is_placed:
            return 0
        is_proxys = self.BEHIND_PROXIES and self.host.is_proxied
        return self._take_place("" if is_proxys else limited_address(self._peer_of(transport)[0]))

    def _count(self) -> None:
        """Count buffered data; drop the client if there is too much."""
        size = self._buffered()
        if not self.is_drained and self._transport is not None:
            size += self._transport.get_write_buffer_size()
        if size <= SMALL_BYTES and self.share is None:
            return
        if not self.host.memory.keep(self, size):
            self._close(TRY_LATER, "too much waits for you and of you", deaf=True)

    def write(self, data: bytes) -> None:
        """Write, and drop a client with too much unread data."""
        if self.state is not OPEN:
            return
        self._transport.write(data)
        waiting = self._transport.get_write_buffer_size()
        if self.is_busy:
            self._owed = waiting
        if waiting > DRAINED_BYTES:
            self._count()
        if waiting > (ANSWER_MAX_BYTES if self.is_busy else self._owed + WAITING_MAX_BYTES):
            self._close(TRY_LATER, "client too slow")

    def _set_reading(self, *, on: bool) -> None:
        if self._transport is None:
            return
        if not on:
            self._flow.pause_reading()
        elif self._flow.resume_reading() and self._heartbeat is not None:
            self._heartbeat.heard(time.monotonic())

    # Closing

    def _close(self, code: int, reason: str, *, deaf: bool = False) -> None:
        if not self.is_open:
            return
        self._drop_all()
        farewell = self.farewell(code, reason)
        self._transport.write(farewell)
        self.state = StreamState.CLOSING
        self._give_up_at = time.monotonic() + CLOSE_SECONDS
        self._update_deadline(self._give_up_at)
        self._set_reading(on=True)  # reads the client's close frame; with unread data TCP would discard ours
        if self._got_eof:
            self._transport.close()  # no answer can come
        elif deaf or not farewell or not self.ANSWERS_FAREWELL:
            end_writing(self._transport)

    def _close_at(self, deadline: float) -> None:
        if self.is_open:
            self._give_up_at = deadline
            self._update_deadline(time.monotonic())
