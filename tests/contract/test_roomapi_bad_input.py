"""Bad input and limits get this protocol's envelope (docs/specification.md, "Bad input", "Rate limits", "roomapi")."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import FakeClock
from tests.contract.clients import FlaskTransport
from tests.contract.roomapi_client import RoomapiClient
from tests.contract.test_bad_input import MALFORMED

GOOD: dict[str, tuple[str, dict[str, Any]]] = {
    "/register": ("POST", {"username": "new", "password": "secret1"}),
    "/login": ("POST", {"username": "alice", "password": "secret1"}),
    "/api/room/create": ("POST", {"name": "r", "description": "d"}),
    "/api/room/members": ("GET", {"room_id": 1}),
    "/api/room/add_user": ("POST", {"room_id": 1, "user_id": 1, "role": "member"}),
    "/api/room/delete": ("DELETE", {"room_id": 1}),
    "/api/message/send": ("POST", {"room_id": 1, "type": "text", "content": "x"}),
    "/api/message/list": ("GET", {"room_id": 1, "last_message_id": 0, "limit": 20}),
}
OPTIONAL = {"description", "role", "type", "last_message_id", "limit"}
NUMBERS = {"room_id", "user_id", "last_message_id", "limit"}
GUARDED = [("GET", "/api/room/list"), *((method, path) for path, (method, _) in GOOD.items() if path[:5] == "/api/")]


def user_of(app: Flask) -> RoomapiClient:
    made = RoomapiClient(FlaskTransport(app))
    made.register("alice")
    return made


@pytest.fixture
def alice(app: Flask) -> RoomapiClient:
    return user_of(app)


def assert_refused(reply: Any, status: int, word: str = "") -> None:
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/json"
    assert set(reply.json) == {"code", "msg", "data"}
    assert (reply.json["code"], reply.json["data"]) == (1, None)
    assert 0 < len(reply.json["msg"]) < 1500
    assert word in reply.json["msg"]
    assert "{" not in reply.json["msg"]  # every blank is filled in
    assert "Traceback" not in reply.json["msg"]


@pytest.mark.parametrize("path", GOOD)
def test_bodies_that_are_no_json_object(alice: RoomapiClient, path: str) -> None:
    method, _ = GOOD[path]
    for body in MALFORMED:
        assert_refused(alice.call(method, path, body), 400, "JSON")
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    assert_refused(alice.call(method, path, b"--x--", **multipart), 400, "JSON")
    assert alice.rooms() == {"public"}


def test_a_body_is_json_regardless_of_its_content_type(alice: RoomapiClient) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", ""):
        reply = alice.call("POST", "/api/room/create", {"name": "r"}, **{"Content-Type": kind})
        assert reply.json["code"] == 0


@pytest.mark.parametrize("path", GOOD)
def test_missing_and_ill_typed_fields(alice: RoomapiClient, path: str) -> None:
    method, good = GOOD[path]
    for name in good:
        wrongs: list[Any] = [True, [], {}, ["x"], 1.5]
        wrongs += ["x"] if name in NUMBERS else [1]
        wrongs += [] if name == "user_id" else [None]  # there beside user_name
        for wrong in wrongs:
            assert_refused(alice.call(method, path, good | {name: wrong}), 200, name)
        if name not in OPTIONAL:
            missing = {key: value for key, value in good.items() if key != name}
            assert_refused(alice.call(method, path, missing), 200, name)
    assert_refused(alice.call(method, path, b""), 200, next(iter(good)))
    assert alice.rooms() == {"public"}


@pytest.mark.parametrize("query", ["room_id=%00", "room_id=1&x=%00", "room_id=%ED%A0%80", "room_id=", "room_id=%FF",
                                   "room_id=1;2", "", "room=1", "ROOM_ID=1"])  # fmt: skip
def test_odd_queries(alice: RoomapiClient, query: str) -> None:
    for method, path in (("GET", "/api/room/members"), ("GET", "/api/message/list"), ("DELETE", "/api/room/delete")):
        assert_refused(alice.call(method, f"{path}?{query}"), 200)


@pytest.mark.parametrize(
    "wrong",
    [{"username": ""}, {"username": "x" * 33}, {"username": " x"}, {"username": "a\nb"}, {"username": "x" * 401},
     {"password": "12345"}, {"password": "x" * 129}],
)  # fmt: skip
def test_users_that_are_refused(alice: RoomapiClient, wrong: dict[str, str]) -> None:
    new = {"username": "new", "password": "secret1"}
    assert_refused(alice.call("POST", "/register", new | wrong), 200)
    assert_refused(alice.call("POST", "/login", new), 200, "用户名或密码错误")


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_anonymous_clients(app: Flask, method: str, path: str) -> None:
    body = GOOD[path][1] if path in GOOD else None
    stranger = RoomapiClient(FlaskTransport(app))
    words = "未登录或登录已失效，请重新登录"
    assert_refused(stranger.call(method, path, body), 401, words)
    assert_refused(stranger.call(method, path, b"{"), 401, words)  # nothing is read for a stranger
    for token in ("", "nonsense", "Bearer", "Bearer x.y.z", "Basic YTpi", "a b c", "x" * 5000):
        assert_refused(stranger.call(method, path, body, Authorization=token), 401, words)
    assert_refused(stranger.call(method, f"{path}?token=x", body), 401, words)


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/room", "/api/room/x", "/api/message/ws/x", "/api//room/list",
                                  "/register/x", "/login/x", "/ws/x", "/api/%00"])  # fmt: skip
def test_unknown_paths(alice: RoomapiClient, path: str) -> None:
    for method in ("GET", "POST"):
        assert_refused(alice.call(method, path, {}), 404)


def test_paths_are_case_sensitive_and_a_trailing_slash_makes_no_difference(alice: RoomapiClient) -> None:
    assert alice.call("GET", "/api/room/list/").json["code"] == 0
    assert alice.call("POST", "/login/", GOOD["/login"][1]).json["code"] == 0
    for path in ("/api/Room/list", "/api/room/List"):
        assert_refused(alice.call("GET", path), 404)
    assert set(alice.call("POST", "/Login", {}).json) == {"status", "error"}  # realtime's


@pytest.mark.parametrize(
    ("path", "allowed"),
    [(path, {method}) for path, (method, _) in GOOD.items() if path != "/api/message/list"]
    + [("/api/room/list", {"GET"}), ("/api/message/list", {"GET", "POST"})],
)  # fmt: skip
def test_wrong_methods(alice: RoomapiClient, path: str, allowed: set[str]) -> None:
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"} - allowed:
        reply = alice.call(method, path)
        assert_refused(reply, 405, method)
        assert set(reply.headers["Allow"].split(", ")) - {"HEAD"} == allowed


@pytest.mark.parametrize("path", ["/api/message/ws", "/ws/join"])
def test_the_sockets_addresses_without_a_handshake(alice: RoomapiClient, path: str) -> None:
    reply = alice.call("GET", path)
    assert_refused(reply, 426, "WebSocket")
    assert reply.headers["Upgrade"] == "websocket"


def test_a_body_that_is_too_large(make_app: Callable[..., Flask]) -> None:
    alice = user_of(make_app(body_max_bytes=2000))
    for path, (method, _) in GOOD.items():
        assert_refused(alice.call(method, path, b" " * 2001), 413, "2000")


def test_ten_failed_logins_a_minute_per_account(make_app: Callable[..., Flask], clock: FakeClock) -> None:
    alice = user_of(make_app(clock))
    login = {"username": "alice", "password": "secret1"}
    for _ in range(10):
        assert_refused(alice.call("POST", "/login", login | {"password": "wrong one"}), 200, "用户名或密码错误")
    refused = alice.call("POST", "/login", login)  # even the right one, or guessing would go on
    assert_refused(refused, 429, "6 秒")
    assert 1 <= int(refused.headers["Retry-After"]) <= 6
    clock.advance(6)
    assert alice.call("POST", "/login", login).json["code"] == 0


def test_two_hundred_registrations_a_minute_per_address(make_app: Callable[..., Flask], clock: FakeClock) -> None:
    visitor = RoomapiClient(FlaskTransport(make_app(clock)))
    for number in range(200):
        visitor.ok("POST", "/register", {"username": f"pupil{number}", "password": "secret1"})
    refused = visitor.call("POST", "/register", {"username": "one more", "password": "secret1"})
    assert_refused(refused, 429, "秒")
    assert int(refused.headers["Retry-After"]) >= 1


def test_sixty_messages_at_once_and_twenty_a_second(make_app: Callable[..., Flask], clock: FakeClock) -> None:
    alice = user_of(make_app(clock))
    message = {"room_id": 1, "type": "text", "content": "x"}
    for _ in range(60):
        alice.ok("POST", "/api/message/send", message)
    refused = alice.call("POST", "/api/message/send", message)
    assert_refused(refused, 429, "秒")
    assert refused.headers["Retry-After"] == "1"
    clock.advance(1)
    for _ in range(20):
        alice.ok("POST", "/api/message/send", message)
    assert alice.call("POST", "/api/message/send", message).status == 429
    assert len(alice.ok("POST", "/api/message/list", {"room_id": 1, "limit": 100})) == 80


def test_cors_for_listed_origins(make_app: Callable[..., Flask]) -> None:
    alice = user_of(make_app(cors_origins=("https://front.example",)))
    listed = {"Origin": "https://front.example"}
    assert alice.call("GET", "/api/room/list", **listed).headers["Access-Control-Allow-Origin"] == listed["Origin"]
    asked = {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization"}
    preflight = alice.call("OPTIONS", "/api/room/delete", None, **listed, **asked)
    assert preflight.status == 204
    assert "DELETE" in preflight.headers["Access-Control-Allow-Methods"]
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()


def test_an_unexpected_fault_is_a_500_without_a_traceback(
    alice: RoomapiClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("chat.services.rooms.Rooms.joined", broken)
    reply = alice.call("GET", "/api/room/list?token=hidden")
    assert_refused(reply, 500)
    assert "secret detail" not in reply.json["msg"]
    assert "hidden" not in caplog.text
