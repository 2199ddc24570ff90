"""Attacks by uploads to /chat/upload: quickly, slowly, and ended half-way."""

import asyncio
import contextlib

from bench.attack.attacker import PAUSE, SOURCE, Attacker
from bench.attack.members import ROOM
from bench.attack.pictures import photo
from bench.attack.wire import ANSWER_SECONDS, Lost, answer, connect

_MIB = 1024 * 1024
_SIZE = 19 * _MIB  # nearly the largest file
_PIECE = bytes(128 * 1024)
_SLOW_BYTES = 16 * 1024  # a second, of a slow upload
_BOUNDARY = "attack"


async def uploads(attacker: Attacker) -> None:
    """16 connections: files as fast as they are taken, slowly, and ended half-way; and photos of 5 MB."""
    picture = photo(1250)
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(_again(attacker, "quick", _PIECE * (_SIZE // len(_PIECE))))
            group.create_task(_again(attacker, "slow", bytes(_SIZE), piece=_SLOW_BYTES, pause=1.0))
            group.create_task(_again(attacker, "half-way", bytes(_SIZE), part=0.5))
            group.create_task(_again(attacker, "photo", picture))


async def _again(
    attacker: Attacker, kind: str, content: bytes, *, piece: int = len(_PIECE), pause: float = 0.0, part: float = 1.0
) -> None:
    """Upload one file after the other, in pieces with a pause after each, and only a part of each file."""
    while True:
        try:
            status = await _upload(attacker, content, piece, pause, part)
        except (Lost, OSError, EOFError, ValueError, TimeoutError):
            status = "lost"
        attacker.counts[f"{kind} {status}"] += 1
        if status != "200":
            await asyncio.sleep(PAUSE)


async def _upload(attacker: Attacker, content: bytes, piece: int, pause: float, part: float) -> str:
    """Return the answer's status, or "ended". Raises the errors of a broken connection."""
    field = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="roomname"\r\n\r\n{ROOM}\r\n'
    file = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    before, after = (field + file).encode(), f"\r\n--{_BOUNDARY}--\r\n".encode()
    head = (
        f"POST /chat/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {attacker.cookie}\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n"
        f"Content-Length: {len(before) + len(content) + len(after)}\r\n\r\n"
    )
    reader, writer = await connect(attacker.http_port, SOURCE)
    try:
        writer.write(head.encode() + before)
        with contextlib.suppress(OSError):  # refused on the way: the answer tells why
            for start in range(0, int(len(content) * part), piece):
                writer.write(content[start : start + piece])
                await writer.drain()
                await asyncio.sleep(pause)
                if reader.at_eof():
                    break
        if part < 1:
            return "ended"
        writer.write(after)
        async with asyncio.timeout(ANSWER_SECONDS):
            return str((await answer(reader))[0])
    finally:
        writer.close()
