"""One HTTP/1.1 connection on the loop, for its whole life. A held pull is a request without an answer yet."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from chat.lanes import Lane, WrongLane
from chat.server import wsgi
from chat.server.client_identity import limited_address
from chat.server.deadlines import NEVER
from chat.server.flow_control import HEAD_SECONDS, LINGER_SECONDS, WRITE_SECONDS, BoundedConnection, unread_of
from chat.server.host import Host
from chat.server.http_parser import PART_BYTES, Framed, Framer, body_after
from chat.server.known_heads import Ending, Known
from chat.server.memory import SMALL_BYTES
from chat.server.ports import NEEDS_THREAD, Arrival, Client, Data, HeldRequest, Look, Receiving, Wsgi
from chat.server.receiving import BodyReceiver
from chat.server.refusals import MOST_REFUSED
from chat.server.request_targets import FramingError
from chat.server.response import finished as finished_answer
from chat.server.states import IN_PROGRESS, READS, State
from chat.server.streaming import BytesSender, PieceSender
from chat.server.websocket import WebSocketConnection

log = logging.getLogger("gunicorn.error")

BODY_PAUSE_SECONDS = 20.0  # between two parts of a body
REQUEST_SECONDS = 120.0  # for a whole request
_HEALTH = (b"GET /healthz ", b"GET /healthz?", b"HEAD /healthz ", b"HEAD /healthz?")  # beginnings of health checks
IDLE, READING, WORKING, HELD, SENDING = State.IDLE, State.READING, State.WORKING, State.HELD, State.SENDING
RECEIVING = State.RECEIVING
SURPLUS, CLOSING, GONE = State.SURPLUS, State.CLOSING, State.GONE
READ_AHEAD_BYTES = 64 * 1024  # of the next request, while one is in progress


class HttpConnection(BoundedConnection):
    __slots__ = (
        "_advancing", "_at_eof", "_began", "_body", "_ending", "_framed", "_framer", "_head", "_held", "_is_last",
        "_known", "_local", "_peer", "_receiving", "_sender", "_started",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._framer = Framer(host.max_body, self._takes_long, self._takes_any, self._takes_parts)
        self._advancing = False
        self._at_eof = False  # the client has closed its side
        self._is_last = False  # no request follows the one in progress
        self._head = b""  # of the request in progress or waiting for a thread
        self._started = 0.0  # of the request being read
        # The last held request, and the object that answers requests with the same head. None: no head is known.
        self._framed: Framed | None = None
        self._known: HeldRequest | None = None
        self._ending: Ending | None = None
        self._held: HeldRequest | None = None  # answers the request held now
        self._body = b""  # of that request
        self._sender: PieceSender | BytesSender | None = None  # of an answer sent in chunks
        self._receiving: BodyReceiver | None = None  # of a body read in parts
        self._began: datetime | None = None  # its arrival, for the access log

    # Called by the transport

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._peer = transport.get_extra_info("peername") or ("", 0)
        self._local = transport.get_extra_info("sockname") or ("", 0)
        transport.set_write_buffer_limits(high=READ_AHEAD_BYTES)
        self._host.connections.add(self)
        self.place = "" if self._host.is_proxied else limited_address(self._peer[0])
        too_many = self._host.places.take(self.place)
        if too_many > 0:
            self.state = SURPLUS  # time to read the request, so that its protocol can word the refusal
            self._set_deadline(time.monotonic() + LINGER_SECONDS)
            if too_many > MOST_REFUSED:
                transport.abort()
            return
        self._set_deadline(time.monotonic() + self._host.keepalive)

    def data_received(self, data: bytes) -> None:
        if self.state is IDLE:
            if self._is_drained:
                if self._framed is None and self._host.is_proxied:
                    self._take_over(data)
                body = body_after(self._framed, data) if self._framed is not None else None
                if body is not None:
                    self._take_known(body)
                    return
            self._started = time.monotonic()
        elif self.state is SURPLUS:
            self._refuse_surplus(data)
            return
        elif self.state is CLOSING or (self._is_last and not self._framer.coming):
            return
        framer = self._framer
        framer.buffer += data
        self._advance()
        if self._receiving is not None:
            self._receive_on()
        elif self.state in IN_PROGRESS or (self.state in READS and not self._is_drained):
            self._bound_read_ahead(len(framer.buffer))

    def eof_received(self) -> bool:
        # Half-closed: requests are still answered. A client that half-closes while its pull is held counts as
        # disconnected.
        self._at_eof = True
        if self._held is not None:
            self._answer_held(self._held.late())
        elif self._receiving is not None:
            self._receive_on()
        elif self.state in READS:
            self._advance()
        elif self.state is CLOSING or self.state is SURPLUS:
            self._close()
        # True: _expect_more closes it, when no complete request is left. TLS cannot be half-closed.
        return self._transport is not None and bool(self._transport.can_write_eof())

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        self.state = GONE
        self._forget_deadline()
        self._host.connections.discard(self)
        self._host.places.leave(self.place)
        self._count_nothing()
        self._unhold()
        self._forget_known()
        if self._sender is not None:
            self._sender.stop()
        if self._receiving is not None:
            self._receiving.stop()

    def pause_writing(self) -> None:
        self._is_drained = False
        self._unread = unread_of(self._transport)
        self._set_deadline(time.monotonic() + WRITE_SECONDS)
        self._count_left_over(self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._is_drained = True
        self._count_left_over(0)
        if self._sender is not None:
            self._set_deadline(NEVER)
            self._sender.go_on()
        elif self._held is not None:
            self._set_deadline(self._held.deadline)
        elif self.state in READS:
            self._set_deadline(time.monotonic() + self._host.keepalive)
            self._read_on()
            self._advance()

    # Called by the worker

    @property
    def is_held(self) -> bool:
        """Whether a request on it is held."""
        return self._held is not None

    def deadline_passed(self) -> None:
        """Answer a held request, or close the connection because something took too long."""
        if self._transport is None:
            return
        if not self._is_drained or self._transport.is_closing():
            self._wait_for_reader()
        elif self._held is not None:
            self._answer_held(self._held.late())
        elif self.state is SURPLUS:
            self._refuse_surplus(b"")
        elif self._receiving is not None:
            self._transport.abort()
        elif self.state not in IN_PROGRESS:
            self._close()

    def stop(self) -> None:
        """Take no further request, as the server stops. Held ones are answered through their waiters."""
        if self._transport is None:
            return
        if self.state in IN_PROGRESS:
            self._is_last = True
        elif self._framer.is_between and self._is_drained:
            self._close()

    # Reading

    def _advance(self) -> None:
        """Handle all complete requests, one after the other."""
        if self._advancing:
            return
        self._advancing = True
        try:
            # Not while answers are unread: a client that sends requests and never reads would fill the memory.
            while self.state in READS and self._is_drained:
                if self._framed is None and self._host.is_proxied:
                    self._take_over(self._framer.buffer)
                body = self._framer.next_known(self._framed) if self._framed is not None else None
                if body is not None:
                    self._take_known(body)
                    continue
                framed = self._framer.next()
                if framed is None:
                    self._expect_more()
                    break
                if len(framed.body) > SMALL_BYTES:
                    self._count_coming(len(framed.body))
                if self._host.application.health is not None and framed.head.startswith(_HEALTH):
                    self._answer_here(framed, self._host.application.health)
                elif framed.head.startswith(b"OPTIONS * "):
                    self._answer_here(framed, wsgi.server_options)
                else:
                    self._dispatch(framed)
        except FramingError as error:
            self._refuse(error.status, error.reason, self._framer.refused)
        finally:
            self._advancing = False
            if self.state in READS:
                self.state = IDLE if self._framer.is_between else READING

    def _take_known(self, body: bytes) -> None:
        framed, known, ending = self._framed, self._known, self._ending
        assert framed is not None and known is not None and ending is not None  # noqa: S101, PT018
        found = known.again(body)
        if found is NEEDS_THREAD:
            self._dispatch(replace(framed, body=body))
            return
        if ending.written is not None:
            self._began = datetime.now()  # noqa: DTZ005
        if isinstance(found, Look):
            self._body = body
            self._hold(known)
            self._host.taken_in()
        else:
            self.state = WORKING
            self._finish_known(found)

    def _take_over(self, data: bytes | bytearray) -> None:
        """Take over what knows the head that the data begins with: the client's last pull came on any connection."""
        known = self._host.known_heads.take(data)
        if known is not None:
            self._framed, self._known, self._ending = known
            known.request.continue_on(partial(self._host.wake, self))

    def _leave_known(self) -> None:
        """Leave what knows the last pull's head to the connection that the client's next pull comes on."""
        framed, known, ending = self._framed, self._known, self._ending
        if framed is None or known is None or ending is None:
            return
        if not framed.is_repeatable:
            self._forget_known()
        else:
            self._framed = self._known = self._ending = None
            self._host.known_heads.park(Known(framed, known, ending))

    def _expect_more(self) -> None:
        now = time.monotonic()
        if self._at_eof:
            self._close()
        elif self._framer.is_between:
            self._set_deadline(now + self._host.keepalive)
        elif self._framer.in_body:
            if self._framer.wants_continue():
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._count_coming(self._framer.body_bytes)
            if self._framer.has_more:
                self._pause_reading()
                self._host.loop.call_soon(self._go_on)
            self._set_deadline(min(self._started + REQUEST_SECONDS, now + BODY_PAUSE_SECONDS))
        else:
            self._count_coming(len(self._framer.buffer))
            self._set_deadline(self._started + HEAD_SECONDS)

    def _bound_read_ahead(self, size: int) -> None:
        """Limit data that arrives while a request is in progress or an answer is unread."""
        is_within = size <= SMALL_BYTES or self._host.memory.keep(self, self._coming + self._left_over + size)
        if (size > READ_AHEAD_BYTES or not is_within) and not self._paused:
            self._pause_reading()

    def _go_on(self) -> None:
        if self._transport is not None:
            self._read_on()
            self._advance()

    def _refuse_surplus(self, request: bytes) -> None:
        self._refuse("503 Service Unavailable", "too many connections; try again in a moment", request)

    def _refuse(self, status: str, reason: str, request: bytes) -> None:
        self._count_nothing()
        self._transport.write(self._host.refusal(status, reason, request))
        self._linger()

    def _linger(self) -> None:
        self._framer.buffer.clear()
        super()._linger()

    # Working

    def _dispatch(self, framed: Framed, *, is_retry: bool = False) -> None:
        """Run the application. `is_retry`: on a request that it held, and that is never refused."""
        self.state = WORKING
        self._head = framed.head
        put = self._host.in_thread if is_retry else self._host.offer
        body = None if framed.too_large or framed.coming else framed.body
        arrival = Arrival(time.monotonic(), body, framed.coming)
        put(self, self._work, framed, partial(self._host.application.handle, arrival), is_retry)

    @property
    def client(self) -> Client:
        """The client of the request in progress, or of the one being read."""
        return self._host.clients.of_request(self._head or self._framer.head, self._peer[0])

    def _takes_long(self, head: bytes) -> bool:
        return self._host.application.takes_long(head, self._host.clients.of_request(head, self._peer[0]))

    def _takes_any(self, head: bytes) -> bool:
        return self._host.application.takes_any(head, self._host.clients.of_request(head, self._peer[0]))

    def _takes_parts(self, head: bytes) -> int:
        return self._host.application.takes_parts(head, self._host.clients.of_request(head, self._peer[0]))

    def _answer_here(self, framed: Framed, app: Wsgi) -> None:
        """Answer on the loop: health checks must not wait for a thread."""
        self.state = WORKING
        self._worked(framed, wsgi.run(self._host, framed, self._peer, self._local, app))

    def refused(self, lane: Lane, work: Callable[..., None], args: tuple[Any, ...]) -> None:
        """Have a thread answer in the protocol's envelope; if that queue is full too, answer with the generic one."""
        if lane is not Lane.REFUSING:
            self._host.offer_in(Lane.REFUSING, self, work, *args)
            return
        framed = args[0]
        busy = self._host.refusal("503 Service Unavailable", "the server is busy; try again in a moment", framed.head)
        self._host.on_loop(self._worked, framed, wsgi.Answer([busy], close=True))

    def _work(self, framed: Framed, app: wsgi.App, is_retry: bool) -> None:  # in a thread
        if self._transport is None:  # disconnected while this waited for a thread
            answer = wsgi.Answer([], close=True)
        else:
            try:
                answer = wsgi.run(self._host, framed, self._peer, self._local, app)
            except WrongLane as wrong:
                self._host.on_loop(self._host.offer_in, wrong.lane, self, self._work, framed, app, is_retry)
                return
        receiving = answer.receiving
        if receiving is not None and framed.coming:
            self._host.on_loop(self._receive, framed, receiving)
            return
        if receiving is not None:
            receiving.receiver.take(framed.body)
            self._finish_received(framed, receiving)
            return
        if answer.held is not None:
            try:
                answer.held.start(partial(self._host.wake, self))
            except Exception:
                if not is_retry:
                    self._host.on_loop(partial(self._dispatch, framed, is_retry=True))
                    return
                log.exception("a request cannot be held")
                refusal = self._host.refusal("500 Internal Server Error", "internal error", framed.head)
                answer = wsgi.Answer([refusal], close=True)
        self._host.on_loop(self._worked, framed, answer)

    def _receive(self, framed: Framed, receiving: Receiving) -> None:
        """Pass the body to the receiver, then answer."""

        def received() -> None:
            self._receiving = None
            self.state = WORKING
            self._set_deadline(NEVER)
            self._host.in_thread(self, self._finish_received, replace(framed, coming=0), receiving)

        receiver = receiving.receiver
        self._receiving = BodyReceiver(self._host, self, self._framer, receiver, self._receive_on, received)
        if self._transport is None:
            self._receiving.stop()
            return
        self.state = RECEIVING
        try:
            self._count_coming(2 * PART_BYTES)
        except FramingError as error:
            self._receiving.stop()
            self._receiving = None
            self._refuse(error.status, error.reason, framed.head)
            return
        if self._framer.wants_continue():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._receive_on()

    def _finish_received(self, framed: Framed, receiving: Receiving) -> None:  # in a thread
        if self._transport is None:
            receiving.receiver.abandon()
        arrival = Arrival(time.monotonic(), None)
        self._work(framed, lambda _, start_response: receiving.finish(arrival, start_response), False)

    def _receive_on(self) -> None:
        receiving = self._receiving
        assert receiving is not None  # noqa: S101
        receiving.go_on()
        if not receiving.is_waiting:
            self._set_deadline(NEVER)
            self._bound_read_ahead(len(self._framer.buffer))
        elif self._at_eof:
            self._transport.abort()
        else:
            self._read_on()
            self._set_deadline(receiving.due)

    def _worked(self, framed: Framed, answer: wsgi.Answer) -> None:
        if answer.held is not None:
            self._forget_known()
            framed.parsed = None  # thousands may be held, and few of them need a thread again
            self._framed, self._body = framed, framed.body
            self._known, self._ending, self._began = answer.held, answer.ending, answer.began
            self._hold_on(answer.held)
            return
        if answer.upgrade is not None:
            if self._transport is not None:
                self._go_on_as_socket(answer)
                return
            answer.upgrade.abandoned()
        if answer.body is not None and self._transport is not None:
            self._send_body(answer)
            return
        self._finish(answer.pieces, close=answer.close)

    def _send_body(self, answer: wsgi.Answer) -> None:
        """Write the head, then the body as the client reads it; afterwards finish as usual."""
        assert answer.body is not None  # noqa: S101

        def finished(ok: bool) -> None:
            self._sender = None
            if not ok and self._transport is not None:
                self._transport.abort()  # aborted: shorter than its Content-Length
            self._finish((), close=answer.close)

        self.state = SENDING
        self._sender = PieceSender(self._host, self, answer.body, self._write_piece, finished, answer.lane)
        self._write_piece(answer.pieces[0])

    def _write_piece(self, piece: bytes) -> None:
        if self._transport is not None and self._sender is not None:
            self._transport.write(piece)
            if self._is_drained:
                self._sender.go_on()

    def _go_on_as_socket(self, answer: wsgi.Answer) -> None:
        """Hand the transport over, with bytes already received for the socket."""
        assert answer.upgrade is not None  # noqa: S101
        transport, pending = self._transport, bytes(self._framer.buffer)
        self._count_nothing()
        self._forget_known()
        self._read_on()
        transport.writelines(answer.pieces)
        # The transport now belongs to another object.
        self._transport = None
        self.state = GONE
        self._forget_deadline()
        self._host.connections.discard(self)
        self._host.places.leave(self.place)
        connection = WebSocketConnection(self._host, answer.upgrade.open())
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if pending:
            connection.data_received(pending)
        if self._at_eof:
            connection.eof_received()

    def _finish_known(self, found: Data) -> None:
        ending = self._ending
        assert ending is not None  # noqa: S101
        size = len(found) if isinstance(found, bytes) else sum(map(len, found))
        ending.answered()
        if ending.written is not None and self._began is not None:
            ending.written(size, self._began)
        if isinstance(found, bytes):
            if self._transport is not None:
                self._transport.write(finished_answer(ending.head, found))
            self._finished(ending.close)
        else:
            self._finish([finished_answer(ending.head, b"", size), *found], close=ending.close)

    def _finish(self, pieces: Sequence[bytes], *, close: bool) -> None:
        self._head = b""
        if self._transport is not None:
            if sum(map(len, pieces)) >= READ_AHEAD_BYTES:
                self._send_long(pieces, close=close)
                return
            if pieces:  # joined, because the loop would write them one by one
                self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        self._finished(close)

    def _send_long(self, pieces: Sequence[bytes], *, close: bool) -> None:
        """Write an answer as the client reads it."""

        def finished() -> None:
            self._sender = None
            self._finished(close)

        def is_ready() -> bool:
            return self._is_drained and self._transport is not None

        memory = self._host.memory
        if not memory.hold(self, pieces):
            memory.release(pieces)
            self._transport.abort()
            return
        self.state = SENDING
        sender = self._sender = BytesSender(pieces, self._transport.write, is_ready, memory.release, finished)
        sender.go_on()

    def _finished(self, close: bool) -> None:
        """The answer is written, or on its way: continue with the next request."""
        if self._coming:
            self._count_coming(0)
        if self._host.is_proxied:
            self._leave_known()
        if self._transport is None:
            return
        if close or self._is_last:
            self._linger()
            return
        self.state = READING if self._framer.buffer else IDLE
        self._started = time.monotonic()
        if self._is_drained:
            self._set_deadline(self._started + self._host.keepalive)
        if self._paused:
            self._read_on()
        if self.state is READING or self._at_eof:
            self._advance()

    # Holding

    def _hold_on(self, held: HeldRequest) -> None:
        """Hold the request, unless a thread has found its answer, or a wake-up came meanwhile."""
        self._head = b""
        self._hold(held)
        if self._held is not None:
            self.look()

    def _hold(self, held: HeldRequest) -> None:
        self._held = held
        held.is_held = True
        if self._transport is None:
            self._unhold()
            self._forget_known()
            return
        self.state = HELD
        if self._is_last or self._at_eof:  # the server stops, or the client has disconnected meanwhile
            self._answer_held(held.late())
        elif self._is_drained:
            self._set_deadline(held.deadline)

    def look(self) -> None:
        """Answer the held request if possible."""
        held = self._held
        if held is None:
            return
        found = held.look()
        if found is NEEDS_THREAD:
            assert self._framed is not None  # noqa: S101
            self.state = WORKING
            self._held = None
            self._head = self._framed.head
            self._host.in_thread(self, self._look_again, held)
        elif not isinstance(found, Look):
            self._answer_held(found)

    def _look_again(self, held: HeldRequest) -> None:  # in a thread
        try:
            held.look_again()
        except Exception as error:
            log.debug("a held request is handled again: %r", error)  # say, as its session has ended
            self._host.on_loop(self._begin_anew)
        else:
            self._host.on_loop(self._hold_on, held)

    def _begin_anew(self) -> None:
        """Handle the held request as a new one, which words the failure."""
        if self._framed is not None:  # otherwise disconnected
            framed = replace(self._framed, body=self._body)
            self._forget_known()
            self._dispatch(framed, is_retry=True)

    def _answer_held(self, found: Data) -> None:
        self._unhold()
        self._finish_known(found)

    def _unhold(self) -> None:
        if self._held is not None:
            self._held.is_held = False
            self._held = None
            self._body = b""

    def _forget_known(self) -> None:
        if self._known is not None:
            self._known.is_held = False
            self._known.close()
        self._framed = self._known = self._ending = None
