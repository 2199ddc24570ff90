"""Attacks by the number of rooms, messages, requests, frames and searches."""

import asyncio
import itertools
import json
from typing import Any

from bench.attack.attacker import PASSWORD, PAUSE, SOURCE, TEACHER, Attacker, again, room_id, text
from bench.attack.members import ROOM
from bench.attack.wire import Lines, Lost, WebSocket


async def many_rooms(attacker: Attacker) -> None:
    """Make rooms, also with passwds to hash, and ask for the list."""
    numbers = itertools.count()

    def request() -> tuple[str, str, Any]:
        number = next(numbers)
        if number % 3 == 2:
            return "GET", "/room/find?detail=1", None
        kind = {"type": "private", "passwd": "x"} if number % 3 else {"type": "public", "passwd": ""}
        return "POST", "/room/create", {"roomname": f"{attacker.name} {number}", **kind}

    await attacker.repeat(20, request)


async def forced_memberships(attacker: Attacker) -> None:
    """Put the teacher into room after room."""
    client = attacker.client()
    while True:
        try:
            status, _, body = await client.call("POST", "/api/room/create", {"name": "look", "description": ""})
            attacker.counts[f"made {status}"] += 1
            room = (json.loads(body).get("data") or {}).get("ID")
            if room is None:
                await asyncio.sleep(PAUSE)
                continue
            member = {"room_id": room, "user_name": TEACHER, "role": "member"}
            status, _, body = await client.call("POST", "/api/room/add_user", member)
            attacker.counts[f"added, code {json.loads(body)['code']}"] += 1
        except Lost:
            attacker.counts["lost"] += 1
            await asyncio.sleep(PAUSE)


async def flood_of_messages(attacker: Attacker) -> None:
    """Texts of the greatest length, as fast as they go."""
    await attacker.repeat(20, lambda: ("POST", "/chat/send", text("x" * 4000)))


async def flood_of_requests(attacker: Attacker) -> None:
    """Cheap requests, 50 at a time."""
    await attacker.repeat(50, lambda: ("GET", "/user/me", None))


async def flood_of_frames(attacker: Attacker) -> None:
    """Lines and frames as fast as they are taken."""
    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(_lines_without_end(attacker))
            group.create_task(_frames_without_end(attacker))


async def _lines_without_end(attacker: Attacker) -> None:
    async def flood(lines: Lines) -> None:
        lines.send("login_request", username=attacker.name, password=PASSWORD)
        while True:
            for _ in range(50):
                lines.send("user_info_request")
            for _ in range(50):
                attacker.counts[(await lines.receive())["message_type"]] += 1

    await again(attacker, lambda: Lines.open(attacker.tcp_port, SOURCE), flood)


async def _frames_without_end(attacker: Attacker) -> None:
    async def flood(socket: WebSocket) -> None:
        await socket.receive()
        while True:
            for _ in range(50):
                socket.send({"type": "ping"})
            for _ in range(50):
                attacker.counts[f"code {(await socket.receive())['code']}"] += 1

    headers = {"Cookie": attacker.cookie}
    await again(attacker, lambda: WebSocket.open(attacker.http_port, "/api/message/ws", headers, SOURCE), flood)


async def documents(attacker: Attacker) -> None:
    """The documentation, 100 at a time, without logging in."""
    turns = itertools.cycle(["/docs", "/docs?lang=zh", "/openapi/ims.json", "/docs/ims.md", "/openapi/polling.json"])
    await attacker.repeat(100, lambda: ("GET", next(turns), None), logged_in=False)


async def searches(attacker: Attacker) -> None:
    """Search for missing texts, and request lists."""
    room = await room_id(attacker)
    needle = "a" * 90 + "b"
    paths = (
        f"/conversations/manage_messages?conversation_id={room}&content={needle}",
        f"/conversations/messages?conversationId={room}",
        "/conversations",
        f"/room/members?roomname={ROOM}",
    )
    turns = itertools.cycle(paths)
    await attacker.repeat(60, lambda: ("GET", next(turns), None))
