"""Join codes: making, renewing, joining, and guessing."""

from collections.abc import Callable

import pytest
from flask import Flask

from chat.models import Access, Actor, Role
from chat.services.site import CODE_ALPHABET
from tests.conftest import FakeClock, services_of, sign_up
from tests.contract.clients import PollingClient

Clients = Callable[..., PollingClient]


@pytest.fixture
def app(make_app: Callable[..., Flask], clock: FakeClock) -> Flask:
    return make_app(clock, trusted_proxies=1)


def code_of(client: PollingClient, room: str, **more: object) -> str:
    return str(client.ok("POST", "/room/code", {"roomname": room, **more})["code"])


def join(client: PollingClient, code: str, address: str = "10.0.0.1") -> int:
    return client.call("POST", "/room/join", {"code": code}, **{"X-Forwarded-For": address}).status


def test_a_code_brings_people_into_the_room(client: Clients) -> None:
    alice, bob = client("alice"), client("bob")
    alice.create_room("club", "sesame")
    assert alice.ok("GET", "/room/code?roomname=club")["code"] == ""
    code = code_of(alice, "club")
    assert len(code) == 6
    assert set(code) <= set(CODE_ALPHABET)
    assert alice.ok("GET", "/room/code?roomname=club")["code"] == code
    answer = bob.ok("POST", "/room/join", {"code": f" {code[:3].lower()}-{code[3:].lower()} "})
    assert answer["roomname"] == "club"
    assert "club" in bob.rooms()
    assert join(bob, code) == 200  # to be in it already is no failure
    assert client().call("POST", "/room/join", {"code": code}).status == 401
    assert bob.call("POST", "/room/join", {}).status == 400


def test_renewing_kills_the_old_code_and_off_means_none(client: Clients) -> None:
    alice, bob = client("alice"), client("bob")
    alice.create_room("club")
    old = code_of(alice, "club")
    new = code_of(alice, "club")
    assert join(bob, old) == 403
    assert join(bob, new) == 200
    bob.leave("club")
    assert code_of(alice, "club", off=True) == ""
    assert join(bob, new) == 403
    last = code_of(alice, "club")
    alice.delete_room("club")
    assert join(bob, last) == 403


def test_codes_are_for_owner_admins_and_teachers(app: Flask, client: Clients) -> None:
    alice, bob, teacher = client("alice"), client("bob"), client("teacher")
    services_of(app).teachers.appoint(None, "teacher", is_teacher=True)
    alice.create_room("club")
    for stranger in (bob,):
        assert stranger.call("GET", "/room/code?roomname=club").status == 404
        assert stranger.call("POST", "/room/code", {"roomname": "club"}).status == 404
    bob.join("club")
    assert bob.call("GET", "/room/code?roomname=club").status == 403
    assert bob.call("POST", "/room/code", {"roomname": "club"}).status == 403
    assert bob.call("POST", "/room/code", {"roomname": "public"}).status == 403
    assert teacher.ok("GET", "/room/code?roomname=club")["code"] == ""
    assert code_of(teacher, "club")
    assert join(bob, code_of(teacher, "public")) == 200  # the lobby too


def test_a_code_leads_into_a_private_room(app: Flask, client: Clients) -> None:
    services = services_of(app)
    owner: Actor = sign_up(services, "owner")
    room = services.rooms.create_titled(owner, "secret", access=Access.INVITE)
    bob = client("bob")
    assert join(bob, services.join_codes.renew(owner, room.id)) == 200
    roles = {member.username: member.role for member in services.memberships.members(owner, room.id)}
    assert roles == {"owner": Role.OWNER, "bob": Role.MEMBER}


def test_a_rooms_code_counts_as_the_sites(app: Flask, client: Clients) -> None:
    teacher = client("teacher")
    services_of(app).teachers.appoint(None, "teacher", is_teacher=True)
    code = code_of(teacher, "public")
    teacher.ok("POST", "/site/settings", {"version": 0, "registration": "code"})
    body = {"username": "new", "password": "secret1"}
    assert client().call("POST", "/user/register", body | {"join_code": "ABCDEF"}).status == 403
    assert client().call("POST", "/user/register", body | {"join_code": code}).status == 200


def test_guessing_is_bounded_per_user_and_per_address(client: Clients, clock: FakeClock) -> None:
    alice, bob, carol, dave = (client(name) for name in ("alice", "bob", "carol", "dave"))
    alice.create_room("club")
    code = code_of(alice, "club")
    assert [join(bob, "ABCDEF") for _ in range(11)] == [403] * 10 + [429]
    assert join(bob, code) == 429  # also with the right one: it could be a guess
    assert join(bob, code, "10.0.0.2") == 429
    assert [join(carol, "not a code") for _ in range(11)] == [403] * 10 + [429]
    assert join(dave, code) == 429  # 20 from this address
    assert join(dave, code, "10.0.0.2") == 200
    clock.advance(60)
    assert join(bob, code) == 200


def test_the_page_is_there_for_every_code(app: Flask) -> None:
    page = app.test_client().get("/join/7KQ2MX")
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def test_qr_codes_are_paths(client: Clients) -> None:
    alice = client("alice")
    codes = alice.ok("POST", "/site/qr", {"texts": ["http://192.0.2.1:8000/join/7KQ2MX", "物理"]})["codes"]
    assert [code["size"] for code in codes] == [29, 21]
    assert codes[0]["path"].startswith("M0 0h7v1H0z")
    assert alice.call("POST", "/site/qr", {"texts": ["x"] * 101}).status == 400
    assert alice.call("POST", "/site/qr", {"texts": ["x" * 301]}).status == 400
    assert client().call("POST", "/site/qr", {"texts": ["x"]}).status == 401


def test_a_code_says_where_it_leads_before_one_logs_in(app: Flask, client: Clients, clock: FakeClock) -> None:
    alice, nobody = client("alice"), client()
    alice.ok("POST", "/room/create", {"roomname": "physics", "type": "public"})
    code = code_of(alice, "physics")
    assert nobody.ok("GET", f"/room/by_code?code={code.lower()}")["roomname"] == "physics"
    assert [nobody.call("GET", "/room/by_code?code=ABCDEF").status for _ in range(21)] == [403] * 20 + [429]
    assert nobody.call("GET", f"/room/by_code?code={code}").status == 429  # a right guess looks the same
    clock.advance(60)
    assert nobody.call("GET", f"/room/by_code?code={code}").status == 200


def test_the_board_is_a_page_for_every_room(app: Flask) -> None:
    answer = app.test_client().get("/board/a%2Fb%20c")
    assert answer.status_code == 200
    assert b"board-log" in answer.data
    assert b"a/b c" not in answer.data  # it contains nothing of the room
