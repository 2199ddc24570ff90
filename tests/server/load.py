"""Connections that load a server, and the proof that it still serves others."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import requests

from tests.real_server import Server

StartServer = Callable[..., Server]
THREADS_MAX = 60
MIB = 1024 * 1024


@contextlib.contextmanager
def many(server: Server, count: int, first: bytes, addresses: int = 1) -> Iterator[list[socket.socket]]:
    """Connections that send only `first`, from several addresses."""
    with ExitStack() as stack:
        opened = []
        for number in range(count):
            source = (f"127.0.0.{1 + number % addresses}", 0)
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", server.port), timeout=20, source_address=source)
            )
            if first:
                connection.sendall(first)
            opened.append(connection)
        yield opened


def say(server: Server, token: str, text: str) -> None:
    body = {"roomname": "public", "new_message": {"type": "text", "content": text}}
    reply = requests.post(f"{server.url}/chat/send", json=body, headers={"Authorization": token}, timeout=10)
    assert reply.status_code == 200, reply.text


def serves_promptly(server: Server, token: str) -> None:
    began = time.monotonic()
    for n in range(5):
        assert requests.get(f"{server.url}/healthz", timeout=5).status_code == 200
        say(server, token, f"message {n}")
    assert time.monotonic() - began < 3
