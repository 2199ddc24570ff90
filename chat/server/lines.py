"""A TCP connection of lines, with raw bytes at times. See stream.py for the rest.

Lines are handled one at a time: a line may announce that raw bytes follow.
"""

import re
import socket
import time
from typing import Any

from chat.server.deadlines import NEVER
from chat.server.host import Host
from chat.server.ports import TOO_LARGE, TRY_LATER, LineProtocol, Pieces, Raw
from chat.server.states import StreamState
from chat.server.stream import StreamConnection
from chat.server.streaming import PieceSender
from chat.server.websocket_frames import FrameError

LINE_MAX_BYTES = 64 * 1024  # without the line end
PIECE_BYTES = 128 * 1024  # of raw bytes, passed on together
READ_AHEAD_BYTES = PIECE_BYTES  # beyond this, reading pauses
PIECE_SECONDS = 30.0  # for a chunk to arrive, or to be read: 4 KB/s
_BLANK = b" \t\r\n"
# Any page can make browsers send these to any port; lines of a request's body would be executed.
_TLS_HELLO = b"\x16\x03"
_HTTP_REQUEST = re.compile(rb"[A-Z]+ \S+ HTTP/")
# The kernel detects dead peers, because no ping exists that every client answers.
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 20), (socket.TCP_KEEPCNT, 3))


class _OtherProtocol(Exception):  # noqa: N818 - it is the client's mistake
    """The client does not speak the line protocol."""


class LineConnection(StreamConnection):
    """A LinePeer."""

    __slots__ = (
        "_buffer", "_is_first", "_protocol", "_raw_left", "_searched", "_sender", "_transfer_due",
    )  # fmt: skip

    ANSWERS_FAREWELL = False
    BEHIND_PROXIES = False

    def __init__(self, host: Host, protocol: LineProtocol) -> None:
        super().__init__(host, protocol.open())
        self._protocol = protocol
        self._buffer = bytearray()
        self._searched = 0  # length of the prefix known to contain no line end
        self._is_first = True  # no line has arrived yet
        self._raw_left = 0  # raw bytes still expected
        self._sender: PieceSender | None = None  # of content sent in chunks; the connection is busy meanwhile
        self._transfer_due = NEVER  # when the next chunk must have arrived, or been read

    # Called by the transport

    def connection_made(self, transport: Any) -> None:
        """Begin, unless there are too many connections."""
        if self._count_place(transport) > 0:
            self._transport = transport
            transport.write(self.farewell(TRY_LATER, "too many connections"))
            transport.close()
            return
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
        super().connection_made(transport)

    def eof_received(self) -> bool:
        # Half-closed: lines already sent are still handled and answered.
        self._got_eof = True
        if self.is_open:
            self._parse()
        else:
            self._transport.close()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._buffer.clear()
        super().connection_lost(exc)
        self._send_on()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._send_on()

    # Called by the worker

    def look(self) -> None:
        """Look for items to push, and finish after the last if the client has closed its side."""
        super().look()
        if self._got_eof:
            self._parse()

    # Deadlines

    def deadline_passed(self) -> None:
        """Close the connection because something took too long."""
        if time.monotonic() >= self._transfer_due:
            self._transfer_due = NEVER
            self._close(TRY_LATER, "the transfer is too slow")
        super().deadline_passed()

    def _update_deadline(self, now: float) -> None:
        super()._update_deadline(now)
        if self.is_open and self._transfer_due < self.deadline:
            self._set_deadline(self._transfer_due)

    def _expect_transfer(self, *, on: bool) -> None:
        if not on:
            self._transfer_due = NEVER
        elif self._transfer_due == NEVER:
            now = time.monotonic()
            self._transfer_due = now + PIECE_SECONDS
            self._update_deadline(now)

    # LinePeer: called by the session, from any thread

    def take_raw(self, count: int) -> None:
        """Treat the next `count` bytes after the current line as raw: they arrive as Raw."""
        self.host.on_loop(self._take_raw, count)

    def send_pieces(self, pieces: Pieces) -> None:
        """Send the iterator's chunks unchanged as the client reads, and nothing else meanwhile. See LinePeer."""
        self.host.on_loop(self._send_pieces, pieces)

    # Differences in framing

    def framed(self, payload: bytes) -> bytes:
        """Return a message in this connection's framing."""
        return payload + b"\n"

    def farewell(self, code: int, reason: str) -> bytes:
        """Return the protocol's last message; none within raw bytes, which it would corrupt."""
        return b"" if self._sender is not None else self._protocol.farewell(code, reason)

    def _has_farewell(self, data: bytes) -> bool:
        del data
        return False

    def _keep(self, data: bytes) -> None:
        self._buffer += data

    def _kept(self) -> int:
        return len(self._buffer)

    # Reading

    def _parse(self) -> None:
        """Take the next line or chunk, after the previous one is handled."""
        try:
            while self.is_open and not self.is_busy and not self._inbox and self._take_one():
                self._advance()
        except _OtherProtocol:
            self._drop()
            return
        except FrameError as error:
            self._buffer.clear()
            self._close(error.code, error.reason)
            return
        is_idle = self.is_open and not self.is_busy and not self._inbox
        self._expect_transfer(on=is_idle and self._raw_left > 0)
        if is_idle and self._got_eof and self._buffer and not self._raw_left:
            self._buffer += b"\n"  # the last line may lack its end
            self._parse()
        elif is_idle and self._got_eof:
            if self._pushes is None or not self._pushes.is_coming:  # such as the client's own last message
                self._at_end = True
                self._advance()
        else:
            self._set_reading(on=len(self._buffer) < READ_AHEAD_BYTES)

    def _take_one(self) -> bool:
        taken = self._take_piece() if self._raw_left else self._take_line()
        if taken is None:
            return False
        self._inbox.put(taken)
        return True

    def _take_line(self) -> bytes | None:
        buffer = self._buffer
        if not self._searched and buffer[:1].isspace():  # skip many blank lines at once
            del buffer[: len(buffer) - len(buffer.lstrip(_BLANK))]
        if self._is_first and buffer.startswith(_TLS_HELLO):
            raise _OtherProtocol
        end = buffer.find(b"\n", self._searched)
        if (len(buffer) if end < 0 else end) > LINE_MAX_BYTES:
            raise FrameError(TOO_LARGE, "the line is too long")
        if end < 0:
            self._searched = len(buffer)
            return None
        self._searched = 0
        line = bytes(buffer[:end]).rstrip(_BLANK)
        del buffer[: end + 1]
        if self._is_first and _HTTP_REQUEST.match(line):
            raise _OtherProtocol
        self._is_first = False
        return line

    def _drop(self) -> None:
        """Close the connection immediately, without a message."""
        self._buffer.clear()
        self._drop_pushes()
        self.state = StreamState.CLOSING
        self._transport.abort()

    def _take_piece(self) -> Raw | None:
        size = min(self._raw_left, PIECE_BYTES)
        if len(self._buffer) < size:
            return None
        piece = Raw(self._buffer[:size])
        del self._buffer[:size]
        self._raw_left -= size
        return piece

    def _take_raw(self, count: int) -> None:
        self._raw_left = count

    # Sending in chunks

    def _send_pieces(self, pieces: Pieces) -> None:
        self._sender = PieceSender(self.host, self, pieces, self._write_piece, self._all_sent)

    def _worked(self) -> None:
        if self._sender is None:
            super()._worked()
        else:
            self._send_on()

    def _send_on(self) -> None:
        """Send the next chunk if the previous one has been read; stop if the connection is closed."""
        if self._sender is None:
            return
        if not self.is_open:
            self._sender.stop()
            return
        self._expect_transfer(on=not self.is_drained)
        if self.is_drained:
            self._sender.go_on()

    def _write_piece(self, piece: bytes) -> None:
        if piece:
            self.write(piece)
        self._send_on()

    def _all_sent(self, ok: bool) -> None:
        if not ok:
            self._close(TRY_LATER, "the rest cannot be sent")
        self._sender = None
        self._expect_transfer(on=False)
        super()._worked()
