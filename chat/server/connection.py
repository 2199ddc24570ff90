"""One HTTP/1.1 connection on the loop, for its whole life: reads requests, and follows the transport's events.

Each base class has one job: BoundedConnection < AnsweringConnection < WorkingConnection.
"""

import time
from functools import lru_cache
from typing import Any

from chat.server import wsgi
from chat.server.bounded_connection import HEAD_SECONDS
from chat.server.client_identity import limited_address
from chat.server.closing import LINGER_SECONDS
from chat.server.deadlines import NEVER
from chat.server.flow_control import WRITE_SECONDS
from chat.server.host import Host
from chat.server.http_answering import READ_AHEAD_BYTES
from chat.server.http_heads import FramingError
from chat.server.http_parser import body_after, is_again
from chat.server.http_working import WorkingConnection
from chat.server.memory import SMALL_BYTES
from chat.server.refusals import MOST_REFUSED
from chat.server.states import CLOSING, IDLE, IN_PROGRESS, READING, READS, SURPLUS

BODY_PAUSE_SECONDS = 20.0  # between two parts of a body
REQUEST_SECONDS = 120.0  # for a whole request
_HEALTH = (b"GET /healthz ", b"GET /healthz?", b"HEAD /healthz ", b"HEAD /healthz?")  # beginnings of health checks


@lru_cache(256)
def _shared(address: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return an equal object for equal addresses, of which the server's own are few: 146 bytes a connection."""
    return address


class HttpConnection(WorkingConnection):
    __slots__ = ("_advancing", "_started")

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._advancing = False
        self._started = 0.0  # of the request being read

    # Called by the transport

    def connection_made(self, transport: Any) -> None:
        self._attach(transport)
        self._peer = transport.get_extra_info("peername") or ("", 0)
        self._local = _shared(transport.get_extra_info("sockname") or ("", 0))
        transport.set_write_buffer_limits(high=READ_AHEAD_BYTES)
        too_many = self._take_place("" if self.host.is_proxied else limited_address(self._peer[0]))
        if too_many > 0:
            self.state = SURPLUS  # time to read the request, so that its protocol can word the refusal
            self._set_deadline(time.monotonic() + LINGER_SECONDS)
            if too_many > MOST_REFUSED:
                transport.abort()
            return
        self._set_deadline(time.monotonic() + self.host.keepalive)

    def data_received(self, data: bytes) -> None:
        if self.state is IDLE:
            if self._flow.is_drained:
                if self._framed is None and self.host.is_proxied:
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
        elif self.state in IN_PROGRESS or (self.state in READS and not self._flow.is_drained):
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
        self._detach()
        self._unhold()
        self._forget_known()
        if self._sender is not None:
            self._sender.stop()
        if self._receiving is not None:
            self._receiving.stop()

    def pause_writing(self) -> None:
        self._flow.filled()
        self._set_deadline(time.monotonic() + WRITE_SECONDS)
        self._count_left_over(self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._flow.is_drained = True
        self._count_left_over(0)
        if self._sender is not None:
            self._set_deadline(NEVER)
            self._sender.go_on()
        elif self._held is not None:
            self._set_deadline(self._held.deadline)
        elif self.state in READS:
            self._set_deadline(time.monotonic() + self.host.keepalive)
            self._flow.resume_reading()
            self._advance()

    # Called by the worker

    def deadline_passed(self) -> None:
        """Answer a held request, or close the connection because something took too long."""
        if self._transport is None:
            return
        if not self._flow.is_drained or self._transport.is_closing():
            self._wait_for_reader()
        elif self._held is not None:
            self._answer_held(self._held.late())
        elif self.state is SURPLUS:
            self._refuse_surplus(b"")
        elif self._receiving is not None:
            self._refuse_rest("408 Request Timeout", "the body stopped coming")
        elif self.state is READING:
            self._refuse("408 Request Timeout", "the request did not come whole in time", self._framer.refused)
        elif self.state not in IN_PROGRESS:
            self._close()

    def stop(self) -> None:
        """Take no further request. Held ones are answered when there is news, or through their waiters."""
        if self._transport is None:
            return
        if self.state in IN_PROGRESS:
            self._is_last = True
        elif self._framer.is_between and self._flow.is_drained:
            self._close()

    # Reading

    def _advance(self) -> None:
        """Handle all complete requests, one after the other."""
        if self._advancing:
            return
        self._advancing = True
        try:
            # Not while answers are unread: a client that sends requests and never reads would fill the memory.
            while self.state in READS and self._flow.is_drained:
                if self._framed is None and self.host.is_proxied:
                    self._take_over(self._framer.buffer)
                framed = self._framer.next()
                if framed is None:
                    self._expect_more()
                    break
                if len(framed.body) > SMALL_BYTES:
                    self._count_coming(len(framed.body))
                # Python's http.client, and so requests, sends the head and the body in two segments.
                if self._framed is not None and is_again(self._framed, framed):
                    self._take_known(bytes(framed.body))
                    continue
                if self.host.application.health is not None and framed.head.startswith(_HEALTH):
                    self._answer_here(framed, self.host.application.health)
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

    def _expect_more(self) -> None:
        now = time.monotonic()
        if self._at_eof and self._framer.is_between:
            self._close()
        elif self._at_eof:
            raise FramingError("400 Bad Request", "the request ends before it is whole")
        elif self._framer.is_between:
            self._set_deadline(now + self.host.keepalive)
        elif self._framer.in_body:
            if self._framer.wants_continue():
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._count_coming(self._framer.body_bytes)
            if self._framer.has_more:
                self._flow.pause_reading()
                self.host.loop.call_soon(self._go_on)
            self._set_deadline(min(self._started + REQUEST_SECONDS, now + BODY_PAUSE_SECONDS))
        else:
            self._count_coming(len(self._framer.buffer))
            self._set_deadline(self._started + HEAD_SECONDS)

    def _go_on(self) -> None:
        if self._transport is not None:
            self._flow.resume_reading()
            self._advance()

    def _refuse_surplus(self, request: bytes) -> None:
        self._refuse("503 Service Unavailable", "too many connections; try again in a moment", request)

    def _finished(self, close: bool) -> None:
        """The answer is written, or on its way: continue with the next request."""
        if self._coming:
            self._count_coming(0)
        if self.host.is_proxied:
            self._leave_known()
        if self._transport is None:
            return
        if close or self._is_last:
            self._linger()
            return
        self.state = READING if self._framer.buffer else IDLE
        self._started = time.monotonic()
        flow = self._flow
        if flow.is_drained:
            self._set_deadline(self._started + self.host.keepalive)
        if flow.is_paused:  # asked here, as thousands of answers a second pass
            flow.resume_reading()
        if self.state is READING or self._at_eof:
            self._advance()
