"""A long-lived connection: handles messages in order, and pushes news.

Shared by WebSocket and TCP lines, which differ in framing: see `_take_one`, `framed` and `farewell`.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from chat.lanes import Lane, WrongLane
from chat.server.client_identity import limited_address
from chat.server.deadlines import NEVER
from chat.server.host import Host
from chat.server.ports import GOING_AWAY, INTERNAL, NORMAL, TRY_LATER, PushReader, Raw, Session
from chat.server.push import Pushes
from chat.server.states import StreamState
from chat.server.stream_transport import StreamTransport
from chat.server.websocket_frames import FrameError

log = logging.getLogger("gunicorn.error")

FRAMES_A_TURN = 128  # per client and turn of the loop
INBOX_MESSAGES = 16  # with more messages waiting, or
INBOX_BYTES = 64 * 1024  # with more bytes, reading pauses


class Inbox:
    """Messages of one client that wait to be handled, in order."""

    __slots__ = ("_bytes", "_handled_bytes", "_messages")

    def __init__(self) -> None:
        self._messages: list[str | bytes] = []
        self._bytes = 0
        self._handled_bytes = 0  # of the message being handled

    def __len__(self) -> int:
        """The number of messages waiting."""
        return len(self._messages)

    @property
    def size(self) -> int:
        """The bytes (or characters) of all messages, with the one being handled."""
        return self._bytes + self._handled_bytes

    @property
    def is_full(self) -> bool:
        """Whether to read no more for now."""
        return len(self._messages) >= INBOX_MESSAGES or self._bytes >= INBOX_BYTES

    def put(self, message: str | bytes) -> None:
        """Add a message."""
        self._messages.append(message)
        self._bytes += len(message)

    def take(self) -> str | bytes:
        """Remove the oldest message, which counts until `handled`."""
        message = self._messages.pop(0)
        self._bytes -= len(message)
        self._handled_bytes = len(message)
        return message

    def handled(self) -> None:
        """The message taken last is handled."""
        self._handled_bytes = 0

    def clear(self) -> None:
        """Drop the messages waiting."""
        self._messages.clear()
        self._bytes = 0


class StreamConnection(StreamTransport):
    """The Peer of one Session. On the loop, except for methods that Peer allows from any thread."""

    __slots__ = ("_fault", "_inbox", "_pushes", "_session")

    def __init__(self, host: Host, session: Session) -> None:
        super().__init__(host)
        self._session: Session | None = session
        self._inbox = Inbox()
        self._fault: FrameError | None = None  # of a frame behind the messages in the inbox
        self._pushes: Pushes | None = None

    # Called by the transport

    def connection_made(self, transport: Any) -> None:
        self._attach(transport)
        assert self._session is not None  # noqa: S101
        self._run(self._session.opened, self)

    def data_received(self, data: bytes) -> None:
        if not self.is_open:
            if self._has_farewell(data):
                self._transport.close()
        elif not self._at_end:  # data after its close frame is discarded
            if self._heartbeat is not None:
                self._heartbeat.heard(time.monotonic())
            self._keep(data)
            self._parse()
            self._count()

    def eof_received(self) -> bool:
        # Half-closed: messages already sent are still handled and answered.
        self._at_end = self._got_eof = True
        if self.is_open:
            self._advance()
        elif self._transport is not None:
            self._transport.close()
        return self._stays_half_closed()

    def _stays_half_closed(self) -> bool:
        """Whether answers can still be written. TLS cannot be half-closed: its transport is closed already."""
        if self._transport is None or self._transport.can_write_eof():
            return True
        self.state = StreamState.CLOSING
        self._drop_pushes()
        return False

    def connection_lost(self, _exc: Exception | None) -> None:
        self._detach()
        self._drop_pushes()
        self._advance()

    def resume_writing(self) -> None:
        self._drained()
        self.look()
        self._advance()

    # Called by the worker

    def look(self) -> None:
        """Look for items to push."""
        if self._pushes is None:
            return
        try:
            self._pushes.look()
        except Exception:
            log.exception("pushing failed")
            self._pushes.end(failed=True)

    def wake(self) -> None:
        """Schedule a look, from any thread."""
        self.host.wake(self)

    def stop(self, code: int = GOING_AWAY) -> None:
        """Finish the current message, push news that a thread looks for, and close. May be called repeatedly."""
        if self._pushes is None or not self._pushes.is_looking:
            super().stop(code)

    # Peer: called by the session, from any thread

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

    def _keep(self, data: bytes) -> None:
        """Buffer received bytes."""
        raise NotImplementedError

    def _kept(self) -> int:
        """The number of buffered bytes."""
        raise NotImplementedError

    def _take_one(self) -> bool:
        """Put one complete message from the buffer into the inbox; return False without one. Raises FrameError."""
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
                if self._inbox.is_full:
                    self._set_reading(on=False)
                    return
                if not self._take_one():
                    self._set_reading(on=True)
                    return
                self._advance()
        except FrameError as error:
            self._fault = error
            self._at_end = True  # earlier messages are handled first, later data is discarded
            self._advance()
            return
        self._set_reading(on=False)
        self.host.loop.call_soon(self._parse)  # after other connections' turns

    def _buffered(self) -> int:
        return self._kept() + self._inbox.size

    # Handling

    def _advance(self) -> None:
        """Have the next message handled, or finish after the last."""
        if self.is_busy or self._session is None:
            return
        if self._inbox:
            if self.is_drained or self._transport is None:
                message = self._inbox.take()
                self._run(self._session.received, message, may_refuse=not isinstance(message, Raw))
        elif self.state is StreamState.GONE:
            self.state = StreamState.TOLD
            self._run(self._session.closed)
        elif self.state is StreamState.TOLD:
            self.state = StreamState.ENDED
            self._session = None
            self.host.connections.discard(self)
            self.host.sockets.discard(self)
        elif self._fault is not None and self.is_open:
            self._close(self._fault.code, self._fault.reason, deaf=True)
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
        self._inbox.handled()
        if self.share is not None:
            self._count()
        self.look()
        self._advance()
        if self.is_open:
            self._parse()

    # Pushing

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

    def _drop_all(self) -> None:
        self._drop_pushes()
        self._inbox.clear()
