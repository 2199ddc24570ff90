"""Over 64 KiB only where there may be a picture, and of pulls, after the log-in: the rest is refused unread."""

import json
from typing import Any

import pytest
from flask import Flask

LONG = "x" * 70_000


def call(app: Flask, method: str, path: str, body: dict[str, Any], token: str = "") -> Any:
    headers = {"Authorization": token} if token else {}
    # An escape would make parsing expensive; the body is not parsed.
    return app.test_client().open(
        path, method=method, data=json.dumps(body | {"more": "\u00e9" + LONG}), headers=headers
    )


@pytest.fixture
def token(app: Flask) -> str:
    answer = app.test_client().post("/account/reg", json={"email": "a@x.zz", "name": "a", "password": "secret12"})
    return str(answer.get_json()["token"])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/user/login", {"username": "alice", "password": LONG}),
        ("POST", "/user/register", {"username": "alice", "password": LONG}),
        ("POST", "/login", {"username": "alice", "password": LONG}),
        ("POST", "/Login", {"username": "alice", "password": LONG}),
        ("POST", "/account/login", {"email": "a@x.zz", "password": LONG}),
        ("POST", "/verify", {"email": "a@x.zz"}),
    ],
)
def test_nothing_long_is_read_before_the_log_in(app: Flask, method: str, path: str, body: dict[str, Any]) -> None:
    assert call(app, method, path, body).status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/room/create", {"roomname": "r", "type": "public"}, 413),
        ("POST", "/conversations/messages", {"conversation_id": 1, "content": "x"}, 413),
        ("POST", "/chat/send", {"roomname": "public", "new_message": {"type": "text", "content": "x"}}, 200),
        ("POST", "/chat/pull?timeout=0", {"public": ""}, 400),  # read: "more" is no cursor
        ("POST", "/api/message/send", {"room_id": 1, "type": "text", "content": "x"}, 200),
        ("PUT", "/account/info", {"origin_password": "secret12", "name": "b"}, 200),
    ],
)
def test_after_it_only_where_there_may_be_a_picture(
    app: Flask, token: str, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    assert call(app, method, path, body).status_code == 401, "not logged in comes first"
    assert call(app, method, path, body, token).status_code == status
