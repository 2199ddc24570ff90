"""Hostile connections, by a seeded generator. `python -m tests.tcp.fuzz PORT COUNT [SEED]` has a server endure them."""

import json
import random
import socket
import struct
import sys
import threading
from contextlib import suppress
from typing import Any

WORKERS = 8  # connections at a time
VALUES: list[Any] = [
    None, True, 0, -1, 1, 2**31, 2**63, -(2**63), 2**100, 1.5, 1e308, "", " ", "public", "#1", "1", "x" * 3000,
    "\u202e", "\ud800", "\0", "' OR 1=1; --", "../../etc/passwd", [], [[]], {}, {"a": {"b": []}}, ["bob"] * 50,
]  # fmt: skip
KINDS = [
    "login_request", "register_request", "logout_request", "heartbeat", "chat_message", "user_info_request",
    "list_users_request", "list_chats_request", "create_chat_request", "join_chat_request", "enter_chat_request",
    "file_list_request", "file_upload_request", "file_download_request", "error_message", "nonsense",
]  # fmt: skip
FIELDS = [
    "username", "password", "content", "chat_group_id", "chat_group_name", "chat_name", "member_usernames", "list_type",
    "filename", "file_data", "file_size", "file_id", "client_message_id", "timestamp", "message_type",
]  # fmt: skip


def hostile_line(rng: random.Random) -> bytes:
    """Something like a request."""
    if rng.random() < 0.1:
        return rng.randbytes(rng.randrange(300)) + b"\n"
    message = {rng.choice(FIELDS): rng.choice(VALUES) for _ in range(rng.randrange(5))}
    if rng.random() < 0.9:
        message["message_type"] = rng.choice(KINDS)
    line = json.dumps(message, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    if rng.random() < 0.3:  # broken in one place
        at = rng.randrange(len(line))
        line = line[:at] + rng.randbytes(rng.randrange(4)) + line[at + rng.randrange(3) :]
    return line + rng.choice([b"\n", b"\n", b"\r\n", b"\n\n", b""])


def hostile_bytes(rng: random.Random, credentials: tuple[str, str]) -> bytes:
    """All data of one connection."""
    said = b""
    if rng.random() < 0.05:  # logged-in connections reach more code, but logging in is expensive by design
        login = {"message_type": "login_request", "username": credentials[0], "password": credentials[1]}
        said += json.dumps(login).encode() + b"\n"
    match rng.randrange(10):
        case 0:
            return said + rng.randbytes(rng.randrange(5000))
        case 1:
            return said + b"x" * rng.choice([65536, 65537, 200_000])
        case 2:
            return said + b"\n" * rng.randrange(50_000)
        case 3:
            return said + b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        case 4:
            upload = {"message_type": "file_upload_request", "filename": "f", "chat_group_id": 1}
            size = rng.randrange(200_000)
            said += json.dumps({**upload, "file_size": size}).encode() + b"\n"
            return said + rng.randbytes(rng.randrange(size + 1))
        case _:
            return said + b"".join(hostile_line(rng) for _ in range(rng.randrange(1, 12)))


def attack(port: int, rng: random.Random, credentials: tuple[str, str]) -> None:
    """One connection: cut up at random, read or not, and ended in one of several ways."""
    data = hostile_bytes(rng, credentials)
    with socket.socket() as sock, suppress(OSError):
        sock.settimeout(2)
        sock.connect(("127.0.0.1", port))
        for cut in (1, 7, rng.randrange(1, 1000), len(data)):
            sock.sendall(data[:cut])
            data = data[cut:]
        ending = rng.randrange(4)
        if ending == 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset
        elif ending == 1:
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        elif ending == 2:
            sock.settimeout(0.01)
            sock.recv(65536)


def attack_many(port: int, count: int, seed: int, credentials: tuple[str, str]) -> None:
    """So many connections, several at a time."""

    def work(n: int) -> None:
        rng = random.Random(seed * WORKERS + n)
        for _ in range(count // WORKERS):
            attack(port, rng, credentials)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    port, count, *seed = map(int, sys.argv[1:])
    attack_many(port, count, seed[0] if seed else 1, ("mallory", "secret1"))
