"""Bad input gets this protocol's envelope, and affects no other client (docs/specification.md, "Bad input")."""

import json
from typing import Any

import pytest

from tests.contract.clients import PollingClient
from tests.contract.conftest import Clients

GOOD: dict[str, tuple[str, dict[str, Any]]] = {
    "/user/register": ("POST", {"username": "new", "password": "secret1"}),
    "/user/login": ("POST", {"username": "alice", "password": "secret1"}),
    "/room/create": ("POST", {"roomname": "r", "type": "public", "passwd": ""}),
    "/room/join": ("POST", {"roomname": "public", "type": "public", "passwd": ""}),
    "/room/leave": ("POST", {"roomname": "public"}),
    "/room/delete": ("POST", {"roomname": "public", "type": "public", "passwd": ""}),
    "/chat/send": ("POST", {"roomname": "public", "new_message": {"type": "text", "content": "x"}}),
}
TAKE_A_BODY = [*GOOD, "/chat/pull", "/user/logout"]

MALFORMED = [
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"12",
    b"username=alice&password=x",
    b"\xff\xfe{}",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b"[" * 60_000,
    b'{"a":' * 10_000,
    b'{"\\u0000": 1}',
    b'{"a": "\\u0000"}',
    b'{"a": ["\\ud800"]}',
    b'{"\\udc00x": 1}',
    b'{"a": "\x00"}',
    b'{"a": 1} trailing',
]


@pytest.fixture
def alice(client: Clients) -> PollingClient:
    return client("alice")


def assert_refused(reply: Any, status: int) -> None:
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/json"
    assert set(reply.json) == {"status", "feedback"}
    assert reply.json["status"] == "failure"
    assert len(reply.json["feedback"]) < 1500
    assert "Traceback" not in reply.json["feedback"]


@pytest.mark.parametrize("path", TAKE_A_BODY)
def test_bodies_that_are_no_json_object(alice: PollingClient, path: str) -> None:
    for body in MALFORMED:
        assert_refused(alice.call("POST", path, body), 400)
    multipart = alice.call("POST", path, b"--x--", **{"Content-Type": "multipart/form-data; boundary=x"})
    assert_refused(multipart, 400)
    assert alice.rooms() == {"public"}


def fields(body: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in body.items():
        found.append((*path, key))
        if isinstance(value, dict):
            found += fields(value, (*path, key))
    return found


@pytest.mark.parametrize("path", GOOD)
def test_missing_and_ill_typed_fields(alice: PollingClient, path: str) -> None:
    method, good = GOOD[path]
    for field in fields(good):
        optional = field[-1] in {"type", "passwd"}
        wrongs: list[Any] = [None, 1, True, [], {}, ["x"]]
        for wrong in wrongs:
            body = json.loads(json.dumps(good))
            holder = body
            for step in field[:-1]:
                holder = holder[step]
            holder[field[-1]] = wrong
            assert_refused(alice.call(method, path, body), 400)
        del holder[field[-1]]
        if not optional:
            reply = alice.call(method, path, body)
            assert_refused(reply, 400)
            assert field[-1] in reply.json["feedback"]


def test_an_empty_body_is_an_empty_object(alice: PollingClient) -> None:
    assert_refused(alice.call("POST", "/user/login", b""), 400)
    assert alice.call("GET", "/chat/pull", b"").status == 200
    assert alice.call("POST", "/user/logout", None).status == 200


@pytest.mark.parametrize("path", ["/user", "/user/nope", "/room/", "/chat/pull/x", "/room/find%00", "/user//login"])
def test_unknown_paths(client: Clients, path: str) -> None:
    assert_refused(client().call("GET", path), 404)
    assert_refused(client().call("POST", path, {}), 404)


def test_paths_are_case_sensitive_and_a_trailing_slash_makes_no_difference(client: Clients) -> None:
    body = {"username": "alice", "password": "secret1"}
    assert client().call("POST", "/user/register/", body).status == 200
    assert client().call("POST", "/user/login/", body).status == 200
    assert client().call("POST", "/USER/login", body).status == 404
    assert_refused(client().call("POST", "/user/Login", body), 404)


def test_wrong_methods(client: Clients) -> None:
    for path in TAKE_A_BODY:
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"):
            if (path, method) == ("/chat/pull", "GET"):
                continue
            reply = client().call(method, path)
            assert_refused(reply, 405)
            assert "POST" in reply.headers["Allow"]


def test_names_beyond_any_length(alice: PollingClient) -> None:
    long = "x" * 30_000  # the maximum length of such a body
    assert_refused(alice.call("POST", "/room/join", {"roomname": long}), 400)
    assert_refused(alice.call("POST", "/user/login", {"username": long, "password": long}), 400)
    assert_refused(alice.call("POST", "/user/login", {"username": "alice", "password": long}), 401)
    assert_refused(alice.call("POST", "/chat/pull", {"x" * 1_000_000: ""}), 404)
    assert_refused(alice.call("POST", "/chat/pull", {f"room {i}": "" for i in range(5001)}), 400)
    assert_refused(alice.call("POST", "/chat/pull", {f"room {i}": "" for i in range(5000)}), 404)


def test_an_unexpected_fault_is_a_500_without_a_traceback(
    alice: PollingClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("chat.services.rooms.Rooms.find", broken)
    reply = alice.call("GET", "/room/find?token=hidden")
    assert_refused(reply, 500)
    assert "secret detail" not in reply.body.decode()
    assert "secret detail" in caplog.text
    assert "hidden" not in caplog.text


def test_small_bodies_that_would_grow_when_parsed(alice: PollingClient) -> None:
    for hostile in (b'{"a":[' + b"{}," * 200_000 + b"{}]}", b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"):
        assert_refused(alice.call("POST", "/chat/pull", hostile), 400)


def test_a_name_that_is_slow_to_normalise_delays_no_other_client(alice: PollingClient) -> None:
    hostile = "a" + "\u0301\u0316" * 200_000
    assert_refused(alice.call("POST", "/chat/pull", {hostile: ""}), 404)
    hostile = hostile[:10_000]
    assert_refused(alice.call("POST", "/room/join", {"roomname": hostile}), 400)
    assert_refused(alice.call("POST", "/user/register", {"username": hostile, "password": "secret1"}), 400)
