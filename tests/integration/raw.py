"""Requests as bytes on their own socket, beyond the abilities of client libraries."""

import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import requests

from tests.real_server import Server, wait_until

Opened = TypeVar("Opened")


def token_of(server: Server, username: str) -> str:
    """Register; the session's token."""
    body = {"username": username, "password": "secret1"}
    reply = requests.post(f"{server.url}/user/register", json=body, timeout=30, verify=server.verify)
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


def wait_until_read(server: Server) -> None:
    """Wait until it has accepted all connections to its port, and read everything that was sent."""
    address = f"0100007F:{server.port:04X}"

    def unread() -> int:
        """Bytes, and connections that are not accepted yet, as the kernel counts them."""
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(int(line[4].partition(":")[2], 16) for line in lines if line[1] == address)

    wait_until(lambda: unread() == 0, "the server has read all requests")


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
    """How many sockets of the network a process has open: none to the database or to other processes here."""
    local = {line.split()[6] for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]}
    count = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            kind, _, inode = os.readlink(descriptor).partition(":")
            count += kind == "socket" and inode.strip("[]") not in local
        except FileNotFoundError:
            continue  # closed meanwhile
    return count


def spread(server: Server, open_one: Callable[[], Opened], least: int) -> list[Opened]:
    """Open connections until each worker holds at least `least` of them. The kernel chooses the worker."""
    idle = {pid: sockets_of(pid) for pid in server.worker_pids()}
    opened: list[Opened] = []
    while True:
        held = {pid: sockets_of(pid) - before for pid, before in idle.items()}
        if min(held.values()) >= least:
            return opened
        assert len(opened) < 80, "the connections do not spread"
        if len(opened) > 20:  # on a busy machine all may go to the worker that is awake
            _hold_up(max(held, key=lambda pid: held[pid]), 0.1)
        opened.append(open_one())


def _hold_up(pid: int, seconds: float) -> None:
    def go_on() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    os.kill(pid, signal.SIGSTOP)
    threading.Timer(seconds, go_on).start()
