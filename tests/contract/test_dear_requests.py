"""No request costs much more than its bytes (security review, finding 10): CPU, against a loop of known work.

Before log-in 30 ms for each 64 KiB begun, after it 100 ms: on a machine on which `_unit` takes 10 ms. On a slower one,
or one that is shared, the unit grows with the requests.
"""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.contract.clients import PollingClient, Reply
from tests.contract.conftest import Clients

KIB = 1024
FULL = 60 * KIB  # what a body may have anywhere
BEFORE, AFTER = 3, 10  # units for each 64 KiB begun
ACCENTS = "a" + "\u0301\u0323" * 197  # 395 characters that normalising has to sort


def _unit() -> float:
    """The CPU seconds of a fixed amount of work: parsing and building JSON."""
    began = time.process_time()
    for _ in range(10):
        json.dumps(json.loads("[" + "123456789," * 8_000 + "0]"))
    return time.process_time() - began


def cost(ask: Callable[[], Reply], size: int) -> float:
    """Units for each 64 KiB begun; the least of three times, after one that fills caches."""
    ask()
    least = float("inf")
    for _ in range(3):
        unit = _unit()
        began = time.process_time()
        ask()
        least = min(least, (time.process_time() - began) / unit)
    return least / (1 + size // (64 * KIB))


def _padded(head: str, tail: str, filling: str) -> bytes:
    return (head + filling * ((FULL - len(head) - len(tail)) // len(filling)) + tail).encode()


BODIES = {
    "one escape in a long text": _padded('{"username":"\\u0041', '","password":"x"}', "é"),
    "escapes alone": _padded('{"username":"', '","password":"x"}', "\\u00e9"),
    "not JSON at the end": _padded('{"username":"', '"', "a"),
    "deep lists": _padded('{"username":', "", "["),
    "deep objects": _padded("", "", '{"a":'),
    "a long number": _padded('{"username":', "}", "1"),
    "long exponents": _padded('{"username":', "}", "1e999,"),
    "many keys": ("{" + ",".join(f'"{n}":0' for n in range(6000)) + "}").encode(),
    "many empty lists": _padded('{"a":[', "[]]}", "[],"),
    "accents": _padded('{"username":"a', '","password":"x"}', "\u0323\u0301"),
    "a letter that normalises to 18": _padded('{"username":"', '","password":"x"}', "\ufdfa"),
    "white space": _padded("", "{}", " "),
    "multipart without an end": b"--b\r\n" + b"\r\n--" * (FULL // 4),
}


@pytest.mark.parametrize("path", ["/user/login", "/register", "/Login", "/login"])
@pytest.mark.parametrize("what", BODIES)
def test_a_body_before_log_in(client: Clients, path: str, what: str) -> None:
    nobody = client()
    kind = "multipart/form-data; boundary=b" if what.startswith("multipart") else "application/json"

    def ask() -> Reply:
        return nobody.transport.request("POST", path, BODIES[what], {"Content-Type": kind})

    assert cost(ask, len(BODIES[what])) < BEFORE


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

    assert cost(ask, len(path)) < BEFORE


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
        assert cost(ask, FULL) < BEFORE


@pytest.fixture
def alice(client: Clients) -> PollingClient:
    return client("alice")


@pytest.mark.parametrize("name", [ACCENTS, ACCENTS[:84], "\ufdfa" * 84, "é" * 84, "x" * 400])
def test_a_pull_of_thousands_of_names(alice: PollingClient, name: str) -> None:
    names = dict.fromkeys(f"{name[: -len(str(n))]}{n}" for n in range(4990))
    body: dict[str, Any] = {"public": "", **dict.fromkeys(names, "")}
    raw = json.dumps(body, ensure_ascii=False).encode()
    assert cost(lambda: alice.call("POST", "/chat/pull?timeout=0", body), len(raw)) < AFTER


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/conversations/manage_messages", {"conversationId": 1, "content": "a" * 99 + "b"}),
        ("GET", "/search_user", {"query_name": ACCENTS}),
        ("POST", "/interface", {"conversationId": 1, "unreads": 10**9}),
        ("GET", "/interface", {"conversationId": 1}),
        ("GET", "/conversations", {}),
        ("POST", "/chat/pull", {}),
    ],
)
def test_requests_after_log_in(app, alice: PollingClient, method: str, path: str, body: dict[str, Any]) -> None:
    store = app.extensions["commonroom"].store
    rows = [(1, 1, 5_000_000_000_000_000 + n, "text", "a" * 500) for n in range(12_000)]
    with store.write() as tx:
        columns = "room_id, sender_id, time, type, content"
        tx._connection.exec_driver_sql(f"INSERT INTO messages ({columns}) VALUES (?, ?, ?, ?, ?)", rows)
        tx._connection.exec_driver_sql("UPDATE rooms SET last_time = 5000000000020000")
        tx._connection.exec_driver_sql("UPDATE memberships SET read_time = 0")
    assert cost(lambda: alice.call(method, path, body), 0) < AFTER
