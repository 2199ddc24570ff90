"""A WebSocket connection: frames in both directions, and the closing handshake. See stream.py for the rest."""

import base64
import hashlib

from chat.server import websocket_frames
from chat.server.ports import NORMAL
from chat.server.stream import FRAMES_A_TURN, StreamConnection
from chat.server.websocket_frames import FrameError, FrameReader

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


def accept_of(key: str) -> str:
    """Return Sec-WebSocket-Accept for a client's key."""
    return base64.b64encode(hashlib.sha1(key.encode("latin-1") + _GUID, usedforsecurity=False).digest()).decode()


def switching(accept: str) -> bytes:
    """Build the response head that switches protocols."""
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
    ).encode("latin-1")


class WebSocketConnection(StreamConnection):
    __slots__ = ("_echoed", "_reader")

    PING = websocket_frames.frame(websocket_frames.PING, b"")

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._reader = FrameReader()
        self._echoed: int | None = NORMAL  # the code of the client's close frame

    def framed(self, payload: bytes) -> bytes:
        """Return a message in this connection's framing."""
        return websocket_frames.frame(websocket_frames.TEXT, payload)

    def farewell(self, code: int, reason: str) -> bytes:
        """Build the close frame, with the client's code if it closed first."""
        is_reply = self._at_end and self._fault is None
        return websocket_frames.close_frame(self._echoed if is_reply else code, reason)

    def _keep(self, data: bytes) -> None:
        self._reader.buffer += data

    def _kept(self) -> int:
        return self._reader.kept

    def _take_one(self) -> bool:
        taken = self._reader.next()
        if taken is None:
            return False
        opcode, payload = taken
        if opcode == websocket_frames.TEXT:
            self._inbox.put(payload.decode())
        elif opcode == websocket_frames.BINARY:
            self._inbox.put(payload)
        elif opcode == websocket_frames.PING:
            self.write(websocket_frames.frame(websocket_frames.PONG, payload))
        elif opcode == websocket_frames.CLOSE:
            self._echoed = websocket_frames.close_code(payload)
            self._at_end = True  # earlier messages are handled first
        return True

    def _has_farewell(self, data: bytes) -> bool:
        self._reader.buffer += data
        try:
            for _ in range(FRAMES_A_TURN):
                taken = self._reader.next()
                if taken is None or taken[0] == websocket_frames.CLOSE:
                    return taken is not None
        except FrameError:
            pass
        self._reader.buffer.clear()
        return False
