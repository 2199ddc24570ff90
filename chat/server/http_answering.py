"""Answers the requests of an HTTP connection: at once, as the client reads, or later, on the loop.

The last are held pulls, and the head of the last one is known (decision 0133).
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from chat.lanes import Lane
from chat.server import wsgi
from chat.server.bounded_connection import BoundedConnection
from chat.server.host import Host
from chat.server.http_parser import Framed
from chat.server.known_heads import Ending, Known
from chat.server.ports import IS_AHEAD, NEEDS_THREAD, NOTHING_YET, Data, HeldRequest
from chat.server.states import HELD, SENDING, WORKING
from chat.server.streaming import BytesSender, PieceSender

READ_AHEAD_BYTES = 64 * 1024  # of an answer or of the next request, in a buffer
AHEAD_SECONDS = (0.01, 0.04, 0.15)  # pauses for events of other processes to arrive; then the database is asked
log = logging.getLogger("gunicorn.error")


class AnsweringConnection(BoundedConnection):
    __slots__ = (
        "_at_eof", "_began", "_body", "_ending", "_framed", "_head", "_held", "_is_last", "_known", "_sender",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._head = b""  # of the request in progress or waiting for a thread
        self._sender: PieceSender | BytesSender | None = None  # of an answer sent in chunks
        self._at_eof = False  # the client has closed its side
        self._is_last = False  # no request follows the one in progress
        # The last held request, and the object that answers requests with the same head. None: no head is known.
        self._framed: Framed | None = None
        self._known: HeldRequest | None = None
        self._ending: Ending | None = None
        self._held: HeldRequest | None = None  # answers the request held now
        self._body = b""  # of that request
        self._began: datetime | None = None  # its arrival, for the access log

    @property
    def is_held(self) -> bool:
        """Whether a request on it is held."""
        return self._held is not None

    def _finished(self, close: bool) -> None:
        """The answer is written, or on its way: continue with the next request."""
        raise NotImplementedError

    def refused(self, lane: Lane, work: Callable[..., None], args: tuple[Any, ...]) -> None:
        """See chat.server.host.Owner."""
        raise NotImplementedError

    def _dispatch(self, framed: Framed, *, is_retry: bool = False) -> None:
        """Run the application. `is_retry`: on a request that it held, and that is never refused."""
        raise NotImplementedError

    # At once, or as the client reads

    def _finish(self, pieces: Sequence[bytes], *, close: bool) -> None:
        """Write an answer."""
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
            return self._flow.is_drained and self._transport is not None

        memory = self.host.memory
        if not memory.hold(self, pieces):
            memory.release(pieces)
            self._transport.abort()
            return
        self.state = SENDING
        sender = self._sender = BytesSender(pieces, self._transport.write, is_ready, memory.release, finished)
        sender.go_on()

    def _send_body(self, answer: wsgi.Answer) -> None:
        """Write the head, then the body as the client reads it; afterwards finish as usual."""
        assert answer.body is not None  # noqa: S101

        def finished(ok: bool) -> None:
            self._sender = None
            if not ok and self._transport is not None:
                self._transport.abort()  # aborted: shorter than its Content-Length
            self._finish((), close=answer.close)

        self.state = SENDING
        self._sender = PieceSender(self.host, self, answer.body, self._write_piece, finished, answer.lane)
        self._write_piece(answer.pieces[0])

    def _write_piece(self, piece: bytes) -> None:
        if self._transport is not None and self._sender is not None:
            self._transport.write(piece)
            if self._flow.is_drained:
                self._sender.go_on()

    # Held pulls

    def _take_known(self, body: bytes, tries: int = 0) -> None:
        framed, known, ending = self._framed, self._known, self._ending
        assert framed is not None and known is not None and ending is not None  # noqa: S101, PT018
        found = known.again(body)
        if found is IS_AHEAD and tries < len(AHEAD_SECONDS):
            self.state = WORKING
            self.host.loop.call_later(AHEAD_SECONDS[tries], partial(self._take_ahead, known, body, tries + 1))
            return
        if found is NEEDS_THREAD or found is IS_AHEAD:
            self._dispatch(replace(framed, body=body))
            return
        if ending.written is not None:
            self._began = datetime.now()  # noqa: DTZ005
        if found is NOTHING_YET:
            self._body = body
            self._hold(known)
            self.host.taken_in()
        else:
            self.state = WORKING
            self._finish_known(found)

    def _take_ahead(self, known: HeldRequest, body: bytes, tries: int) -> None:
        """Ask again what another process was ahead of."""
        if self._known is known:  # otherwise disconnected
            self._take_known(body, tries)

    def _take_over(self, data: bytes | bytearray) -> None:
        """Take over what knows the head that the data begins with: the client's last pull came on any connection."""
        known = self.host.known_heads.take(data)
        if known is not None:
            self._framed, self._known, self._ending = known
            known.request.continue_on(partial(self.host.wake, self))

    def _leave_known(self) -> None:
        """Leave what knows the last pull's head to the connection that the client's next pull comes on."""
        framed, known, ending = self._framed, self._known, self._ending
        if framed is None or known is None or ending is None:
            return
        if not framed.is_repeatable:
            self._forget_known()
        else:
            self._framed = self._known = self._ending = None
            self.host.known_heads.park(Known(framed, known, ending))

    def _remember(self, framed: Framed, answer: wsgi.Answer) -> None:
        """Hold a request that the application has held, and know its head."""
        assert answer.held is not None  # noqa: S101
        self._forget_known()
        framed.parsed = None  # thousands may be held, and few of them need a thread again
        self._framed, self._body = framed, bytes(framed.body)
        self._known, self._ending, self._began = answer.held, answer.ending, answer.began
        self._hold_on(answer.held)

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
        if self.host.is_stopping or self._at_eof:  # or the client has disconnected meanwhile
            self._answer_held(held.late())
        elif self._flow.is_drained:
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
            self.host.in_thread(self, self._look_again, held)
        elif found is not NOTHING_YET:
            self._answer_held(found)

    def _look_again(self, held: HeldRequest) -> None:  # in a thread
        try:
            held.look_again()
        except Exception as error:
            log.debug("a held request is handled again: %r", error)  # say, as its session has ended
            self.host.on_loop(self._begin_anew)
        else:
            self.host.on_loop(self._hold_on, held)

    def _begin_anew(self) -> None:
        """Handle the held request as a new one, which words the failure."""
        if self._framed is not None:  # otherwise disconnected
            self._is_last = self.host.is_stopping  # not because a busy worker hands it over: its head is another one
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

    def _finish_known(self, found: Data) -> None:
        ending = self._ending
        assert ending is not None  # noqa: S101
        ending.answered()
        head = wsgi.last(ending.head) if self._is_last else ending.head
        if ending.written is not None and self._began is not None:
            ending.written(_size(found), self._began)
        if isinstance(found, bytes):
            if self._transport is not None:
                self._transport.write(wsgi.finished(head, found))
            self._finished(ending.close)
        else:
            self._finish([wsgi.finished(head, b"", _size(found)), *found], close=ending.close)


def _size(found: Data) -> int:
    return len(found) if isinstance(found, bytes) else sum(map(len, found))
