"""/Room, row by row (docs/protocols/realtime.md; docs/specification.md, "realtime" and "Room")."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from chat.models import Access, Room
from tests.conftest import services_of, sign_up
from tests.contract.clients import Caller, FlaskTransport, PollingClient

NAME = "zhangjiagou的聊天室的名字"


@pytest.fixture
def alice(app: Flask) -> PollingClient:
    made = PollingClient(FlaskTransport(app))
    made.register("alice")
    return made


@pytest.fixture
def bob(app: Flask) -> PollingClient:
    made = PollingClient(FlaskTransport(app))
    made.register("bob")
    return made


def make(owner: Caller, name: str = NAME) -> int:
    """A room; its id."""
    reply = owner.call("POST", "/Room", {"name": name})
    assert reply.status == 201
    return int(reply.json["id"])


def listed(caller: Caller) -> list[Any]:
    reply = caller.call("GET", "/Room")
    assert reply.status == 200
    found: list[Any] = reply.json
    return found


def refused(caller: Caller, method: str, path: str, status: int, body: Any = None) -> None:
    reply = caller.call(method, path, body)
    assert reply.status == status, reply
    assert set(reply.json) == {"status", "error"}
    assert reply.json["status"] is False


def test_a_room_as_documented(alice: PollingClient, bob: PollingClient) -> None:
    reply = alice.call("POST", "/Room", {"name": NAME})
    assert reply.status == 201
    assert reply.json == {"id": reply.json["id"], "name": NAME}
    assert type(reply.json["id"]) is int
    lobby = {"id": 1, "name": "public"}
    assert listed(alice) == listed(bob) == [lobby, reply.json]
    assert NAME in alice.rooms()  # its maker is in it
    assert NAME not in bob.rooms()


def test_names_may_repeat(alice: PollingClient, bob: PollingClient) -> None:
    first, second = make(alice, "room1"), make(bob, "room1")
    assert first != second
    assert [room["name"] for room in listed(alice)] == ["public", "room1", "room1"]
    assert alice.seen_rooms() == {"public", "room1", f"room1 #{second}"}  # where names address rooms, they differ


@pytest.mark.parametrize("name", ["status", "feedback", "ends in #7", "x" * 60, "房间", "<b>bold</b>", "public"])
def test_ordinary_names(alice: PollingClient, name: str) -> None:
    assert {"id": make(alice, name), "name": name} in listed(alice)


@pytest.mark.parametrize("name", ["", " ", "x" * 61, " x", "x ", "a\nb", "\u202eevil", "x" * 401])
def test_names_that_are_refused(alice: PollingClient, name: str) -> None:
    refused(alice, "POST", "/Room", 400, {"name": name})
    assert len(listed(alice)) == 1


def test_the_list_contains_freely_accessible_rooms(app: Flask, alice: PollingClient, bob: PollingClient) -> None:
    alice.create_room("locked", passwd="xyzzy")
    services = services_of(app)
    carol = sign_up(services, "carol")
    services.rooms.create_titled(carol, "by invitation", access=Access.INVITE)
    services.rooms.create_titled(carol, "with bob", access=Access.INVITE, members=["bob"])
    assert [room["name"] for room in listed(alice)] == ["public", "locked"]
    assert [room["name"] for room in listed(bob)] == ["public", "with bob"]


def test_a_room_without_a_title_goes_by_its_name(app: Flask, alice: PollingClient) -> None:
    room_id = make(alice)
    with services_of(app).store.write() as tx:
        tx.execute(update(Room).where(Room.id == room_id).values(title="", name=f"#{room_id}"))
    assert listed(alice)[1] == {"id": room_id, "name": f"#{room_id}"}


def test_deleting(alice: PollingClient, bob: PollingClient) -> None:
    room_id = make(alice)
    refused(bob, "DELETE", f"/Room/{room_id}", 403)
    reply = alice.call("DELETE", f"/Room/{room_id}")
    assert (reply.status, reply.body) == (204, b"")
    assert "Content-Type" not in reply.headers
    refused(alice, "DELETE", f"/Room/{room_id}", 404)
    refused(alice, "GET", f"/Room/{room_id}", 404)
    assert len(listed(alice)) == 1


def test_the_owner_deletes_a_room_with_a_passwd_without_being_asked(alice: PollingClient, bob: PollingClient) -> None:
    alice.create_room("locked", passwd="xyzzy")
    room_id = next(room["id"] for room in listed(alice) if room["name"] == "locked")
    refused(bob, "DELETE", f"/Room/{room_id}", 403)
    assert alice.call("DELETE", f"/Room/{room_id}").status == 204


def test_the_lobby_cannot_be_deleted(alice: PollingClient) -> None:
    refused(alice, "DELETE", "/Room/1", 403)


def test_a_token_as_documented(alice: PollingClient, bob: PollingClient) -> None:
    room_id = make(alice)
    for path in (f"/Room/{room_id}", f"/Room/{room_id}/", f"/Room/0{room_id}"):
        reply = bob.call("GET", path)
        assert (reply.status, set(reply.json)) == (200, {"token"})
        assert re.fullmatch(r"[0-9a-f]{40}", reply.json["token"])
    assert reply.headers["Cache-Control"] == "no-store"
    assert NAME not in bob.rooms()  # asking for a token is not entering


def test_a_room_with_a_passwd_is_forbidden_to_non_members(alice: PollingClient, bob: PollingClient) -> None:
    alice.create_room("locked", passwd="xyzzy")
    room_id = next(room["id"] for room in listed(alice) if room["name"] == "locked")
    assert alice.call("GET", f"/Room/{room_id}").status == 200
    refused(bob, "GET", f"/Room/{room_id}", 403)
    bob.join("locked", "xyzzy")
    assert bob.call("GET", f"/Room/{room_id}").status == 200


def test_a_room_by_invitation_does_not_exist_for_others(app: Flask, alice: PollingClient) -> None:
    services = services_of(app)
    made = services.rooms.create_titled(sign_up(services, "carol"), "secret", access=Access.INVITE)
    there, nowhere = alice.call("GET", f"/Room/{made.id}"), alice.call("GET", "/Room/999")
    assert there.status == nowhere.status == 404
    assert there.body.replace(b"%d" % made.id, b"999") == nowhere.body
    refused(alice, "DELETE", f"/Room/{made.id}", 404)


NO_IDS = ["0", "-1", "+1", "1.0", "1e0", "0x1", "x", "true", "%201", "%E2%85%A8", "%D9%A1", "%00"]
NO_IDS += ["9" * 18, "9" * 19, "9" * 20, "9" * 7000, str(2**63), str(2**64 + 1)]


@pytest.mark.parametrize("room_id", NO_IDS)
def test_invalid_ids(alice: PollingClient, room_id: str) -> None:
    for method in ("GET", "DELETE"):
        refused(alice, method, f"/Room/{room_id}", 404)


def test_a_room_token_and_a_session_token_are_not_each_other(app: Flask, alice: PollingClient) -> None:
    ticket = alice.call("GET", "/Room/1").json["token"]
    stranger = Caller(FlaskTransport(app))
    for form in (ticket, f"Bearer {ticket}"):
        assert stranger.call("GET", "/Room", Authorization=form).status == 401
        assert stranger.call("GET", "/user/me", Authorization=form).status == 401
