"""One HTTP/1.1 connection on the loop, for its whole life. A held pull is simply a request not answered yet."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chat.live import request
from chat.live.framing import Framed, Framer, FramingError
from chat.live.parking import Hold, Look, Parked
from chat.live.refusals import refusal
from chat.live.websocket import WebSocketConnection

if TYPE_CHECKING:
    from chat.live.worker import LiveWorker

HEAD_SECONDS = 10.0  # from its first byte to its last
BODY_PAUSE_SECONDS = 20.0  # between two pieces of a body
REQUEST_SECONDS = 120.0  # all of a request
LINGER_SECONDS = 2.0  # a refused client may still be sending; closed at once, it would not read why
WRITE_SECONDS = 30.0  # an answer of which nothing is read for so long is given up
READ_AHEAD_BYTES = 64 * 1024  # of the next request, while one is worked on


@dataclass(slots=True)
class Held:
    """A request that is not answered yet, the head to answer it with, and what it waits for."""

    framed: Framed
    answer: request.Answer
    parked: Parked
    began: datetime = field(default_factory=datetime.now)


class HttpConnection(asyncio.Protocol):
    __slots__ = (
        "_advancing", "_at_eof", "_busy", "_closing", "_deadline", "_framer", "_held", "_is_drained", "_known",
        "_local", "_paused", "_peer", "_started", "_timer", "_transport", "_worker",
    )  # fmt: skip

    def __init__(self, worker: "LiveWorker") -> None:
        self._worker = worker
        self._framer = Framer(worker.max_body)
        self._transport: Any = None
        self._busy = False  # a request is worked on, or held
        self._closing = False  # no further request is read
        self._paused = False  # reading is
        self._advancing = False
        self._at_eof = False  # the client sends no more
        self._held: Held | None = None
        self._known: Held | None = None  # the last that was held: its head is known
        self._timer: asyncio.TimerHandle | None = None
        self._is_drained = True  # what was answered is out, or nearly
        self._started = 0.0  # of the request that is being read
        self._deadline = 0.0  # when to give up on what is waited for; the worker looks every second

    # The transport's calls

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._peer = transport.get_extra_info("peername") or ("", 0)
        self._local = transport.get_extra_info("sockname") or ("", 0)
        self._deadline = time.monotonic() + self._worker.cfg.keepalive
        transport.set_write_buffer_limits(high=READ_AHEAD_BYTES)
        self._worker.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if self._framer.is_between:
            self._started = time.monotonic()
        self._framer.buffer += data
        self._advance()
        is_blocked = self._busy or not self._is_drained
        if is_blocked and not self._closing and not self._paused and len(self._framer.buffer) > READ_AHEAD_BYTES:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        # Half-closed: what was asked is still answered. Who waits has hung up, as far as one can tell.
        self._at_eof = True
        if self._held is not None:
            self._answer_held(self._held.parked.late())
        elif not self._busy:
            self._advance()
        return True  # closed by _expect_more, once nothing whole is left to answer

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self._worker.connections.discard(self)
        self._unhold()
        self._forget_known()

    def pause_writing(self) -> None:
        self._is_drained = False
        self._deadline = time.monotonic() + WRITE_SECONDS

    def resume_writing(self) -> None:
        self._is_drained = True
        if not self._busy:
            self._deadline = time.monotonic() + self._worker.cfg.keepalive
            self._read_on()
            self._advance()

    # The worker's calls

    def give_up_if_late(self, now: float) -> None:
        """Close what has taken too long. Held requests have their own timer."""
        if self._transport is None or now < self._deadline:
            return
        if not self._is_drained:
            self._transport.abort()
        elif not self._busy:
            self._transport.close()

    def stop(self) -> None:
        """The server stops: take no further request. Held ones are answered through their waiters."""
        if self._transport is None:
            return
        if self._busy:
            self._closing = True
        elif self._framer.is_between and self._is_drained:
            self._transport.close()

    # Reading

    def _advance(self) -> None:
        """Take all requests that are here whole, one after the other."""
        if self._advancing:
            return
        self._advancing = True
        try:
            # Not while answers wait to be read: who sends requests and reads nothing would fill the memory.
            while not self._busy and not self._closing and self._is_drained:
                framed = self._framer.next_known(self._known.framed) if self._known is not None else None
                framed = framed or self._framer.next()
                if framed is None:
                    self._expect_more()
                    break
                self._take(framed)
        except FramingError as error:
            self._refuse(refusal(error.status, error.reason))
        finally:
            self._advancing = False

    def _take(self, framed: Framed) -> None:
        known = self._known
        if known is None or framed.head != known.framed.head or framed.too_large:
            self._dispatch(framed, None)
            return
        found = known.parked.known.again(framed.body)
        if isinstance(found, Parked):
            self._hold(Held(framed, known.answer, found))
        elif isinstance(found, Look):
            self._dispatch(framed, None)
        else:
            self._busy = True
            self._finish_known(known.answer, found, datetime.now())  # noqa: DTZ005

    def _expect_more(self) -> None:
        now = time.monotonic()
        if self._at_eof:
            self._closing = True
            self._transport.close()
        elif self._framer.is_between:
            self._deadline = now + self._worker.cfg.keepalive
        elif self._framer.in_body:
            if self._framer.wants_continue():
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._deadline = min(self._started + REQUEST_SECONDS, now + BODY_PAUSE_SECONDS)
        else:
            self._deadline = self._started + HEAD_SECONDS

    def _refuse(self, answer: bytes) -> None:
        self._transport.write(answer)
        self._linger()

    def _linger(self) -> None:
        """Close when the answer is out; leave a client that is still sending a moment to read it."""
        self._closing = True
        self._framer.buffer.clear()
        self._read_on()
        transport = self._transport
        try:
            if transport.can_write_eof():  # not under TLS
                transport.write_eof()
        except OSError:
            transport.abort()  # it is gone already
        else:
            self._worker.loop.call_later(LINGER_SECONDS, transport.close)

    def _read_on(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    # Working

    def _dispatch(self, framed: Framed, resumed: Parked | None) -> None:
        self._busy = True
        self._worker.in_thread(self._work, framed, Hold(self._wake, time.monotonic(), resumed=resumed))

    def _work(self, framed: Framed, hold: Hold) -> None:  # in a thread
        if self._transport is None:  # hung up while this waited for a thread
            answer = request.Answer([], close=True)
        else:
            answer = request.run(self._worker, framed, self._peer, self._local, hold)
        self._worker.on_loop(self._worked, framed, answer, hold.resumed)

    def _worked(self, framed: Framed, answer: request.Answer, resumed: Parked | None) -> None:
        if answer.parked is not None:
            self._hold(Held(framed, answer, answer.parked))
            return
        if resumed is not None:
            resumed.release()
            self._forget_known()
        if answer.upgrade is not None and self._transport is not None:
            self._go_on_as_socket(answer)
            return
        self._finish(answer.pieces, close=answer.close, linger=framed.too_large)

    def _go_on_as_socket(self, answer: request.Answer) -> None:
        """Hand the transport over, with what has come of the socket's bytes already."""
        assert answer.upgrade is not None  # noqa: S101
        transport, pending = self._transport, bytes(self._framer.buffer)
        self._forget_known()
        self._read_on()
        transport.writelines(answer.pieces)
        # Of this connection nothing is left: to the transport it is another one now.
        self._transport = None
        self._worker.connections.discard(self)
        connection = WebSocketConnection(self._worker, answer.upgrade.open())
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if pending:
            connection.data_received(pending)
        if self._at_eof:
            connection.eof_received()

    def _finish_known(self, answer: request.Answer, body: list[bytes], began: datetime) -> None:
        if answer.written is not None:
            answer.written(sum(map(len, body)), began)
        self._finish(request.finished(answer.head, body), close=answer.close)

    def _finish(self, pieces: list[bytes], *, close: bool, linger: bool = False) -> None:
        self._busy = False
        if self._transport is None:
            return
        self._transport.writelines(pieces)
        if linger:
            self._linger()
            return
        if close or self._closing:
            self._closing = True
            self._transport.close()  # once all is written
            return
        self._started = time.monotonic()
        if self._is_drained:
            self._deadline = self._started + self._worker.cfg.keepalive
        self._read_on()
        if self._framer.buffer or self._at_eof:
            self._advance()

    # Waiting

    def _hold(self, held: Held) -> None:
        self._busy = True
        if self._known is not None and self._known.parked.known is not held.parked.known:
            self._forget_known()
        self._known = self._held = held
        if self._transport is None:
            self._unhold()
            self._forget_known()
        elif self._closing or self._at_eof:  # the server stops, or the client has hung up meanwhile
            self._answer_held(held.parked.late())
        else:
            self._timer = self._worker.loop.call_at(held.parked.deadline, self._late)
            self.look()  # for what came before there was anything to be woken

    def _wake(self) -> None:  # from any thread
        self._worker.wake(self)

    def look(self) -> None:
        """Answer the held request if it can be answered now."""
        held = self._held
        if held is None:
            return
        parked = held.parked
        if parked.waiter.expired:
            self._answer_held(parked.late())
            return
        found = Look.NEEDS_THREAD if parked.waiter.recheck else parked.look()
        if found is Look.NEEDS_THREAD:
            self._held = None
            self._cancel_timer()
            self._dispatch(held.framed, parked)
        elif not isinstance(found, Look):
            self._answer_held(found)

    def _late(self) -> None:
        if self._held is not None:
            self._answer_held(self._held.parked.late())

    def _answer_held(self, body: list[bytes]) -> None:
        held = self._held
        self._unhold()
        if held is not None:
            self._finish_known(held.answer, body, held.began)

    def _unhold(self) -> None:
        self._cancel_timer()
        if self._held is not None:
            self._held.parked.release()
            self._held = None

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget_known(self) -> None:
        if self._known is not None:
            self._known.parked.known.forget()
            self._known = None
