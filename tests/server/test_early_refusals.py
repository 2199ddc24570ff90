"""Requests refused by their head are answered before the body arrives; an unread answer stays small."""

import base64
import json
from pathlib import Path

import pytest

from tests.pictures import noise
from tests.raw import Talk, get, post
from tests.real_server import wait_until
from tests.server.conftest import Shared

MIB = 1024 * 1024
LENGTH = f"Content-Length: {7 * MIB}"
UNREAD_MAX = MIB  # in the kernel, for a client that reads nothing; without a bound it takes 2.5 MiB and more


@pytest.mark.parametrize(
    ("path", "status", "key"),
    [
        ("/user/login", 413, "feedback"),
        ("/Login", 413, "error"),
        ("/account/login", 413, "info"),
        ("/chat/send", 401, "feedback"),
        ("/api/message/send", 401, "msg"),
        ("/no/such/path", 404, ""),
    ],
)
def test_strangers_need_not_send_a_long_body(shared: Shared, path: str, status: int, key: str) -> None:
    with Talk(shared.server) as talk:
        answer = talk.ask(get(path, LENGTH, method="POST"))
        assert answer.status == status
        assert answer.headers["connection"] == "close"
        assert not key or key in json.loads(answer.body), "in the protocol's own envelope"


def test_nor_do_members_where_no_picture_can_be(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        head = get("/room/create", f"Authorization: {shared.token}", LENGTH, method="POST")
        assert talk.ask(head).status == 413


def test_a_long_body_in_chunks_is_refused_at_64_kib(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        talk.send(get("/user/login", "Transfer-Encoding: chunked", method="POST") + b"11000\r\n" + b"x" * 1000)
        assert talk.answer().status == 413


def test_a_member_may_send_a_picture(shared: Shared) -> None:
    message = {"type": "img", "content": base64.b64encode(noise(100_000)).decode()}
    body = json.dumps({"roomname": "public", "new_message": message}).encode()
    assert len(body) > 64 * 1024
    with Talk(shared.server) as talk:
        assert talk.ask(post("/chat/send", body, f"Authorization: {shared.token}")).status == 200


def test_little_waits_in_the_kernel_for_a_client_that_reads_nothing(shared: Shared) -> None:
    auth = f"Authorization: {shared.token}"
    with Talk(shared.server) as talk:
        message = {"type": "img", "content": base64.b64encode(noise(4_000_000)).decode()}
        body = json.dumps({"roomname": "public", "new_message": message}).encode()
        assert talk.ask(post("/chat/send", body, auth)).status == 200
        found = talk.ask(post("/api/message/list", json.dumps({"room_id": 1, "limit": 1}).encode(), auth))
        path = json.loads(found.body)["data"][0]["content"].partition("/attachments/")[2]
        talk.send(get(f"/attachments/{path}"))  # of 4 MB; and nothing is read of it
        port = talk.socket.getsockname()[1]
        wait_until(lambda: unread_at(shared.server.port, port) > 64 * 1024, "some of it is sent")
        for _ in range(20):
            assert talk.socket.recv(1000)  # the answer continues as it is read
            assert unread_at(shared.server.port, port) < UNREAD_MAX


def unread_at(server_port: int, client_port: int) -> int:
    """Bytes that the kernel keeps at the server's end of a connection: not sent, or not acknowledged."""
    ends = f":{server_port:04X}", f":{client_port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return next((int(row[4].split(":")[0], 16) for row in rows if row[1][8:] == ends[0] and row[2][8:] == ends[1]), 0)
