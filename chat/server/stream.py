"""A long-lived connection: handles messages in order, pushes news, and detects dead clients.

Shared by WebSocket and TCP lines, which differ in framing: see `_take_one`, `framed` and `farewell`.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any

from chat.lanes import Lane, WrongLane
from chat.server.client_identity import limited_address
from chat.server.deadlines import NEVER
from chat.server.flow_control import WRITE_BYTES, WRITE_SECONDS, unread_of
from chat.server.host import Host
from chat.server.memory import SMALL_BYTES, Share
from chat.server.ports import GOING_AWAY, INTERNAL, NORMAL, POLICY, TRY_LATER, Client, PushReader, Raw, Session
from chat.server.push import Pushes
from chat.server.states import StreamState
from chat.server.websocket_frames import FrameError

log = logging.getLogger("gunicorn.error")

OPEN, CLOSING, GONE = StreamState.OPEN, StreamState.CLOSING, StreamState.GONE
WAITING_MAX_BYTES = 1024 * 1024  # unread data beyond which a client is dropped
ANSWER_MAX_BYTES = 8 * 1024 * 1024  # the limit while one of its requests is answered, which may be long
DRAINED_BYTES = 64 * 1024  # with more unread data, no further message is handled
INBOX_MAX_BYTES = 64 * 1024  # of messages waiting to be handled; with more, or
INBOX_MAX = 16  # with more messages, reading pauses
FRAMES_A_TURN = 128  # per client and turn of the loop
PING_SECONDS = 25.0
DEAD_SECONDS = 55.0  # without data from the client, despite two pings
CLOSE_SECONDS = 3.0  # for the client's closing handshake


class StreamConnection(asyncio.Protocol):
    """The Peer of one Session. On the loop, except for methods that Peer allows from any thread."""

    __slots__ = (
        "_at_end", "_give_up_at", "_handled_bytes", "_heard", "_inbox", "_inbox_bytes", "_is_placed",
        "_owed", "_paused", "_ping_at", "_pushes",
        "_session", "_transport", "_unread",
        "_write_due", "client", "deadline", "host", "is_busy", "is_drained", "place", "share", "state",
        "watched_until",
    )  # fmt: skip

    PING = b""  # a ping that every live client answers, or b""
    BEHIND_PROXIES = True  # if HTTP is
    ANSWERS_FAREWELL = True  # the client confirms the close before the connection ends
    is_held = False  # as HTTP requests may be

    def __init__(self, host: Host, session: Session) -> None:
        self.host = host
        self._session: Session | None = session
        self._transport: Any = None
        self.client: Client = ""  # the client whose turns its work uses
        self._inbox: list[str | bytes] = []
        self._inbox_bytes = 0
        self._handled_bytes = 0  # of the message being handled
        self.place = ""  # the address it counts for
        self._is_placed = False  # whether it has been counted
        self.share: Share | None = None  # in host.memory
        self._pushes: Pushes | None = None
        self.state = StreamState.NEW
        self.is_busy = False  # a message is being handled
        self.is_drained = True  # written data is sent, or nearly
        self._unread = 0  # unread bytes when the client was found not to read; checked again at
        self._write_due = NEVER
        self._owed = 0  # bytes pending when its last answer was written, which do not count against the limit
        self._at_end = False  # the client has closed its side
        self._paused = False  # reading is paused
        self._give_up_at = NEVER  # for the login, the end of the session, or the client's closing handshake
        self._heard = self._ping_at = 0.0  # time.monotonic() s
        self.deadline = self.watched_until = NEVER  # see live.deadlines

    # Called by the transport

    def connection_made(self, transport: Any) -> None:
        self._take_place(transport)
        self._transport = transport
        self.client = limited_address(self.address[0])
        self.state = OPEN
        self._heard = time.monotonic()
        # Spread, because thousands may connect at once.
        self._ping_at = self._heard + PING_SECONDS * random.uniform(0.4, 1)  # noqa: S311
        transport.set_write_buffer_limits(high=DRAINED_BYTES)
        self.host.connections.add(self)
        self._set_deadline(self._heard)
        assert self._session is not None  # noqa: S101
        self._run(self._session.opened, self)

    def data_received(self, data: bytes) -> None:
        if not self.is_open:
            if self._has_farewell(data):
                self._transport.close()
        elif not self._at_end:  # data after its close frame is discarded
            self._heard = time.monotonic()
            self._keep(data)
            self._parse()
            self._count()

    def eof_received(self) -> bool:
        # Half-closed: messages already sent are still handled and answered.
        self._at_end = True
        if self.is_open:
            self._advance()
        elif self._transport is not None:
            self._transport.close()
        return self._stays_half_closed()

    def _stays_half_closed(self) -> bool:
        """Whether answers can still be written. TLS cannot be half-closed: its transport is closed already."""
        if self._transport is None or self._transport.can_write_eof():
            return True
        self.state = CLOSING
        self._drop_pushes()
        return False

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self.state = GONE
        self.deadline = NEVER
        self.host.deadlines.forget(self)
        self.host.memory.keep(self, 0)
        if self._is_placed:
            self._is_placed = False
            self.host.places.leave(self.place)
        self._drop_pushes()
        self._advance()

    def pause_writing(self) -> None:
        self.is_drained = False
        self._unread = unread_of(self._transport)
        now = time.monotonic()
        self._write_due = now + WRITE_SECONDS
        self._set_deadline(now)
        self._count()

    def resume_writing(self) -> None:
        self.is_drained = True
        self._owed = 0
        self._write_due = NEVER
        self._count()
        self.look()
        self._advance()

    @property
    def is_open(self) -> bool:
        """Whether both sides are there and neither has closed the connection."""
        return self.state is OPEN

    # Called by the worker

    def deadline_passed(self) -> None:
        """Ping, or close because something took too long."""
        if self._transport is None:
            self.deadline = NEVER
            return
        now = time.monotonic()
        if not self.is_open:
            if now >= self._give_up_at:
                self._transport.abort()
        elif now >= self._give_up_at:
            self._close(POLICY, "time is up")
        elif now >= self._write_due and not self._has_read_on(now):
            self._close(TRY_LATER, "client too slow")
        elif self.PING and now - self._heard >= DEAD_SECONDS and not self.is_busy:
            self._transport.abort()
        elif self.PING and now >= self._ping_at:
            self._ping_at = now + PING_SECONDS
            if self.is_drained:
                self.write(self.PING)
        self._set_deadline(now)

    def _set_deadline(self, now: float) -> None:
        """Data from the client extends it, which is noticed when it expires."""
        self.deadline = min(self._give_up_at, self._write_due) if self.is_open else self._give_up_at
        if self.PING and self.is_open:
            # A client whose message is being handled is not considered dead; it is checked again in a moment.
            dead_at = max(self._heard + DEAD_SECONDS, now + 1)
            self.deadline = min(self.deadline, self._ping_at, dead_at)
        if self.deadline < self.watched_until:
            self.host.deadlines.watch(self)

    def stop(self, code: int = GOING_AWAY) -> None:
        """Finish the current message and close, as the server stops. May be called repeatedly."""
        if not self.is_busy:
            self._close(code, "the server stops")

    def look(self) -> None:
        """Look for items to push."""
        if self._pushes is None:
            return
        try:
            self._pushes.look()
        except Exception:
            log.exception("pushing failed")
            self._pushes.end(failed=True)

    # Limits

    def _take_place(self, transport: Any) -> int:
        """Count the connection once. Returns the excess over the limits."""
        if self._is_placed:
            return 0
        self._is_placed = True
        is_proxys = self.BEHIND_PROXIES and self.host.is_proxied
        self.place = "" if is_proxys else limited_address(self._peer_of(transport)[0])
        return self.host.places.take(self.place)

    def _count(self) -> None:
        """Count buffered data; drop the client if there is too much."""
        size = self._kept() + self._inbox_bytes + self._handled_bytes
        if not self.is_drained and self._transport is not None:
            size += self._transport.get_write_buffer_size()
        if size <= SMALL_BYTES and self.share is None:
            return
        if not self.host.memory.keep(self, size):
            self._close(TRY_LATER, "too much waits for you and of you", deaf=True)

    def _has_read_on(self, now: float) -> bool:
        before, self._unread = self._unread, unread_of(self._transport)
        self._write_due = now + WRITE_SECONDS
        return self._unread <= before - WRITE_BYTES

    # Called by Pushes

    def wake(self) -> None:
        """Schedule a look, from any thread."""
        self.host.wake(self)

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

    # Peer: called by the session, from any thread

    @property
    def address(self) -> tuple[str, int]:
        """The client's address."""
        return ("", 0) if self._transport is None else self._peer_of(self._transport)

    def _peer_of(self, transport: Any) -> tuple[str, int]:
        name = transport.get_extra_info("peername") or ("", 0)
        return name[0], name[1]

    def belongs_to(self, user_id: int | None) -> None:
        """Assign the connection to a user; None: it is anonymous again."""
        self.client = limited_address(self.address[0]) if user_id is None else user_id

    def send(self, text: str | bytes) -> None:
        """Send one message, after earlier ones. Never blocks."""
        self.host.on_loop(self.write, self.framed(text.encode() if isinstance(text, str) else text))

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close after pending data is sent."""
        self.host.on_loop(self._close, code, reason)

    def close_in(self, seconds: float | None) -> None:
        """Close with 1008 after this many seconds, unless called again; None cancels."""
        self.host.on_loop(self._close_at, NEVER if seconds is None else time.monotonic() + seconds)

    def follow(self, make: Callable[[Callable[[], None]], PushReader]) -> None:
        """Push the reader's news from now on, replacing an earlier one."""
        self.host.on_loop(self._follow, make(self.wake))

    def unfollow(self) -> None:
        """Stop pushing."""
        self.host.on_loop(self._drop_pushes)

    # Differences in framing

    def framed(self, payload: bytes) -> bytes:
        """Return a message in this connection's framing."""
        raise NotImplementedError

    def farewell(self, code: int, reason: str) -> bytes:
        """Return the last data before closing."""
        raise NotImplementedError

    def _keep(self, data: bytes) -> None:
        """Buffer received bytes."""
        raise NotImplementedError

    def _kept(self) -> int:
        """The number of buffered bytes."""
        raise NotImplementedError

    def _take_one(self) -> bool:
        """Take one complete message from the buffer and _enqueue it; return False without one. Raises FrameError."""
        raise NotImplementedError

    def _has_farewell(self, data: bytes) -> bool:
        """Whether the data completes the closing handshake. All other data is ignored by now."""
        raise NotImplementedError

    # Reading

    def _parse(self) -> None:
        """Take complete messages up to the inbox's limit; the rest follows when there is room."""
        try:
            for _ in range(FRAMES_A_TURN):
                if not self.is_open or self._at_end:
                    return
                if self._is_full():
                    self._set_reading(on=False)
                    return
                if not self._take_one():
                    self._set_reading(on=True)
                    return
                self._advance()
        except FrameError as error:
            self._close(error.code, error.reason, deaf=True)
            return
        self._set_reading(on=False)
        self.host.loop.call_soon(self._parse)  # after other connections' turns

    def _enqueue(self, message: str | bytes) -> None:
        self._inbox.append(message)
        self._inbox_bytes += len(message)

    def _is_full(self) -> bool:
        return len(self._inbox) >= INBOX_MAX or self._inbox_bytes >= INBOX_MAX_BYTES

    def _set_reading(self, *, on: bool) -> None:
        if self._transport is None or self._paused is not on:
            return
        self._paused = not on
        if on:
            self._heard = time.monotonic()
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    # Handling

    def _advance(self) -> None:
        """Have the next message handled, or finish after the last."""
        if self.is_busy or self._session is None:
            return
        if self._inbox:
            if self.is_drained or self._transport is None:
                message = self._inbox.pop(0)
                self._inbox_bytes -= len(message)
                self._handled_bytes = len(message)
                self._run(self._session.received, message, may_refuse=not isinstance(message, Raw))
        elif self.state is GONE:
            self.state = StreamState.TOLD
            self._run(self._session.closed)
        elif self.state is StreamState.TOLD:
            self.state = StreamState.ENDED
            self._session = None
            self.host.connections.discard(self)
        elif self._at_end and self.is_open:
            self._close(NORMAL, "")
            self._transport.close()

    def _run(self, call: Callable[..., None], *args: Any, may_refuse: bool = False) -> None:
        self.is_busy = True
        put = self.host.offer if may_refuse else self.host.in_thread
        put(self, self._work, call, *args)

    def refused(self, lane: Lane, work: Callable[..., None], args: tuple[Any, ...]) -> None:
        """The lane's queue is full: have the client told in its protocol's envelope."""
        if lane is not Lane.REFUSING:
            self.host.offer_in(Lane.REFUSING, self, work, *args)
            return
        self.close(TRY_LATER, "the server is busy")
        self.host.on_loop(self._worked)

    def _work(self, call: Callable[..., None], *args: Any) -> None:  # in a thread
        lane = None
        try:
            call(*args)
        except WrongLane as wrong:
            lane = wrong.lane
        except Exception:
            log.exception("handling a message failed")
            self.close(INTERNAL, "internal error")
        finally:
            if lane is None:
                self.host.on_loop(self._worked)
            else:
                self.host.on_loop(self.host.offer_in, lane, self, self._work, call, *args)

    def _worked(self) -> None:
        self.is_busy = False
        self._handled_bytes = 0
        if self.share is not None:
            self._count()
        self.look()
        self._advance()
        if self.is_open:
            self._parse()

    # Closing

    def _close(self, code: int, reason: str, *, deaf: bool = False) -> None:
        if not self.is_open:
            return
        self._drop_pushes()
        self._inbox.clear()
        self._inbox_bytes = 0
        farewell = self.farewell(code, reason)
        self._transport.write(farewell)
        self.state = CLOSING
        self._give_up_at = time.monotonic() + CLOSE_SECONDS
        self._set_deadline(self._give_up_at)
        self._set_reading(on=True)  # reads the client's close frame; with unread data TCP would discard ours
        if deaf or not farewell or not self.ANSWERS_FAREWELL:
            self._hang_up()

    def _hang_up(self) -> None:
        """Stop writing; the client has a moment to read the last data."""
        transport = self._transport
        try:
            if transport.can_write_eof():
                transport.write_eof()
            else:
                transport.close()  # TLS sends a close notification and reads until the client closes
        except OSError:
            transport.abort()

    def _close_at(self, deadline: float) -> None:
        if self.is_open:
            self._give_up_at = deadline
            self._set_deadline(time.monotonic())

    def _follow(self, reader: PushReader) -> None:
        self._drop_pushes()
        if not self.is_open:
            reader.close()
            return
        self._pushes = Pushes(self, reader)
        self.look()  # for wake-ups before the reader was registered

    def _drop_pushes(self) -> None:
        if self._pushes is not None:
            self._pushes.end()
            self._pushes = None
