"""roomapi's users and rooms, row by row (docs/protocols/roomapi.md; docs/specification.md, "roomapi", "Account",
"Room").
"""

import base64
import re
from typing import Any

import pytest
from flask import Flask

from tests.contract.clients import FlaskTransport, PollingClient
from tests.contract.conftest import MakeRoomapi
from tests.contract.realtime_client import RealtimeClient
from tests.contract.roomapi_client import RoomapiClient, new_room, send
from tests.pictures import picture

NOT_FOUND = {"code": 1, "msg": "聊天室不存在", "data": None}
FORBIDDEN = {"code": 1, "msg": "没有权限执行此操作", "data": None}
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d")


@pytest.fixture
def alice(roomapi: MakeRoomapi) -> RoomapiClient:
    return roomapi("alice")


@pytest.fixture
def bob(roomapi: MakeRoomapi) -> RoomapiClient:
    return roomapi("bob")


# Users


def test_registering_as_documented(roomapi: MakeRoomapi) -> None:
    visitor = roomapi("")
    body = {"username": "user12345", "password": "password12345"}
    reply = visitor.call("POST", "/register", body)
    assert reply.status == 200
    assert reply.json == {"code": 0, "msg": "注册成功", "data": {"ID": 1, "username": "user12345"}}
    assert "Set-Cookie" not in reply.headers
    assert visitor.call("GET", "/api/room/list").status == 401  # one logs in at /login
    for taken in ("user12345", "USER12345", "ｕser12345"):
        reply = visitor.call("POST", "/register", body | {"username": taken})
        assert (reply.status, reply.json) == (200, {"code": 1, "msg": "用户名已存在", "data": None})


def test_logging_in_as_documented(roomapi: MakeRoomapi) -> None:
    visitor = roomapi("")
    visitor.ok("POST", "/register", {"username": "user123", "password": "password123"})
    reply = visitor.call("POST", "/login", {"username": "user123", "password": "password123"})
    token = reply.json["data"]["token"]
    assert reply.status == 200
    user = {"ID": 1, "username": "user123"}
    assert reply.json == {"code": 0, "msg": "登录成功", "data": {"token": token, "user": user}}
    assert "Set-Cookie" not in reply.headers
    assert visitor.call("GET", "/api/room/list", Authorization=token).status == 200


@pytest.mark.parametrize(("username", "password"), [("alice", "wrong one"), ("nobody", "secret1"), ("", "secret1"),
                                                    ("alice", ""), ("alice", "x" * 10_000)])  # fmt: skip
def test_failed_logins_have_the_same_words(alice: RoomapiClient, username: str, password: str) -> None:
    reply = alice.call("POST", "/login", {"username": username, "password": password})
    assert (reply.status, reply.json) == (200, {"code": 1, "msg": "用户名或密码错误", "data": None})


def test_the_token_bare_and_with_bearer(roomapi: MakeRoomapi, alice: RoomapiClient) -> None:
    visitor = roomapi("")
    for given in (alice.token, f"Bearer {alice.token}", f"bearer  {alice.token}"):
        reply = visitor.call("GET", "/api/room/list", Authorization=given)
        assert (reply.status, reply.json["code"]) == (200, 0), given


def test_logging_out_by_another_protocol_ends_the_session(alice: RoomapiClient) -> None:
    assert alice.call("POST", "/user/logout", {}).status == 200
    assert alice.call("GET", "/api/room/list").status == 401


def test_the_cookie_of_another_protocol_does_too(app: Flask) -> None:
    polling = PollingClient(FlaskTransport(app))
    polling.register("polling")
    assert polling.call("GET", "/api/room/list").json["code"] == 0
    refused = polling.call("POST", "/api/room/create", {"name": "r"}, Origin="https://evil.example")
    assert (refused.status, refused.json["code"], refused.json["data"]) == (403, 1, None)
    assert polling.call("GET", "/api/room/list", Authorization="nonsense").status == 401  # the header alone decides


def test_a_token_passes_any_origin(alice: RoomapiClient) -> None:
    reply = alice.call("POST", "/api/room/create", {"name": "r"}, Origin="https://evil.example")
    assert (reply.status, reply.json["code"]) == (200, 0)


# Rooms


def test_making_and_listing_rooms_as_documented(alice: RoomapiClient) -> None:
    reply = alice.call("POST", "/api/room/create", {"name": "room1", "description": "test room"})
    made = reply.json["data"]
    assert reply.status == 200
    assert made == {
        "ID": 2,
        "CreatedAt": made["CreatedAt"],
        "UpdatedAt": made["CreatedAt"],
        "DeletedAt": None,
        "name": "room1",
        "description": "test room",
    }
    assert reply.json == {"code": 0, "msg": "创建成功", "data": made}
    assert RFC_3339.fullmatch(made["CreatedAt"]), made
    second = alice.ok("POST", "/api/room/create", {"name": "room1"})  # names may repeat
    assert (second["ID"], second["name"], second["description"]) == (3, "room1", "")
    listed = alice.call("GET", "/api/room/list")
    lobby = listed.json["data"][0]
    assert (lobby["ID"], lobby["name"], set(lobby)) == (1, "public", set(made))
    assert listed.json == {"code": 0, "msg": "获取成功", "data": [lobby, made, second]}


@pytest.mark.parametrize("name", ["", " x", "x ", "a\nb", "x" * 61, "x" * 401, "\u202e\u0007"])
def test_rooms_that_are_refused(alice: RoomapiClient, name: str) -> None:
    reply = alice.call("POST", "/api/room/create", {"name": name, "description": ""})
    assert reply.status == 200
    assert (reply.json["code"], reply.json["data"]) == (1, None)
    if len(name) <= 400:
        assert reply.json["msg"] == "创建失败"
    assert alice.rooms() == {"public"}


@pytest.mark.parametrize("name", ["x" * 60, "物理 🙂", "status", "room #1", "<b>", "50%"])
def test_names_that_others_refuse_are_shown_as_they_were_given(alice: RoomapiClient, name: str) -> None:
    assert alice.ok("POST", "/api/room/create", {"name": name})["name"] == name
    assert alice.rooms() == {"public", name}


def test_a_description_has_a_bound(alice: RoomapiClient) -> None:
    assert alice.call("POST", "/api/room/create", {"name": "r", "description": "x" * 1001}).json["code"] == 1
    assert alice.ok("POST", "/api/room/create", {"name": "r", "description": "x" * 1000})["description"] == "x" * 1000


def test_members_as_documented(alice: RoomapiClient, bob: RoomapiClient) -> None:
    room = new_room(alice)
    add = {"room_id": room, "user_id": id_of(bob), "role": "member"}
    reply = alice.call("POST", "/api/room/add_user", add)
    assert (reply.status, reply.json) == (200, {"code": 0, "msg": "添加用户到聊天室成功", "data": None})
    again = alice.call("POST", "/api/room/add_user", add)
    expected = {"code": 1, "msg": "添加用户到聊天室失败，用户已在聊天室中", "data": None}
    assert (again.status, again.json) == (200, expected)
    reply = bob.call("GET", f"/api/room/members?room_id={room}")
    assert reply.json == {"code": 0, "msg": "获取成功", "data": reply.json["data"]}
    assert [(each["ID"], each["username"]) for each in reply.json["data"]] == [(1, "alice"), (2, "bob")]
    for each in reply.json["data"]:
        assert set(each) == {"ID", "CreatedAt", "UpdatedAt", "DeletedAt", "username"}
        assert each["DeletedAt"] is None
        assert RFC_3339.fullmatch(each["CreatedAt"])
        assert RFC_3339.fullmatch(each["UpdatedAt"])


def test_adding_by_name_and_by_digits_without_a_role(
    alice: RoomapiClient, bob: RoomapiClient, roomapi: MakeRoomapi
) -> None:
    room = new_room(alice)
    roomapi("carol")
    alice.ok("POST", "/api/room/add_user", {"room_id": str(room), "user_name": "BOB"})
    alice.ok("POST", "/api/room/add_user", {"room_id": room, "user_id": "3"})
    roomapi("dave")
    alice.ok("POST", "/api/room/add_user", {"room_id": room, "user_id": 0, "user_name": "dave"})
    assert alice.members("room1") == ["alice", "bob", "carol", "dave"]


@pytest.mark.parametrize("who", [{"user_name": "nobody"}, {"user_id": 99}, {"user_id": 0}, {"user_id": -1},
                                 {"user_id": 2**63}, {"user_id": 10**400}, {"user_id": "9" * 400},
                                 {"user_name": ""}])  # fmt: skip
def test_adding_an_unknown_user(alice: RoomapiClient, who: dict[str, Any]) -> None:
    reply = alice.call("POST", "/api/room/add_user", {"room_id": new_room(alice), **who})
    assert (reply.status, reply.json["code"], reply.json["data"]) == (200, 1, None)
    assert reply.json["msg"] == "添加用户到聊天室失败，用户不存在"
    assert alice.members("room1") == ["alice"]


def test_permissions_to_assign_roles(alice: RoomapiClient, bob: RoomapiClient, roomapi: MakeRoomapi) -> None:
    carol, dave = roomapi("carol"), roomapi("dave")
    erin = roomapi("erin")
    room = new_room(alice)
    for who, role in ((bob, "admin"), (carol, "member")):
        alice.ok("POST", "/api/room/add_user", {"room_id": room, "user_name": who.username, "role": role})
    for adder, role in ((alice, "owner"), (bob, "owner"), (bob, "admin"), (carol, "owner"), (carol, "admin")):
        body = {"room_id": room, "user_name": "dave", "role": role}
        assert adder.call("POST", "/api/room/add_user", body).json == FORBIDDEN, (adder.username, role)
    odd = alice.call("POST", "/api/room/add_user", {"room_id": room, "user_name": "dave", "role": "king"})
    assert (odd.status, odd.json["code"]) == (200, 1)
    assert dave.rooms() == {"public"}
    carol.ok("POST", "/api/room/add_user", {"room_id": room, "user_name": "dave"})
    bob.ok("POST", "/api/room/add_user", {"room_id": room, "user_name": "erin"})
    assert erin.members("room1") == ["alice", "bob", "carol", "dave", "erin"]


def test_only_the_owner_deletes(alice: RoomapiClient, bob: RoomapiClient) -> None:
    room = new_room(alice)
    alice.ok("POST", "/api/room/add_user", {"room_id": room, "user_name": "bob", "role": "admin"})
    send(bob, room, "hello")
    assert bob.call("DELETE", f"/api/room/delete?room_id={room}").json == FORBIDDEN
    for client in (alice, bob):
        assert client.call("DELETE", "/api/room/delete?room_id=1").json == FORBIDDEN  # the lobby has no owner
    reply = alice.call("DELETE", f"/api/room/delete?room_id={room}")
    assert (reply.status, reply.json) == (200, {"code": 0, "msg": "删除成功", "data": None})
    for client in (alice, bob):
        assert client.rooms() == {"public"}
        assert client.call("POST", "/api/message/list", {"room_id": room}).json == NOT_FOUND
        assert client.call("DELETE", f"/api/room/delete?room_id={room}").json == NOT_FOUND


def every_look_at(client: RoomapiClient, room: Any) -> list[Any]:
    """The answers of all routes that take a room."""
    return [
        client.call(method, path, {"room_id": room, **body}).json
        for method, path, body in (
            ("GET", "/api/room/members", {}),
            ("POST", "/api/room/add_user", {"user_name": client.username}),
            ("POST", "/api/room/add_user", {"user_name": "nobody", "role": "owner"}),
            ("DELETE", "/api/room/delete", {}),
            ("POST", "/api/message/send", {"type": "text", "content": "x"}),
            ("POST", "/api/message/send", {"type": "image", "content": base64.b64encode(picture()).decode()}),
            ("GET", "/api/message/list", {}),
            ("POST", "/api/message/list", {"last_message_id": 1}),
        )
    ]


def test_to_outsiders_a_room_does_not_exist(app: Flask, alice: RoomapiClient, bob: RoomapiClient) -> None:
    room = new_room(alice)
    send(alice, room, "secret")
    assert every_look_at(bob, room) == [NOT_FOUND] * 8
    assert [each["content"] for each in alice.ok("POST", "/api/message/list", {"room_id": room})] == ["secret"]
    assert alice.members("room1") == ["alice"]
    polling = PollingClient(FlaskTransport(app))
    polling.login("bob")
    assert polling.seen_rooms() == {"public"}
    reply = polling.call("POST", "/room/join", {"roomname": "room1", "type": "private", "passwd": ""})
    assert reply.status == 404
    realtime = RealtimeClient(FlaskTransport(app))
    realtime.login("bob")
    assert realtime.seen_rooms() == {"public"}
    assert realtime.call("GET", f"/Room/{room}").status == 404


@pytest.mark.parametrize("room", [0, -1, 99, 2**31, 2**63 - 1, 2**63, 2**64 + 2, -(2**63) - 1, 10**400, "9" * 4000])
def test_ids_of_any_size_are_just_not_found(alice: RoomapiClient, room: Any) -> None:
    assert every_look_at(alice, room) == [NOT_FOUND] * 8


@pytest.mark.parametrize("room", [True, None, 1.5, "", " 1", "1.0", "0x1", "١", "public", [], {}, [1]])
def test_invalid_ids_are_field_failures(alice: RoomapiClient, room: Any) -> None:
    for answer in every_look_at(alice, room):
        assert set(answer) == {"code", "msg", "data"}
        assert (answer["code"], answer["data"]) == (1, None)
        assert "room_id" in answer["msg"]


def id_of(client: RoomapiClient) -> int:
    members = client.ok("GET", "/api/room/members?room_id=1")
    return next(int(each["ID"]) for each in members if each["username"] == client.username)
