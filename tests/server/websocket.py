"""A WebSocket client that sends exact frames."""

import json
import os
import struct
import time
from dataclasses import dataclass
from typing import Any

from tests.raw import Answer, Talk, get
from tests.real_server import Server

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # the two of RFC 6455, 1.3
HANDSHAKE = ("Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13")


def frame(opcode: int, payload: bytes | str = b"", *, fin: bool = True, mask: bytes | None = b"\1\2\3\4") -> bytes:
    """A client's frame."""
    data = payload.encode() if isinstance(payload, str) else payload
    flag = 0x80 if mask is not None else 0
    first = bytes([(0x80 if fin else 0) | opcode])
    if len(data) < 126:
        head = first + bytes([flag | len(data)])
    elif len(data) < 1 << 16:
        head = first + bytes([flag | 126]) + struct.pack("!H", len(data))
    else:
        head = first + bytes([flag | 127]) + struct.pack("!Q", len(data))
    if mask is None:
        return head + data
    return head + mask + masked(data, mask)


def masked(data: bytes, mask: bytes) -> bytes:
    """The bytes XOR the mask, again and again; as two large numbers, as byte by byte a MiB takes 0.1 s of CPU."""
    key = (mask * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data) ^ int.from_bytes(key)).to_bytes(len(data))


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


@dataclass
class Got:
    opcode: int
    payload: bytes

    @property
    def code(self) -> int | None:
        assert self.opcode == CLOSE, self
        return int.from_bytes(self.payload[:2], "big") if self.payload else None

    def json(self) -> Any:
        assert self.opcode == TEXT, self
        return json.loads(self.payload)


class Socket(Talk):
    """One WebSocket, after its handshake, which may be looked at in `handshake`."""

    handshake: Answer

    def __init__(
        self,
        server: Server,
        token: str,
        *,
        path: str = "/test/ws",
        more: bytes = b"",
        hello: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(server, **options)
        self.send(get(path, *HANDSHAKE, f"Authorization: {token}") + more)
        self.handshake = self.answer(bodiless=True)
        assert self.handshake.status == 101, self.handshake
        if hello:
            assert "hello" in self.next().json()

    def say(self, **command: object) -> None:
        self.send(frame(TEXT, json.dumps(command), mask=os.urandom(4)))

    def next(self, *, pings: bool = False) -> Got:
        """The next frame; pings are answered, and left out."""
        while True:
            first, length = self._take(2)
            assert first & 0x70 == 0
            assert length < 128, "servers do not mask"
            if length == 126:
                length = int.from_bytes(self._take(2), "big")
            elif length == 127:
                length = int.from_bytes(self._take(8), "big")
            got = Got(first & 0x0F, self._take(length))
            if got.opcode != PING or pings:
                return got
            self.send(frame(PONG, got.payload))

    def json(self) -> Any:
        return self.next().json()

    def until_close(self) -> tuple[list[Any], int | None]:
        """The texts up to the close frame, and its code."""
        texts = []
        while (got := self.next()).opcode != CLOSE:
            if got.opcode == TEXT:
                texts.append(got.json())
        return texts, got.code

    def is_silent(self, seconds: float) -> bool:
        """Whether nothing but pings arrives for this many seconds."""
        self.socket.settimeout(seconds)
        began = time.monotonic()
        try:
            while time.monotonic() - began < seconds:
                self.next()
                return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(15)
        return True

    def _take(self, count: int) -> bytes:
        pieces, got = [self.buffer], len(self.buffer)
        try:
            while got < count:
                self.buffer = b""
                self._more()
                pieces.append(self.buffer)
                got += len(self.buffer)
        finally:  # after a timeout, what has come is there still
            self.buffer = b"".join(pieces)
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data
