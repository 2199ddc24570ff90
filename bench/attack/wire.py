"""Small asyncio clients: HTTP/1.1 on one kept connection, WebSocket, and lines of JSON over TCP."""

import asyncio
import base64
import json
import os
import struct
from typing import Any, Self

CONNECT_SECONDS = 20.0
ANSWER_SECONDS = 60.0
_READ_LIMIT = 64 * 1024 * 1024  # bytes of one answer: attackers ask for large ones
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class Lost(Exception):  # noqa: N818
    """The connection broke, or no answer came in time."""


class Http:
    """One client: requests one after the other on a connection that is opened again where it was lost."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self.port = port
        self.source = source
        self.headers: dict[str, str] = {}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, str], bytes]:
        """Send a request; return status, headers (names in lower case) and body. Non-bytes are sent as JSON. Raises
        Lost.
        """
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(raw)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        data = "\r\n".join([*lines, "", ""]).encode() + raw
        async with self._turn:
            reused = self._streams is not None
            try:
                return await self._exchange(data)
            except Lost:
                if not reused:
                    raise
            return await self._exchange(data)  # the server may close an idle connection at any time

    async def _exchange(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        try:
            if self._streams is None:
                self._streams = await connect(self.port, self.source)
            reader, writer = self._streams
            writer.write(data)
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await answer(reader)
        except (OSError, EOFError, ValueError, TimeoutError, asyncio.IncompleteReadError) as error:
            self.close()
            raise Lost(repr(error)) from error
        if found[1].get("connection", "").lower() == "close":
            self.close()
        return found

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def connect(port: int, source: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Streams to the server. Raises OSError, TimeoutError."""
    async with asyncio.timeout(CONNECT_SECONDS):
        return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0), limit=_READ_LIMIT)


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """The next answer: status, headers (names in lower case), body."""
    status, headers = await _head(reader)
    if headers.get("transfer-encoding") == "chunked":
        parts = []
        while size := int(await reader.readline(), 16):
            parts.append(await reader.readexactly(size))
            await reader.readline()
        await reader.readline()
        return status, headers, b"".join(parts)
    return status, headers, await reader.readexactly(int(headers.get("content-length", 0)))


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    while True:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        if status >= 200 or status == 101:
            headers: dict[str, str] = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers.setdefault(name.lower(), value.strip())  # of several cookies the first is the session
            return status, headers


class WebSocket:
    """A client's end of a WebSocket; texts only."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, path: str, headers: dict[str, str], source: str = "127.0.0.1") -> Self:
        """Shake hands. Raises Lost."""
        try:
            reader, writer = await connect(port, source)
            key = base64.b64encode(os.urandom(16)).decode()
            lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"]
            lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            async with asyncio.timeout(ANSWER_SECONDS):
                status, _ = await _head(reader)
        except (OSError, EOFError, ValueError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise Lost(repr(error)) from error
        if status != 101:
            writer.close()
            raise Lost(f"handshake answered {status}")
        return cls(reader, writer)

    def send(self, value: Any) -> None:
        """Send JSON, or text as it is."""
        self._frame(_TEXT, value.encode() if isinstance(value, str) else json.dumps(value).encode())

    def raw(self, data: bytes) -> None:
        """Send bytes as they are, such as half a frame."""
        self._writer.write(data)

    async def receive(self) -> Any:
        """The next text, as JSON. Pings are answered. Raises Lost."""
        try:
            while True:
                first, second = await self._reader.readexactly(2)
                size = second & 127
                if size == 126:
                    size = struct.unpack("!H", await self._reader.readexactly(2))[0]
                elif size == 127:
                    size = struct.unpack("!Q", await self._reader.readexactly(8))[0]
                payload = await self._reader.readexactly(size)
                opcode = first & 15
                if opcode == _TEXT:
                    return json.loads(payload)
                if opcode == _PING:
                    self._frame(_PONG, payload)
                elif opcode == _CLOSE:
                    raise EOFError(payload)
        except (OSError, EOFError, ValueError, asyncio.IncompleteReadError) as error:
            raise Lost(repr(error)) from error

    def close(self) -> None:
        self._writer.close()

    def _frame(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        head = bytes([128 | opcode, 128 | size]) if size < 126 else struct.pack("!BBH", 128 | opcode, 254, size)
        self._writer.write(head + b"\0\0\0\0" + payload)  # a mask of zeros leaves the payload as it is


class Lines:
    """A connection of the tcp protocol."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, source: str = "127.0.0.1") -> Self:
        try:
            return cls(*await connect(port, source))
        except (OSError, TimeoutError) as error:
            raise Lost(repr(error)) from error

    def send(self, message_type: str, **fields: Any) -> None:
        self._writer.write(json.dumps({"message_type": message_type, **fields}).encode() + b"\n")

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are, at the pace at which the server takes them. Raises Lost."""
        self._writer.write(data)
        try:
            await self._writer.drain()
        except OSError as error:
            raise Lost(repr(error)) from error

    async def receive(self) -> dict[str, Any]:
        """The next message. Raises Lost."""
        try:
            line = await self._reader.readuntil(b"\n")
        except (OSError, EOFError, ValueError, asyncio.IncompleteReadError) as error:
            raise Lost(repr(error)) from error
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        self._writer.close()
