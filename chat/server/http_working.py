"""Runs the requests of an HTTP connection in threads, and receives long bodies."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from chat.lanes import Lane, WrongLane
from chat.server import wsgi
from chat.server.deadlines import NEVER
from chat.server.host import Host
from chat.server.http_answering import READ_AHEAD_BYTES, AnsweringConnection
from chat.server.http_heads import FramingError
from chat.server.http_parser import PART_BYTES, Framed, Framer
from chat.server.memory import SMALL_BYTES
from chat.server.ports import Arrival, Client, Receiver, Receiving, Wsgi
from chat.server.receiving import BodyReceiver
from chat.server.states import WORKING, State
from chat.server.websocket import WebSocketConnection

log = logging.getLogger("gunicorn.error")


class WorkingConnection(AnsweringConnection):
    __slots__ = ("_framer", "_local", "_peer", "_receiving")

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._framer = Framer(host.max_body, self)
        self._receiving: BodyReceiver | None = None  # of a body read in parts
        self._peer: tuple[Any, ...] = ("", 0)
        self._local: tuple[Any, ...] = ("", 0)

    def _dispatch(self, framed: Framed, *, is_retry: bool = False) -> None:
        """Run the application. `is_retry`: on a request that it held, and that is never refused."""
        self.state = WORKING
        self._head = framed.head
        put = self.host.in_thread if is_retry else self.host.offer
        body = None if framed.too_large or framed.coming else framed.body
        arrival = Arrival(time.monotonic(), body, framed.coming)
        put(self, self._work, framed, partial(self.host.application.handle, arrival), is_retry)

    @property
    def client(self) -> Client:
        """The client of the request in progress, or of the one being read."""
        return self.host.clients.of_request(self._head or self._framer.head, self._peer[0])

    def _answer_here(self, framed: Framed, app: Wsgi) -> None:
        """Answer on the loop: health checks must not wait for a thread."""
        self.state = WORKING
        self._worked(framed, wsgi.run(self.host, framed, self._peer, self._local, app))

    def refused(self, lane: Lane, work: Callable[..., None], args: tuple[Any, ...]) -> None:
        """Have a thread answer in the protocol's envelope; if that queue is full too, answer with the generic one."""
        if lane is not Lane.REFUSING:
            self.host.offer_in(Lane.REFUSING, self, work, *args)
            return
        framed = args[0]
        busy = self.host.refusal("503 Service Unavailable", "the server is busy; try again in a moment", framed.head)
        self.host.on_loop(self._worked, framed, wsgi.Answer([busy], close=True))

    def _work(
        self, framed: Framed, app: wsgi.App, is_retry: bool, receiver: Receiver | None = None
    ) -> None:  # in a thread
        """`receiver`: it has the body, and `app` finishes it."""
        if self._transport is None:  # disconnected while this waited for a thread
            answer = wsgi.Answer([], close=True)
            if receiver is not None:
                receiver.abandon()
        else:
            try:
                answer = wsgi.run(self.host, framed, self._peer, self._local, app)
            except WrongLane as wrong:
                self.host.on_loop(self.host.offer_in, wrong.lane, self, self._work, framed, app, is_retry, receiver)
                return
        receiving = answer.receiving
        if receiving is not None and framed.coming:
            self.host.on_loop(self._receive, framed, receiving)
            return
        if receiving is not None:
            receiving.receiver.take(bytes(framed.body))
            self._finish_received(framed, receiving)
            return
        if answer.held is not None:
            try:
                answer.held.start(partial(self.host.wake, self))
            except Exception:
                if not is_retry:
                    self.host.on_loop(partial(self._dispatch, framed, is_retry=True))
                    return
                log.exception("a request cannot be held")
                refusal = self.host.refusal("500 Internal Server Error", "internal error", framed.head)
                answer = wsgi.Answer([refusal], close=True)
        self.host.on_loop(self._worked, framed, answer)

    def _receive(self, framed: Framed, receiving: Receiving) -> None:
        """Pass the body to the receiver, then answer."""

        def received() -> None:
            self._receiving = None
            self.state = WORKING
            self._set_deadline(NEVER)
            self.host.in_thread(self, self._finish_received, replace(framed, coming=0), receiving)

        receiver = receiving.receiver
        self._receiving = BodyReceiver(self.host, self, self._framer, receiver, self._receive_on, received)
        if self._transport is None:
            self._receiving.stop()
            return
        self.state = State.RECEIVING
        try:
            self._count_coming(2 * PART_BYTES)
        except FramingError as error:
            self._refuse_rest(error.status, error.reason)
            return
        if self._framer.wants_continue():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._receive_on()

    def _finish_received(self, framed: Framed, receiving: Receiving) -> None:  # in a thread
        arrival = Arrival(time.monotonic(), None)
        app: wsgi.App = lambda _, start_response: receiving.finish(arrival, start_response)  # noqa: E731
        self._work(framed, app, False, receiving.receiver)

    def _receive_on(self) -> None:
        receiving = self._receiving
        assert receiving is not None  # noqa: S101
        receiving.go_on()
        if not receiving.is_waiting:
            self._set_deadline(NEVER)
            self._bound_read_ahead(len(self._framer.buffer))
        elif self._at_eof:
            self._refuse_rest("400 Bad Request", "the request ends before it is whole")
        else:
            self._flow.resume_reading()
            self._set_deadline(receiving.due)

    def _worked(self, framed: Framed, answer: wsgi.Answer) -> None:
        if answer.held is not None:
            self._remember(framed, answer)
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

    def _go_on_as_socket(self, answer: wsgi.Answer) -> None:
        """Hand the transport over, with bytes already received for the socket."""
        assert answer.upgrade is not None  # noqa: S101
        transport, pending = self._transport, bytes(self._framer.buffer)
        self._forget_known()
        self._flow.resume_reading()
        transport.writelines(answer.pieces)
        self._detach()
        connection = WebSocketConnection(self.host, answer.upgrade.open())
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if pending:
            connection.data_received(pending)
        if self._at_eof:
            connection.eof_received()

    def _bound_read_ahead(self, size: int) -> None:
        """Limit data that arrives while a request is in progress or an answer is unread."""
        is_within = size <= SMALL_BYTES or self.host.memory.keep(self, self._coming + self._left_over + size)
        if size > READ_AHEAD_BYTES or not is_within:
            self._flow.pause_reading()

    def _refuse_rest(self, status: str, reason: str) -> None:
        """Refuse a body of which parts are received."""
        assert self._receiving is not None  # noqa: S101
        self._receiving.stop()
        self._receiving = None
        self._refuse(status, reason, self._head)

    def _refuse(self, status: str, reason: str, request: bytes) -> None:
        self._count_nothing()
        self._transport.write(self.host.refusal(status, reason, request))
        self._linger()

    def _linger(self) -> None:
        self._framer.buffer.clear()
        super()._linger()

    # Called by the framer: see chat.server.http_parser.BodyBounds

    def takes_long(self, head: bytes) -> bool:
        return self.host.application.takes_long(head, self.host.clients.of_request(head, self._peer[0]))

    def takes_any(self, head: bytes) -> bool:
        return self.host.application.takes_any(head, self.host.clients.of_request(head, self._peer[0]))

    def takes_parts(self, head: bytes) -> int:
        return self.host.application.takes_parts(head, self.host.clients.of_request(head, self._peer[0]))
