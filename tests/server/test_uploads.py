"""Long uploads over sockets: bodies that arrive in parts."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.contract.test_uploads import BOUNDARY, form
from tests.raw import Talk, answer
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
def connection(shared: Shared) -> Iterator[Talk]:
    with Talk(shared.server, timeout=20) as made:
        yield made


def test_bodies_arrive_in_parts_one_request_after_the_other(shared: Shared, connection: Talk) -> None:
    before = stored(shared)
    connection.send(head(shared, f"Content-Length: {len(BODY)}", "Expect: 100-continue"))
    assert connection.answer().status == 100
    connection.send(BODY)
    sent = [answer(connection)]
    connection.send((head(shared, f"Content-Length: {len(BODY)}") + BODY) * 2)
    sent += [answer(connection), answer(connection)]
    pieces = [BODY[at : at + 99_999] for at in range(0, len(BODY), 99_999)]
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    connection.send(head(shared, "Transfer-Encoding: chunked") + chunked)
    sent.append(answer(connection))
    assert [(status, said["status"]) for status, said in sent] == [(200, "success")] * 4
    assert stored(shared) == (before[0] + 4, before[1] + 4 * 20, before[2] + 4 * len(CONTENT))
    with closing(sqlite3.connect(shared.server.home / "commonroom.db")) as database:
        newest = "SELECT data FROM attachment_chunks WHERE attachment_id = (SELECT max(id) - ? FROM attachments)"
        for back in range(4):
            rows = database.execute(newest + " ORDER BY position", (back,))
            assert b"".join(row[0] for row in rows) == CONTENT


def test_an_upload_broken_off_leaves_nothing(shared: Shared, connection: Talk) -> None:
    before = stored(shared)
    connection.send(head(shared, f"Content-Length: {len(BODY)}") + BODY[:900_000])
    wait_until(lambda: stored(shared)[1] > before[1], "a part is stored")
    connection.close()
    wait_until(lambda: stored(shared) == before, "it is removed")


def test_a_gigabyte_is_refused_unread(shared: Shared, connection: Talk) -> None:
    connection.send(head(shared, f"Content-Length: {1 << 30}"))
    status, said = answer(connection)
    assert (status, "20971520 bytes" in said["feedback"]) == (413, True), said


def test_a_chunked_body_is_told_the_limit_that_holds_for_it(shared: Shared, connection: Talk) -> None:
    connection.send(head(shared, "Transfer-Encoding: chunked") + b"%x\r\n" % (9 << 20))
    status, said = answer(connection)
    assert (status, "8388608 bytes" in said["feedback"]) == (413, True), said


def test_failures_are_answered_when_the_body_is_here(shared: Shared, connection: Talk) -> None:
    before = stored(shared)
    nowhere = form([("roomname", None, b"nowhere"), ("file", "big.bin", CONTENT)])
    connection.send(head(shared, f"Content-Length: {len(nowhere)}") + nowhere)
    assert answer(connection)[0] == 404
    connection.send(head(shared, "Content-Length: 0"))
    assert answer(connection)[0] == 400
    assert stored(shared) == before


def test_strangers_are_refused_before_the_body(shared: Shared, connection: Talk) -> None:
    connection.send(head(shared, f"Content-Length: {len(BODY)}").replace(shared.token.encode(), b"nobody"))
    assert answer(connection)[0] in (401, 413)
