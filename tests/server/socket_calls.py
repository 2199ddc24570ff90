"""Requests beside the sockets of these tests."""

from typing import Any

import requests

from tests.real_server import Server
from tests.server.websocket import Socket


def post(server: Server, path: str, token: str, body: object = None) -> Any:
    reply = requests.post(server.url + path, json=body, headers={"Authorization": token}, timeout=30)
    assert reply.status_code == 200, reply.text
    return reply.json()


def say(server: Server, token: str, room: str, text: str) -> None:
    post(server, "/chat/send", token, {"roomname": room, "new_message": {"type": "text", "content": text}})


def counts(server: Server) -> dict[str, int]:
    found: dict[str, int] = requests.get(f"{server.url}/test/counts", timeout=30).json()
    return found


def pushed(ws: Socket, count: int) -> list[str]:
    return [ws.json()["text"] for _ in range(count)]


def online(server: Server, token: str, room: str = "public") -> set[str]:
    url = f"{server.url}/room/members?roomname={room}"
    members = requests.get(url, headers={"Authorization": token}, timeout=30).json()["members"]
    return {member["user"] for member in members if member["online"]}
