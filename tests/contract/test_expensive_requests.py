"""No request costs much more than its bytes: see expensive.py."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask

from tests.contract.clients import FlaskTransport, PollingClient, Reply
from tests.contract.conftest import Clients
from tests.contract.expensive import ACCENTS, AFTER, BEFORE, FULL, VALUES, costs_at_most, padded
from tests.database import execute

BODIES = {
    **{
        name: padded('{"username":' + head, tail + ',"password":"x"}', filling)
        for name, (head, filling, tail) in VALUES.items()
    },
    "many keys": ("{" + ",".join(f'"{n}":0' for n in range(6000)) + "}").encode(),
    "the same key": padded("{", '"username":0}', '"username":0,'),
    "white space alone": padded("", "{}", " "),
    "multipart without an end": b"--b\r\n" + b"\r\n--" * (FULL // 4),
}


@pytest.mark.parametrize("path", ["/user/login", "/register", "/Login", "/login"])
def test_a_body_before_log_in(make_app: Callable[..., Flask], path: str) -> None:
    # One application for all bodies, so nothing is refused for being sent too often: that would cost little.
    nobody = PollingClient(FlaskTransport(make_app(rate_limits=False)))
    for what, body in BODIES.items():
        kind = "multipart/form-data; boundary=b" if what.startswith("multipart") else "application/json"
        ask = partial(nobody.transport.request, "POST", path, body, {"Content-Type": kind})
        assert costs_at_most(BEFORE, ask, len(body)), what


@pytest.mark.parametrize(
    "path",
    [
        *("/docs", "/docs?lang=zh", "/openapi/ims.json", "/openapi/polling.json", "/"),
        "/room/find?" + "&".join(f"a{n}=1" for n in range(1500)),
        "/docs?lang=" + "%C3%A9" * 2000,
        "/attachments/" + "x" * 8000,
    ],
)
def test_an_address_before_log_in(client: Clients, path: str) -> None:
    nobody = client()
    hosts = iter(range(99))

    def ask() -> Reply:
        return nobody.transport.request("GET", path, None, {"Host": f"host-{next(hosts)}.example"})

    assert costs_at_most(BEFORE, ask, len(path))


def test_headers_before_log_in(client: Clients) -> None:
    nobody = client()
    many = {f"X-{n}": "1" for n in range(1000)}
    for headers in (
        {"Cookie": "; ".join(f"a{n}=1" for n in range(4000))},
        {"Accept-Language": ",".join(f"a{n};q=0.1" for n in range(1000))},
        {"Authorization": "Bearer " + "a." * 8000},
        many,
    ):
        ask = partial(nobody.transport.request, "GET", "/user/me", None, headers)
        assert costs_at_most(BEFORE, ask, FULL)


@pytest.fixture
def alice(client: Clients) -> PollingClient:
    return client("alice")


@pytest.mark.parametrize("name", [ACCENTS, ACCENTS[:252], "\ufdfa" * 252, "é" * 252, "x" * 400])
def test_a_pull_of_thousands_of_names(alice: PollingClient, name: str) -> None:
    names = dict.fromkeys(f"{name[: -len(str(n))]}{n}" for n in range(4990))
    body: dict[str, Any] = {"public": "", **dict.fromkeys(names, "")}
    raw = json.dumps(body, ensure_ascii=False).encode()
    assert costs_at_most(AFTER, lambda: alice.call("POST", "/chat/pull?timeout=0", body), len(raw))


AFTER_LOG_IN: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/conversations/manage_messages", {"conversationId": 1, "content": "a" * 99 + "b"}),
    ("GET", "/search_user", {"query_name": ACCENTS}),
    ("POST", "/interface", {"conversationId": 1, "unreads": 10**9}),
    ("GET", "/interface", {"conversationId": 1}),
    ("GET", "/conversations", {}),
    ("POST", "/chat/pull", {}),
]


def test_requests_after_log_in_among_thousands_of_messages(app: Flask, alice: PollingClient) -> None:
    """In one test, as filling the database takes longer than the requests."""
    rows = [(1, 1, 5_000_000_000_000_000 + n, "text", "a" * 500) for n in range(12_000)]
    with app.extensions["commonroom"].store.write() as tx:
        columns = "room_id, sender_id, time, type, content"
        execute(tx, f"INSERT INTO messages ({columns}) VALUES (?, ?, ?, ?, ?)", rows)
        execute(tx, "UPDATE rooms SET last_time = 5000000000020000")
        execute(tx, "UPDATE memberships SET read_time = 0")
    dear = [request for request in AFTER_LOG_IN if not costs_at_most(AFTER, partial(alice.call, *request), 0)]
    assert dear == []
