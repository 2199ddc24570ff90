"""Sends the answers of an HTTP connection: at once, or as the client reads them."""

from collections.abc import Callable, Sequence
from typing import Any

from chat.lanes import Lane
from chat.server import wsgi
from chat.server.bounded_connection import BoundedConnection
from chat.server.host import Host
from chat.server.states import State
from chat.server.streaming import BytesSender, PieceSender

READ_AHEAD_BYTES = 64 * 1024  # of an answer or of the next request, in a buffer


class SendingConnection(BoundedConnection):
    __slots__ = ("_head", "_sender")

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._head = b""  # of the request in progress or waiting for a thread
        self._sender: PieceSender | BytesSender | None = None  # of an answer sent in chunks

    def _finished(self, close: bool) -> None:
        """The answer is written, or on its way: continue with the next request."""
        raise NotImplementedError

    def refused(self, lane: Lane, work: Callable[..., None], args: tuple[Any, ...]) -> None:
        """See chat.server.host.Owner."""
        raise NotImplementedError

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
        self.state = State.SENDING
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

        self.state = State.SENDING
        self._sender = PieceSender(self.host, self, answer.body, self._write_piece, finished, answer.lane)
        self._write_piece(answer.pieces[0])

    def _write_piece(self, piece: bytes) -> None:
        if self._transport is not None and self._sender is not None:
            self._transport.write(piece)
            if self._flow.is_drained:
                self._sender.go_on()
