"""Long uploads over sockets: bodies that arrive in parts."""

import json
import socket
import sqlite3
from contextlib import closing
from typing import Any, BinaryIO

import pytest

from tests.contract.test_uploads import BOUNDARY, form
from tests.real_server import wait_until
from tests.server.conftest import Shared

CONTENT = bytes(range(251)) * 20_000
BODY = form([("roomname", None, b"public"), ("file", "big.bin", CONTENT)])


def stored(shared: Shared) -> tuple[int, int, int]:
    """Attachments, chunks, and bytes that count against quotas."""
    with closing(sqlite3.connect(shared.server.home / "commonroom.db")) as connection:
        sums = ("count(*) FROM attachments", "count(*) FROM attachment_chunks", "total(bytes) FROM stored_bytes")
        attachments, chunks, used = (connection.execute(f"SELECT {each}").fetchone()[0] for each in sums)
        return attachments, chunks, int(used)


def head(shared: Shared, *lines: str) -> bytes:
    about = [f"Authorization: {shared.token}", f"Content-Type: multipart/form-data; boundary={BOUNDARY}", "Host: x"]
    return "\r\n".join(["POST /chat/upload HTTP/1.1", *about, *lines, "", ""]).encode()


@pytest.fixture
def connection(shared: Shared) -> Any:
    with socket.create_connection(("127.0.0.1", shared.server.port), timeout=20) as made:
        yield made


def answer(answers: BinaryIO) -> tuple[int, Any]:
    """Read one answer: its status, and its body as JSON."""
    status = int(answers.readline().split()[1])
    lines = list(iter(answers.readline, b"\r\n"))
    length = next(int(line.split()[1]) for line in lines if line.lower().startswith(b"content-length"))
    return status, json.loads(answers.read(length))


def test_bodies_arrive_in_parts_one_request_after_the_other(shared: Shared, connection: socket.socket) -> None:
    before = stored(shared)
    answers = connection.makefile("rb")
    connection.sendall(head(shared, f"Content-Length: {len(BODY)}", "Expect: 100-continue"))
    assert b" 100 " in answers.readline()
    answers.readline()
    connection.sendall(BODY)
    sent = [answer(answers)]
    connection.sendall((head(shared, f"Content-Length: {len(BODY)}") + BODY) * 2)
    sent += [answer(answers), answer(answers)]
    pieces = [BODY[at : at + 99_999] for at in range(0, len(BODY), 99_999)]
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    connection.sendall(head(shared, "Transfer-Encoding: chunked") + chunked)
    sent.append(answer(answers))
    assert [(status, said["status"]) for status, said in sent] == [(200, "success")] * 4
    assert stored(shared) == (before[0] + 4, before[1] + 4 * 20, before[2] + 4 * len(CONTENT))
    with closing(sqlite3.connect(shared.server.home / "commonroom.db")) as database:
        newest = "SELECT data FROM attachment_chunks WHERE attachment_id = (SELECT max(id) - ? FROM attachments)"
        for back in range(4):
            rows = database.execute(newest + " ORDER BY position", (back,))
            assert b"".join(row[0] for row in rows) == CONTENT


def test_an_upload_broken_off_leaves_nothing(shared: Shared, connection: socket.socket) -> None:
    before = stored(shared)
    connection.sendall(head(shared, f"Content-Length: {len(BODY)}") + BODY[:900_000])
    wait_until(lambda: stored(shared)[1] > before[1], "a part is stored")
    connection.close()
    wait_until(lambda: stored(shared) == before, "it is removed")


def test_a_gigabyte_is_refused_unread(shared: Shared, connection: socket.socket) -> None:
    connection.sendall(head(shared, f"Content-Length: {1 << 30}"))
    status, said = answer(connection.makefile("rb"))
    assert (status, "20971520 bytes" in said["feedback"]) == (413, True), said


def test_failures_are_answered_when_the_body_is_here(shared: Shared, connection: socket.socket) -> None:
    before = stored(shared)
    nowhere = form([("roomname", None, b"nowhere"), ("file", "big.bin", CONTENT)])
    connection.sendall(head(shared, f"Content-Length: {len(nowhere)}") + nowhere)
    answers = connection.makefile("rb")
    assert answer(answers)[0] == 404
    connection.sendall(head(shared, "Content-Length: 0"))
    assert answer(answers)[0] == 400
    assert stored(shared) == before


def test_strangers_are_refused_before_the_body(shared: Shared, connection: socket.socket) -> None:
    connection.sendall(head(shared, f"Content-Length: {len(BODY)}").replace(shared.token.encode(), b"nobody"))
    assert answer(connection.makefile("rb"))[0] in (401, 413)
