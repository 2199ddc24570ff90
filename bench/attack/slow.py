"""Attacks by connections that read nothing, or never finish their requests."""

import asyncio
import json

from bench.attack import pictures
from bench.attack.attacker import PAUSE, SOURCE, Attacker, image, room_id
from bench.attack.members import ROOM
from bench.attack.wire import Lost, WebSocket


async def unread_pictures(attacker: Attacker) -> None:
    """400 connections that ask for a picture of 5 MB and read nothing."""
    while (path := await _shown_picture(attacker)) is None:  # refused, or scrolled past, for a while
        await asyncio.sleep(PAUSE)
    path = path[path.index("/attachments/") :]
    await attacker.keep(400, attacker.http_port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())


async def _shown_picture(attacker: Attacker) -> str | None:
    """The address of a picture of 5 MB that the attacker has just sent."""
    status, _, _ = await attacker.client().call(*image(pictures.photo(2200)))
    attacker.counts[f"picture {status}"] += 1
    _, _, body = await attacker.client().call("POST", "/api/message/list", {"room_id": await room_id(attacker)})
    return next((each["content"] for each in json.loads(body).get("data") or () if each["type"] == "image"), None)


async def unread_pulls(attacker: Attacker) -> None:
    """200 connections that ask for all there is, and read nothing."""
    body = json.dumps({ROOM: ""})
    head = f"POST /chat/pull?timeout=0&limit=500&detail=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {attacker.cookie}\r\n"
    await attacker.keep(200, attacker.http_port, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode() * 20)


async def unfinished_bodies(attacker: Attacker) -> None:
    """1,000 requests whose bodies of 64 KB never end."""
    head = b"POST /user/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 65536\r\n\r\n"
    await attacker.keep(1000, attacker.http_port, head + b"x" * 65000)


async def half_frames(attacker: Attacker) -> None:
    """400 WebSockets with most of a frame of 256 KB."""
    opened: list[WebSocket] = []
    frame = b"\x81\xff" + (250_000).to_bytes(8, "big") + b"\0\0\0\0" + b"x" * 240_000
    while True:
        try:
            found = await WebSocket.open(attacker.http_port, "/api/message/ws", {"Cookie": attacker.cookie}, SOURCE)
            found.raw(frame)
            opened.append(found)
            attacker.counts["opened"] += 1
        except Lost:
            attacker.counts["refused"] += 1
            await asyncio.sleep(PAUSE)
        if len(opened) >= 400:
            opened.pop(0).close()
            await asyncio.sleep(PAUSE)


async def silent_connections(attacker: Attacker) -> None:
    """3,000 connections that say nothing, to both ports."""
    async with asyncio.TaskGroup() as group:
        group.create_task(attacker.keep(1500, attacker.http_port, b""))
        group.create_task(attacker.keep(1500, attacker.tcp_port, b""))
