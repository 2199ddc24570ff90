"""Entering by the WebSocket at /, and removal (docs/protocols/realtime.md; docs/specification.md, "realtime"), over
gunicorn.
"""

import time
from typing import Any

import pytest

from tests.contract.conftest import MakeUser
from tests.contract.realtime_client import Closed, RealtimeUser, RoomSocket


@pytest.fixture
def alice(realtime_user: MakeUser) -> RealtimeUser:
    return realtime_user("alice")


@pytest.fixture
def bob(realtime_user: MakeUser) -> RealtimeUser:
    return realtime_user("bob")


def assert_turned_away(socket: RoomSocket) -> None:
    assert socket.next() == {"status": False}
    with pytest.raises(Closed) as closed:
        socket.next(5)  # at once, and not when ten seconds have passed without a token
    assert closed.value.code == 1008


@pytest.mark.parametrize(
    "token", ["", "x", "8c510c418bc52a780b11ab153f1f488b6154df10", "0" * 40, "x" * 10_000, "\u0665"]
)
def test_invalid_tokens_are_refused(alice: RealtimeUser, token: str) -> None:
    assert_turned_away(alice.bare(token))


def test_a_token_is_good_once(alice: RealtimeUser) -> None:
    token = alice.token(alice.make())
    assert alice.bare(token).say("in") == {"status": True}
    assert_turned_away(alice.bare(token))


def test_a_token_is_for_its_user_and_its_room(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room, other = alice.make(), alice.make()
    in_other = alice.enter(other)
    listener = alice.enter(room)
    assert bob.bare(alice.token(room)).say("whose words?") == {"status": True}  # the token's holder is alice
    assert [frame["username"] for frame in listener.until_quiet()] == [alice.username]
    assert in_other.until_quiet() == []


def test_a_session_token_is_no_room_token(alice: RealtimeUser) -> None:
    reply = alice.call("POST", "/Login", {"username": alice.username, "password": "secret1"})
    session = reply.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    assert_turned_away(alice.bare(session))
    assert_turned_away(alice.bare("", header=[f"Authorization: {session}"], cookie=f"commonroom_session={session}"))


def test_logging_out_ends_the_token_and_the_socket(alice: RealtimeUser) -> None:
    room = alice.make()
    token, socket = alice.token(room), alice.enter(room)
    alice.logout()
    assert_turned_away(socket)
    assert_turned_away(alice.bare(token))


def test_a_token_for_a_room_that_is_gone(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    token = bob.token(room)
    alice.delete_room(alice.room_name(room))
    assert_turned_away(bob.bare(token))


def test_bad_first_frames_are_refused_and_the_token_still_taken(alice: RealtimeUser) -> None:
    token = alice.token(alice.make())
    socket = alice.bare()
    bad: list[Any] = [{"msg": "not in yet"}, {}, [], {"token": 5}, {"token": None}, "{"]
    for frame in bad:
        socket.send(frame)
        answer = socket.next()
        assert set(answer) == {"status", "error"}
        assert answer["status"] is False
    socket.send({"token": token})
    assert socket.say("in") == {"status": True}


def test_no_token_within_ten_seconds(alice: RealtimeUser) -> None:
    socket = alice.bare()
    began = time.monotonic()
    time.sleep(5)
    socket.send({})  # which does not put it off
    assert socket.next()["status"] is False
    with pytest.raises(Closed) as closed:
        socket.next()
    assert closed.value.code == 1008
    assert 9 < time.monotonic() - began < 13


def test_any_origin_may_connect_as_the_token_alone_decides(alice: RealtimeUser) -> None:
    socket = alice.bare(alice.token(alice.make()), origin="https://evil.example")
    assert socket.say("in") == {"status": True}


# Removal


def test_leaving_by_another_protocol_is_reported_and_closes_the_socket(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    watcher, socket = alice.enter(room), bob.enter(room)
    bob.leave(alice.room_name(room))
    assert_turned_away(socket)
    assert [frame["action"] for frame in watcher.until_quiet()] == [1, 0]


def test_a_room_that_is_deleted(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    sockets = [alice.enter(room), bob.enter(room)]
    assert sockets[0].next()["action"] == 1
    assert alice.call("DELETE", f"/Room/{room}").status == 204
    for socket in sockets:
        assert_turned_away(socket)


def test_a_removed_member_receives_no_later_message(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    name = alice.room_name(room)
    socket = bob.enter(room)
    bob.leave(name)
    for number in range(5):
        alice.say(name, f"secret {number}")
    assert_turned_away(socket)


# Handshakes


def test_the_page_is_at_the_same_address(alice: RealtimeUser) -> None:
    reply = alice.call("GET", "/")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-WebSocket-Version": "8"}, 426),
        ({"Sec-WebSocket-Key": "short"}, 400),
        ({"Sec-WebSocket-Key": ""}, 400),
    ],
)
def test_bad_handshakes_get_the_envelope(alice: RealtimeUser, headers: dict[str, str], status: int) -> None:
    good = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    reply = alice.call("GET", "/", None, **(good | headers))
    assert reply.status == status
    assert set(reply.json) == {"status", "error"}
    assert reply.json["status"] is False


def test_other_methods_at_the_root(alice: RealtimeUser) -> None:
    reply = alice.call("POST", "/", {})
    assert (reply.status, reply.json["status"]) == (405, False)
