"""WebSocket frames, server side (RFC 6455). Strict, sans I/O: bytes go in, complete messages come out.

An implementation of its own, because wsproto and websockets keep about ten times as much per connection, take two to
three times as long for a pong, and cannot share one frame between readers (docs/decisions/0131). No extensions:
permessage-deflate costs memory.
"""

import codecs
import struct

from chat.server.ports import BAD_TEXT, PROTOCOL_ERROR, TOO_LARGE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MESSAGE_MAX_BYTES = 256 * 1024  # a frame, and all frames of a message together
_CONTROL_MAX_BYTES = 125
_OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_FIN, _RESERVED, _OPCODE, _MASKED, _LENGTH = 0x80, 0x70, 0x0F, 0x80, 0x7F


class FrameError(Exception):
    """Invalid framing: close the connection with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class FrameReader:
    """Reads one client's messages. Append bytes to `buffer`, then call `next` until it returns None."""

    __slots__ = ("_decoder", "_fragments", "_opcode", "buffer")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self._fragments: bytearray | None = None  # of an incomplete message
        self._opcode = CONTINUATION  # of its first frame
        self._decoder: codecs.IncrementalDecoder | None = None  # detects invalid UTF-8 before the message is complete

    @property
    def kept(self) -> int:
        """Bytes of incomplete data."""
        return len(self.buffer) + len(self._fragments or b"")

    def next(self) -> tuple[int, bytes] | None:
        """Return the next complete message or control frame, as opcode and payload; text is valid UTF-8. Raises
        FrameError.

        A frame that completes no message returns (CONTINUATION, b""), so that it counts towards the frames per turn.
        """
        frame = self._take_frame()
        if frame is None:
            return None
        is_last, opcode, payload = frame
        if opcode >= CLOSE:
            return opcode, payload
        if not is_last or self._fragments is not None:
            return self._join(opcode, payload, is_last=is_last)
        if opcode == TEXT and not _is_utf8(payload):
            raise FrameError(BAD_TEXT, "not UTF-8")
        return opcode, payload

    def _take_frame(self) -> tuple[bool, int, bytes] | None:
        """Return one unmasked frame if it is complete; errors are detected from its head."""
        buffer = self.buffer
        if len(buffer) < 2:
            return None
        is_last, opcode = bool(buffer[0] & _FIN), buffer[0] & _OPCODE
        self._check_head(buffer[0], buffer[1])
        length, start = buffer[1] & _LENGTH, 6
        if length >= 126:
            size = 2 if length == 126 else 8
            if len(buffer) < 2 + size:
                return None
            length, start = int.from_bytes(buffer[2 : 2 + size]), 6 + size
            if length < (126 if size == 2 else 1 << 16) or length >> 63:
                raise FrameError(PROTOCOL_ERROR, "length")
        fragments = self._fragments if opcode < CLOSE else None  # control frames are not part of the message
        if length + len(fragments or b"") > MESSAGE_MAX_BYTES:
            raise FrameError(TOO_LARGE, f"at most {MESSAGE_MAX_BYTES} bytes")
        end = start + length
        if len(buffer) < end:
            return None
        payload = _unmask(buffer[start:end], bytes(buffer[start - 4 : start]))
        del buffer[:end]
        return is_last, opcode, payload

    def _check_head(self, first: int, second: int) -> None:
        opcode = first & _OPCODE
        if first & _RESERVED:
            raise FrameError(PROTOCOL_ERROR, "reserved bits")
        if opcode not in _OPCODES:
            raise FrameError(PROTOCOL_ERROR, "opcode")
        if not second & _MASKED:
            raise FrameError(PROTOCOL_ERROR, "not masked")
        if opcode >= CLOSE:
            if not first & _FIN or second & _LENGTH > _CONTROL_MAX_BYTES:
                raise FrameError(PROTOCOL_ERROR, "control frame")
        elif (opcode == CONTINUATION) != (self._fragments is not None):
            raise FrameError(PROTOCOL_ERROR, "fragmentation")

    def _join(self, opcode: int, payload: bytes, *, is_last: bool) -> tuple[int, bytes]:
        if self._fragments is None:
            self._fragments, self._opcode = bytearray(), opcode
            self._decoder = codecs.getincrementaldecoder("utf-8")() if opcode == TEXT else None
        if self._decoder is not None:
            try:
                self._decoder.decode(payload, is_last)
            except UnicodeDecodeError:
                raise FrameError(BAD_TEXT, "not UTF-8") from None
        self._fragments += payload
        if not is_last:
            return CONTINUATION, b""
        message = self._opcode, bytes(self._fragments)
        self._fragments = self._decoder = None
        return message


def _unmask(data: bytearray, mask: bytes) -> bytes:
    length = len(data)
    keys = mask * (length // 4 + 1)
    # XOR as two big integers, which Python does in one step.
    return (int.from_bytes(data, "little") ^ int.from_bytes(keys[:length], "little")).to_bytes(length, "little")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def frame(opcode: int, payload: bytes) -> bytes:
    """Build one frame, unmasked, so that all readers can share its bytes."""
    length = len(payload)
    if length < 126:
        return bytes((_FIN | opcode, length)) + payload
    if length < 1 << 16:
        return struct.pack("!BBH", _FIN | opcode, 126, length) + payload
    return struct.pack("!BBQ", _FIN | opcode, 127, length) + payload


def close_frame(code: int | None, reason: str = "") -> bytes:
    """Build a close frame; without a code if the client sent none."""
    if code is None:
        return frame(CLOSE, b"")
    kept = reason.encode()[: _CONTROL_MAX_BYTES - 2].decode(errors="ignore").encode()
    return frame(CLOSE, code.to_bytes(2) + kept)


def close_code(payload: bytes) -> int | None:
    """Return the code of a client's close frame; None without one. Raises FrameError."""
    if not payload:
        return None
    code = int.from_bytes(payload[:2])
    is_known = 1000 <= code <= 1014 and code not in (1004, 1005, 1006)
    if len(payload) < 2 or not (is_known or 3000 <= code <= 4999):
        raise FrameError(PROTOCOL_ERROR, "close code")
    if not _is_utf8(payload[2:]):
        raise FrameError(BAD_TEXT, "not UTF-8")
    return code
