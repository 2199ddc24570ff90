"""Bad input, wrong origins and limits get this protocol's envelope (docs/specification.md, "Bad input", "Sessions",
"Rate limits").
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import FakeClock
from tests.contract.clients import Caller, FlaskTransport
from tests.contract.test_bad_input import MALFORMED

GOOD: dict[str, dict[str, Any]] = {
    "/User": {"username": "new", "password": "secret1", "nickname": "n"},
    "/Login": {"username": "alice", "password": "secret1"},
    "/Room": {"name": "r"},
}
ALICE = GOOD["/Login"]


def user_of(app: Flask) -> Caller:
    made = Caller(FlaskTransport(app))
    assert made.call("POST", "/User", ALICE).status == 201
    assert made.call("POST", "/Login", ALICE).status == 200
    return made


@pytest.fixture
def alice(app: Flask) -> Caller:
    return user_of(app)


def assert_refused(reply: Any, status: int) -> None:
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/json"
    assert set(reply.json) == {"status", "error"}
    assert reply.json["status"] is False
    assert 0 < len(reply.json["error"]) < 1500
    assert "Traceback" not in reply.json["error"]


@pytest.mark.parametrize("path", [*GOOD, "/Logout"])
def test_bodies_that_are_no_json_object(alice: Caller, path: str) -> None:
    for body in MALFORMED:
        assert_refused(alice.call("POST", path, body), 400)
    assert_refused(alice.call("POST", path, b"--x--", **{"Content-Type": "multipart/form-data; boundary=x"}), 400)
    assert alice.call("GET", "/Room").json == [{"id": 1, "name": "public"}]


@pytest.mark.parametrize("path", GOOD)
def test_missing_and_ill_typed_fields(alice: Caller, path: str) -> None:
    for name in GOOD[path]:
        optional = name == "nickname"
        wrongs: list[Any] = [1, True, [], {}, ["x"], *([] if optional else [None])]
        for wrong in wrongs:
            reply = alice.call("POST", path, GOOD[path] | {name: wrong})
            assert_refused(reply, 400)
            assert name in reply.json["error"]
        missing = {key: value for key, value in GOOD[path].items() if key != name}
        if not optional:
            reply = alice.call("POST", path, missing)
            assert_refused(reply, 400)
            assert name in reply.json["error"]
    assert_refused(alice.call("POST", path, b""), 400)


def test_undocumented_fields_are_ignored(alice: Caller) -> None:
    assert alice.call("POST", "/Room", {"name": "r", "id": 1, "owner": "bob"}).json == {"id": 2, "name": "r"}


@pytest.mark.parametrize("path", ["/Room/1/2", "/Login/x", "/Logout/x", "/Room//1", "/Login//"])
def test_unknown_paths(alice: Caller, path: str) -> None:
    for method in ("GET", "POST"):
        assert_refused(alice.call(method, path, {}), 404)


def test_paths_are_case_sensitive_and_a_trailing_slash_makes_no_difference(app: Flask, alice: Caller) -> None:
    assert alice.call("POST", "/Login/", ALICE).json == {"status": True}
    assert alice.call("GET", "/Room/").status == 200
    assert Caller(FlaskTransport(app)).call("POST", "/User/", GOOD["/User"]).status == 201
    for path in ("/LOGIN", "/rOOM", "/users"):
        assert alice.call("POST", path, ALICE).status == 404
    assert set(alice.call("GET", "/room").json) == {"status", "feedback"}  # polling's


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/User", "POST"), ("/User/x", "GET"), ("/Login", "POST"), ("/Logout", "POST"), ("/Room", "GET POST"),
     ("/Room/1", "DELETE GET")],
)  # fmt: skip
def test_wrong_methods(alice: Caller, path: str, allowed: str) -> None:
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"} - set(allowed.split()):
        reply = alice.call(method, path)
        assert_refused(reply, 405)
        assert set(reply.headers["Allow"].split(", ")) - {"HEAD"} == set(allowed.split())


def test_a_body_that_is_too_large(make_app: Callable[..., Flask]) -> None:
    alice = user_of(make_app(body_max_bytes=2000))
    for path in GOOD:
        assert_refused(alice.call("POST", path, b" " * 2001), 413)


def test_anonymous_clients(app: Flask) -> None:
    stranger = Caller(FlaskTransport(app))
    for method, path in (("GET", "/Room"), ("POST", "/Room"), ("GET", "/Room/1"), ("DELETE", "/Room/1"),
                         ("GET", "/Room/x"), ("POST", "/Logout")):  # fmt: skip
        assert_refused(stranger.call(method, path), 401)


def test_a_foreign_origin_may_not_use_the_cookie(alice: Caller) -> None:
    foreign = {"Origin": "https://evil.example"}
    for method, path, body in (
        ("POST", "/Login", ALICE),
        ("POST", "/Logout", None),
        ("POST", "/Room", {"name": "r"}),
        ("DELETE", "/Room/1", None),
    ):
        reply = alice.call(method, path, body, **foreign)
        assert_refused(reply, 403)
        assert "Set-Cookie" not in reply.headers
    assert len(alice.call("GET", "/Room").json) == 1


def test_cors_for_listed_origins(make_app: Callable[..., Flask]) -> None:
    alice = user_of(make_app(cors_origins=("https://front.example",)))
    listed = {"Origin": "https://front.example"}
    assert alice.call("POST", "/Room", {"name": "r"}, **listed).status == 201
    preflight = alice.call("OPTIONS", "/Room/2", None, **listed, **{"Access-Control-Request-Method": "DELETE"})
    assert preflight.status == 204
    assert "DELETE" in preflight.headers["Access-Control-Allow-Methods"]


def test_ten_failed_logins_a_minute_per_account(make_app: Callable[..., Flask], clock: FakeClock) -> None:
    alice = user_of(make_app(clock))
    for _ in range(10):
        reply = alice.call("POST", "/Login", ALICE | {"password": "wrong one"})
        assert (reply.status, reply.json) == (200, {"status": False})
    refused = alice.call("POST", "/Login", ALICE)  # even the right one, or guessing would go on
    assert_refused(refused, 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 6
    # Created by any protocol.
    assert alice.call("POST", "/user/login", ALICE).status == 429
    clock.advance(6)
    assert alice.call("POST", "/Login", ALICE).json == {"status": True}


def test_two_hundred_registrations_a_minute_per_address(make_app: Callable[..., Flask], clock: FakeClock) -> None:
    visitor = Caller(FlaskTransport(make_app(clock)))
    for number in range(200):
        assert visitor.call("POST", "/User", ALICE | {"username": f"pupil{number}"}).status == 201
    refused = visitor.call("POST", "/User", ALICE)
    assert_refused(refused, 429)
    assert int(refused.headers["Retry-After"]) >= 1


def test_an_unexpected_fault_is_a_500_without_a_traceback(
    alice: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("chat.services.rooms.Rooms.enterable", broken)
    assert_refused(alice.call("GET", "/Room?token=hidden"), 500)
    assert "hidden" not in caplog.text
