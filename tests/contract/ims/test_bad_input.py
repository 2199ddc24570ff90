"""Bad input gets this protocol's envelope, with the field's name, and changes nothing (docs/specification.md, "Bad
input").
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import FakeClock
from tests.contract.clients import FlaskTransport, PollingClient, Reply
from tests.contract.ims.test_table import ROWS
from tests.contract.ims.world import LOBBY, World
from tests.contract.ims_client import BOUNDARY, FORM_HEADERS, ImsClient, form
from tests.contract.test_bad_input import MALFORMED
from tests.pictures import picture

TAKE_NOTHING = {
    ("GET", "/account/info"), ("GET", "/csrf"), ("DELETE", "/account/delete"), ("GET", "/friend_requests"),
    ("GET", "/groups"), ("GET", "/friends"), ("GET", "/conversations"),
    ("GET", "/conversations/{conversation_id}/invitation"),
}  # fmt: skip
ADDRESSES = sorted({(row.method, row.path) for row in ROWS})
TAKING = [each for each in ADDRESSES if each not in TAKE_NOTHING]
# Whole numbers, by address: each is an id.
IDS: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", "/search_user_detail"): {"userId": 2},
    ("POST", "/add_friend"): {"target_id": 2, "message": "x"},
    ("POST", "/friend_request_handle"): {"sender_user_id": 6, "receiver_user_id": 1},
    ("DELETE", "/friend_request_handle"): {"sender_user_id": 6, "receiver_user_id": 1},
    ("GET", "/groups/manage_groups"): {"group_id": 1},
    ("PUT", "/groups/manage_groups"): {"group_id": 1, "new_name": "x"},
    ("DELETE", "/groups/manage_groups"): {"group_id": 1},
    ("GET", "/groups/members"): {"group_id": 1},
    ("POST", "/groups/members"): {"group_id": 1, "member_id": 3},
    ("DELETE", "/groups/members"): {"group_id": 1, "member_id": 3},
    ("GET", "/manage_friends"): {"friend_id": 3},
    ("DELETE", "/manage_friends"): {"friend_id": 3},
    ("GET", "/conversations/messages"): {"conversationId": LOBBY},
    ("POST", "/conversations/messages"): {"conversationId": LOBBY, "content": "x"},
    ("GET", "/conversations/get_reply"): {"message_id": 1},
    ("GET", "/interface"): {"conversation_id": LOBBY},
    ("POST", "/interface"): {"conversationId": LOBBY},
    ("GET", "/conversations/manage_messages"): {"conversationId": LOBBY},
    ("DELETE", "/conversations/messages"): {"message_id": 1},
    ("GET", "/conversations/get_members"): {"conversation_id": LOBBY},
    ("POST", "/conversations/manage/admin"): {"conversation_id": LOBBY, "user": 3},
    ("DELETE", "/conversations/manage/admin"): {"conversation_id": LOBBY, "user": 3},
    ("GET", "/conversations/manage/notifications"): {"conversation_id": LOBBY},
    ("POST", "/conversations/manage/notifications"): {"conversation_id": LOBBY, "content": "x"},
    ("DELETE", "/conversations/manage/notifications"): {"notification_id": 1},
    ("POST", "/conversations/manage/ownership_transfer"): {"conversation_id": LOBBY, "user": 3},
    ("POST", "/conversations/member/remove"): {"conversation_id": LOBBY},
    ("DELETE", "/conversations/member/remove"): {"conversation_id": LOBBY, "user": 3},
    ("POST", "/conversations/member/add"): {"conversationId": LOBBY, "member_id": 3},
    ("GET", "/conversations/invitation"): {"conversation_id": LOBBY},
    ("POST", "/conversations/manage/handle_invitation"): {"invite_id": 1},
    ("DELETE", "/conversations/manage/handle_invitation"): {"invite_id": 1},
    ("POST", "/conversations/manage/info"): {"conversation_id": LOBBY, "name": "x"},
}
NO_IDS: list[Any] = [True, False, 1.5, "", " 1", "1.0", "+1", "1e3", "٣", "x", [], {}, [1, 2.5], "1\u0000", None]
NO_TEXTS: list[Any] = [None, 1, True, [], {}, ["x"], 1.5]
NOBODYS: list[Any] = [0, -1, "-1", 999, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**40, "9" * 5000, "0" * 30]


def assert_refused(reply: Reply, status: int, info: str = "") -> None:
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/json"
    assert set(reply.json) == {"code", "info"}
    assert reply.json["code"] != 0
    if info:
        assert reply.json["info"] == info


@pytest.mark.parametrize(("method", "path"), TAKING)
def test_bodies_that_are_no_json_object(w: World, method: str, path: str) -> None:
    for body in MALFORMED:
        reply = w.alice.call(method, path, body)
        assert_refused(reply, 400, "Missing or error type of [body]")
        assert reply.json["code"] == -7
    if path != "/conversations/image":
        assert_refused(w.alice.call(method, path, b"--x--", **{"Content-Type": "multipart/form-data; boundary=x"}), 400)


@pytest.mark.parametrize(("method", "path"), IDS)
def test_invalid_ids_and_ids_of_any_size(w: World, method: str, path: str) -> None:
    good = IDS[method, path]
    for name, value in good.items():
        if not isinstance(value, int):
            continue
        for bad in NO_IDS:
            if (name, bad) == ("member_id", [1, 2.5]) or bad == "1\u0000":
                continue
            body = json.dumps({**good, name: bad}).encode()
            assert_refused(w.alice.call(method, path, body), 400, f"Missing or error type of [{name}]")
        for nobodys in NOBODYS:
            body = json.dumps({**good, name: nobodys}).encode()
            reply = w.alice.call(method, path, body)
            assert reply.status in {400, 403, 404}, (name, nobodys, reply)
            assert reply.json["code"] != -7, (name, nobodys, reply)
        without = {other: value for other, value in good.items() if other != name}
        assert_refused(
            w.alice.call(method, path, json.dumps(without).encode()), 400, f"Missing or error type of [{name}]"
        )


@pytest.mark.parametrize(("method", "path"), [each for each in IDS if each[0] == "GET"])
def test_the_same_in_the_query_string(w: World, method: str, path: str) -> None:
    [(name, _)] = IDS[method, path].items()
    for bad in ("", "true", "1.5", "NaN", "x", "%00", "%D9%A3", "1%20"):
        assert_refused(w.alice.call(method, f"{path}?{name}={bad}"), 400, f"Missing or error type of [{name}]")
    for nobodys in ("0", "-1", "9" * 1000):
        assert_refused(w.alice.call(method, f"{path}?{name}={nobodys}"), 404)


def test_invalid_texts(w: World) -> None:
    cases: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/account/reg", {"email": "e@example.com", "password": "secret1", "name": "n"}),
        ("POST", "/account/login", {"email": "e@example.com", "password": "secret1"}),
        ("POST", "/verify", {"email": "e@example.com"}),
        ("PUT", "/account/info", {"origin_password": "secret1"}),
        ("POST", "/add_friend", {"message": "m", "target_id": 6}),
        ("POST", "/groups", {"name": "n"}),
        ("PUT", "/groups/manage_groups", {"new_name": "n", "group_id": 1}),
        ("POST", "/conversations", {"name": "n", "members": []}),
        ("POST", "/conversations/messages", {"content": "c", "conversationId": LOBBY}),
        ("POST", "/conversations/manage/notifications", {"content": "c", "conversation_id": LOBBY}),
    ]
    for method, path, good in cases:
        for name in [name for name, value in good.items() if isinstance(value, str)]:
            for bad in NO_TEXTS:
                reply = w.alice.call(method, path, json.dumps({**good, name: bad}).encode())
                assert_refused(reply, 400, f"Missing or error type of [{name}]")


@pytest.mark.parametrize("name", ["name", "password", "email", "user_info", "avatar"])
def test_a_profiles_fields(w: World, name: str) -> None:
    for bad in NO_TEXTS:
        reply = w.alice.call("PUT", "/account/info", {"origin_password": "secret1", name: bad})
        assert_refused(reply, 400, f"Missing or error type of [{name}]")


def test_members_switches_counts_and_the_like(w: World) -> None:
    message = {"conversationId": LOBBY, "content": "c"}
    cases: list[tuple[str, dict[str, Any], str, list[Any]]] = [
        ("/conversations", {"name": "n"}, "members", ["x", {}, 1, None, [None], [True], [[1]]]),
        ("/interface", {"conversationId": LOBBY}, "ontop", ["true", 1, 0, [], {}]),
        ("/interface", {"conversationId": LOBBY}, "notification", ["true", 1, 0, [], {}]),
        ("/interface", {"conversationId": LOBBY}, "unreads", ["x", 1.5, [], {}]),
        ("/conversations/messages", message, "reply_to", [True, 1.5, [], "x"]),
        ("/conversations/messages", message, "client_message_id", ["", "x" * 65, 1]),
    ]
    for path, good, name, bads in cases:
        for bad in bads:
            reply = w.alice.call("POST", path, {**good, name: bad})
            assert_refused(reply, 400, f"Missing or error type of [{name}]")


def test_invalid_forms(w: World) -> None:
    path = "/conversations/image"
    pictured = {"image": picture()}
    fields: dict[str, str]
    files: dict[str, bytes]
    image = "Missing or error type of [image]"
    conversation = "Missing or error type of [conversationId]"
    for fields, files, info in (
        ({"conversationId": str(LOBBY)}, {}, image),
        ({"conversationId": str(LOBBY), "image": "aGVsbG8="}, {}, image),
        ({"conversationId": str(LOBBY)}, {"image": b""}, image),
        ({"conversationId": str(LOBBY)}, {"image": picture()[:40]}, image),
        ({}, pictured, conversation),
        ({"conversationId": "x"}, pictured, conversation),
        ({"conversationId": "1\0"}, pictured, conversation),
    ):
        assert_refused(w.alice.call("POST", path, form(fields, files), **FORM_HEADERS), 400, info)
    broken = form({"conversationId": str(LOBBY)}, pictured)[:150]
    body = "Missing or error type of [body]"
    assert_refused(w.alice.call("POST", path, broken, **FORM_HEADERS), 400, body)
    latin = form({"conversationId": str(LOBBY)}, pictured).replace(b'filename="', b'filename="\xe9', 1)
    assert b"\xe9" in latin[:400]
    assert_refused(w.alice.call("POST", path, latin, **FORM_HEADERS), 400, body)
    for kind in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=other"):
        assert_refused(w.alice.call("POST", path, form({}, pictured), **{"Content-Type": kind}), 400, body)
    assert_refused(w.alice.call("POST", path, {"conversationId": LOBBY}), 400, image)
    many = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f{n}"\r\n\r\nx\r\n'.encode() for n in range(2000)
    )
    reply = w.alice.call("POST", path, many + f"--{BOUNDARY}--\r\n".encode(), **FORM_HEADERS)
    assert_refused(reply, 413)
    assert w.alice.messages(LOBBY) == []


@pytest.mark.parametrize("path", ["/account", "/account/nope", "/conversations/manage", "/groups/x/y", "/friends/1"])
def test_unknown_paths(w: World, path: str) -> None:
    for method in ("GET", "POST"):
        assert_refused(w.alice.call(method, path), 404, "Not found")


def test_wrong_methods(w: World) -> None:
    for path in {path for _, path in ADDRESSES}:
        allowed = {method for method, other in ADDRESSES if other == path}
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"} - allowed:
            reply = w.alice.call(method, path.replace("{conversation_id}", "1"))
            assert_refused(reply, 405, "Bad method")
            assert reply.json["code"] == -3
            assert allowed <= set(reply.headers["Allow"].split(", "))


def test_a_trailing_slash_makes_no_difference(w: World) -> None:
    assert w.alice.call("GET", "/friends/").status == 200
    assert w.alice.call("GET", "/conversations/").status == 200
    assert w.alice.call("GET", "/Friends").status == 404


def test_too_much(w: World) -> None:
    reply = w.alice.call("POST", "/groups", b'{"name":"' + b"x" * (8 * 1024 * 1024) + b'"}')
    assert_refused(reply, 413)
    assert reply.json["code"] == -3
    members = {"members": list(range(1, 6000)), "name": "n"}
    assert_refused(w.alice.call("POST", "/conversations", members), 400, "Missing or error type of [members]")


def test_sending_too_often(make_app: Callable[..., Flask], clock: FakeClock, built: World) -> None:
    alice = World(make_app(clock), built.tokens, built.ids).alice
    body = {"conversationId": LOBBY, "content": "x"}
    statuses = [alice.call("POST", "/conversations/messages", body).status for _ in range(61)]
    assert statuses == [200] * 60 + [429]


def test_foreign_pages_cannot_use_a_cookie(w: World) -> None:
    browser = PollingClient(FlaskTransport(w.app))
    browser.login("alice@example.com")  # which sets one
    page = ImsClient(browser.transport)
    assert_refused(page.call("POST", "/groups", {"name": "n"}, Origin="https://evil.example"), 403)
    assert page.call("POST", "/groups", {"name": "n"}).status == 200
    token = {"Authorization": f"Bearer {w.alice.token}", "Origin": "https://evil.example"}
    assert w.nobody.call("POST", "/groups", {"name": "m"}, **token).status == 200
