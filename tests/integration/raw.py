"""Requests as bytes on a socket of their own: what a library would not let one do."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import requests

from tests.server import Server


def token_of(server: Server, username: str) -> str:
    """Register; the session's token."""
    reply = requests.post(f"{server.url}/user/register", json={"username": username, "password": "secret1"}, timeout=30)
    assert reply.status_code == 200, reply.text
    return next(iter(reply.cookies.values()))


def open_pull(server: Server, token: str, cursors: dict[str, str], timeout: float = 40) -> socket.socket:
    """Send a pull, and leave it held."""
    body = json.dumps(cursors).encode()
    head = (
        f"POST /chat/pull?timeout={timeout} HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
        f"Authorization: {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall(head.encode() + body)
    return connection


def answer(connection: socket.socket) -> tuple[int, Any]:
    """Status and JSON of the next answer on the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
    while len(body) < length:
        body += _more(connection)
    return int(lines[0].split()[1]), json.loads(body)


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    assert data, "closed before the answer"
    return data


def sockets_of(pid: int) -> int:
    """How many sockets a process has open."""
    count = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += os.readlink(descriptor).startswith("socket:")
        except FileNotFoundError:
            continue  # closed meanwhile
    return count
