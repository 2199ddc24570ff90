"""roomapi's messages over HTTP, row by row (docs/protocols/roomapi.md; docs/specification.md, "roomapi", "Message")."""

import base64
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from chat.clock import SECOND
from tests.conftest import FakeClock
from tests.contract.clients import Caller, FlaskTransport
from tests.contract.conftest import MakeRoomapi
from tests.contract.roomapi_client import RoomapiClient, local_time, new_room, page, send
from tests.pictures import picture


@pytest.fixture
def alice(roomapi: MakeRoomapi) -> RoomapiClient:
    return roomapi("alice")


@pytest.fixture
def bob(roomapi: MakeRoomapi) -> RoomapiClient:
    return roomapi("bob")


def test_messages_as_documented(alice: RoomapiClient, bob: RoomapiClient) -> None:
    room = new_room(alice)
    alice.bring("room1", bob)
    reply = alice.call("POST", "/api/message/send", {"room_id": room, "type": "text", "content": "hello"})
    first = reply.json["data"]
    assert reply.status == 200
    assert reply.json["code"] == 0
    assert first == {
        "ID": 1,
        "send_time": first["send_time"],
        "room_id": room,
        "sender_id": 1,
        "sender_name": "alice",
        "type": "text",
        "content": "hello",
    }
    assert abs(local_time(first["send_time"]) - time.time()) < 60
    claimed = {"sender_id": 1, "sender_name": "alice", "send_time": "1999-01-01 00:00:00", "ID": 77}
    second = send(bob, room, "world", **claimed)  # the server sets sender and time
    assert (second["ID"], second["sender_id"], second["sender_name"]) == (2, 2, "bob")
    assert second["send_time"] >= first["send_time"]
    expected = {"code": 0, "msg": "历史消息获取成功", "data": [second, first]}  # newest first
    asked = {"room_id": room, "last_message_id": 0, "limit": 20}
    path = "/api/message/list"
    for reply in (
        bob.call("GET", path, asked),
        bob.call("POST", path, asked),
        bob.call("GET", f"{path}?room_id={room}&last_message_id=0&limit=20"),
        bob.call("GET", f"{path}?room_id={room}"),
        bob.call("GET", f"{path}/?room_id=1", asked),  # where they differ, the body counts
    ):
        assert (reply.status, reply.json) == (200, expected)


def test_pages_go_back_without_a_gap(alice: RoomapiClient) -> None:
    room = new_room(alice)
    other = new_room(alice, "other")
    ids = []
    for number in range(45):
        ids.append(send(alice, room, str(number))["ID"])
        if number % 5 == 0:
            send(alice, other, "elsewhere")
    newest_first = [str(number) for number in reversed(range(45))]
    assert page(alice, room) == newest_first[:20]
    assert page(alice, room, last_message_id=ids[25]) == newest_first[20:40]
    assert page(alice, room, last_message_id=str(ids[5])) == newest_first[40:]
    assert page(alice, room, last_message_id=ids[0]) == []
    assert page(alice, room, last_message_id=2**70, limit=3) == newest_first[:3]
    assert page(alice, room, last_message_id=-5) == []


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (0, 1), (-7, 1), (99, 99), (100, 100), (101, 100), (10**30, 100),
                                              ("7", 7)])  # fmt: skip
def test_limit_is_clamped(make_app: Callable[..., Flask], limit: Any, count: int) -> None:
    alice = RoomapiClient(FlaskTransport(make_app(rate_limits=False)))
    alice.register("alice")
    for number in range(105):
        send(alice, 1, str(number))
    assert len(page(alice, 1, limit=limit)) == count
    assert len(alice.ok("GET", f"/api/message/list?room_id=1&limit={limit}")) == count


@pytest.mark.parametrize("field", ["limit", "last_message_id"])
def test_odd_limits_and_positions_are_field_failures(alice: RoomapiClient, field: str) -> None:
    odd: list[Any] = [True, None, 2.5, "", "x", [], {}]
    for value in odd:
        reply = alice.call("POST", "/api/message/list", {"room_id": 1, field: value})
        assert (reply.status, reply.json["code"]) == (200, 1), value
        assert field in reply.json["msg"]


def test_times_are_shown_in_the_zone_that_is_set(make_app: Callable[..., Flask]) -> None:
    newyear = FakeClock(1_704_038_399_500_000)  # 2023-12-31T15:59:59.5Z
    alice = RoomapiClient(FlaskTransport(make_app(newyear, timezone="Asia/Shanghai")))
    alice.register("alice")
    assert alice.ok("POST", "/api/room/create", {"name": "r"})["CreatedAt"] == "2023-12-31T23:59:59.500000+08:00"
    assert send(alice, 1, "x")["send_time"] == "2023-12-31 23:59:59"
    newyear.now += SECOND
    made = alice.ok("POST", "/api/room/create", {"name": "r"})
    assert made["CreatedAt"] == made["UpdatedAt"] == "2024-01-01T00:00:00.500000+08:00"
    assert [each["send_time"] for each in alice.ok("GET", "/api/message/list?room_id=1")] == ["2023-12-31 23:59:59"]
    assert alice.ok("GET", "/api/room/members?room_id=1")[0]["CreatedAt"] == "2023-12-31T23:59:59.500000+08:00"


def test_a_retried_message_is_stored_once_and_answered_again(alice: RoomapiClient) -> None:
    first = send(alice, 1, "once", client_message_id="m-1")
    assert send(alice, 1, "once", client_message_id="m-1") == first
    assert send(alice, new_room(alice), "once", client_message_id="m-1")["ID"] != first["ID"]  # another room
    assert send(alice, 1, "twice", client_message_id=None)["ID"] != first["ID"]
    assert page(alice, 1) == ["twice", "once"]


def test_texts_come_back_as_they_were_sent(alice: RoomapiClient) -> None:
    texts = ["x" * 4000, "🙂" * 4000, " . ", "a\nb\r\n", "<script>", "http://x/attachments/x", "\u202ex", "0"]
    for text in texts:
        assert send(alice, 1, text)["content"] == text
    assert page(alice, 1) == texts[::-1]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"content": ""}, "不能为空"), ({"content": "x" * 4001}, "4000"), ({"type": "file"}, "text 或 image"),
        ({"type": "ping"}, "text 或 image"), ({"type": 0}, "type"), ({"content": None}, "content"),
        ({"content": 5}, "content"), ({"content": ["x"]}, "content"), ({"client_message_id": ""}, "client_message_id"),
        ({"client_message_id": "x" * 65}, "client_message_id"), ({"client_message_id": 5}, "client_message_id"),
        ({"type": "image", "content": ""}, "图片"), ({"type": "image", "content": "aGVsbG8="}, "图片"),
        ({"type": "image", "content": "no Base64!"}, "图片"), ({"type": "image", "content": "http://x/y.png"}, "图片"),
    ],
)  # fmt: skip
def test_messages_that_are_refused(alice: RoomapiClient, wrong: dict[str, Any], word: str) -> None:
    reply = alice.call("POST", "/api/message/send", {"room_id": 1, "type": "text", "content": "hello", **wrong})
    assert (reply.status, reply.json["code"], reply.json["data"]) == (200, 1, None)
    assert word in reply.json["msg"]
    assert page(alice, 1) == []


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_a_picture_becomes_a_url_that_loads_without_headers(alice: RoomapiClient, kind: str, prefix: str) -> None:
    data = picture(kind)
    content = prefix + base64.b64encode(data).decode()
    sent = alice.ok("POST", "/api/message/send", {"room_id": 1, "type": "image", "content": content})
    assert (sent["type"], alice.ok("GET", "/api/message/list?room_id=1")) == ("image", [sent])
    path = sent["content"][sent["content"].index("/attachments/") :]
    assert alice.ok("POST", "/api/message/list", {"room_id": 1}) == [sent | {"content": path}]
    url = urlsplit(sent["content"])
    assert (url.scheme, url.netloc) == ("http", "localhost")
    stranger = Caller(FlaskTransport(alice.transport.app))  # type: ignore[attr-defined]
    loaded = stranger.call("GET", url.path)
    assert (loaded.status, loaded.body, loaded.headers["Content-Type"]) == (200, data, f"image/{kind.lower()}")


def test_a_picture_that_is_too_large(make_app: Callable[..., Flask]) -> None:
    alice = RoomapiClient(FlaskTransport(make_app(image_max_bytes=1024)))
    alice.register("alice")
    content = base64.b64encode(b"x" * 1025).decode()
    reply = alice.call("POST", "/api/message/send", {"room_id": 1, "type": "image", "content": content})
    assert (reply.status, reply.json["code"]) == (200, 1)
    assert "1024" in reply.json["msg"]
