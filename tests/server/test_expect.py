"""Expect: 100-continue, and requests that are refused before their bodies."""

import time

import pytest

from tests.raw import BODY_MAX, Talk, chunked, get, pull
from tests.server.conftest import Shared


@pytest.mark.parametrize("value", ["100-continue", "100-Continue"])
def test_100_continue_comes_before_the_body(shared: Shared, value: str) -> None:
    data = pull(shared.token, {"room expect": ""}, f"Expect: {value}")
    head, _, body = data.partition(b"\r\n\r\n")
    with Talk(shared.server) as talk:
        for _ in range(3):
            assert talk.ask(head + b"\r\n\r\n").status == 100
            assert "room expect" in talk.ask(body).json()["feedback"]


def test_100_continue_with_chunks(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        for _ in range(3):
            head = chunked("/chat/pull?timeout=0", f"Authorization: {shared.token}", "Expect: 100-continue")
            assert talk.ask(head).status == 100
            assert "room expect" in talk.ask(b'11\r\n{"room expect":""\r\n1\r\n}\r\n0\r\n\r\n').json()["feedback"]


def test_a_body_that_did_not_wait_for_100(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        for _ in range(3):
            answer = talk.ask(pull(shared.token, {"room expect": ""}, "Expect: 100-continue"))
            if answer.status == 100:
                answer = talk.answer()
            assert "room expect" in answer.json()["feedback"]


def test_no_100_for_http_10(shared: Shared) -> None:
    data = pull(shared.token, {"room expect": ""}, "Expect: 100-continue", version="1.0")
    with Talk(shared.server) as talk:
        head, _, body = data.partition(b"\r\n\r\n")
        talk.send(head + b"\r\n\r\n")
        time.sleep(0.2)
        assert "room expect" in talk.ask(body).json()["feedback"]


def test_no_100_for_a_body_over_the_limit(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        auth = f"Authorization: {shared.token}"
        head = get("/chat/pull", auth, "Expect: 100-continue", f"Content-Length: {BODY_MAX + 1}", method="POST")
        answer = talk.ask(head)
        assert (answer.status, answer.json()["status"]) == (413, "failure")
        assert talk.rest() == b""


@pytest.mark.parametrize("framing", ["Content-Length: 20", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(
    ("method", "path", "logged_in", "status"),
    [
        ("POST", "/chat/send", False, 401),
        ("POST", "/api/message/send", False, 401),
        ("POST", "/Room", False, 401),
        ("POST", "/conversations/messages", False, 401),
        ("POST", "/chat/no/such/path", True, 404),
        ("POST", "/%63hat/nowhere", True, 404),
        ("DELETE", "/chat/send", True, 405),
        ("POST", "/healthz", True, 405),
        ("POST", "/nowhere", True, 404),
        ("POST", "/chat/send", True, 100),
        ("POST", "/Login", False, 100),
    ],
)
def test_no_100_where_the_head_alone_says_no(
    shared: Shared, framing: str, method: str, path: str, logged_in: bool, status: int
) -> None:
    auth = [f"Authorization: {shared.token}"] if logged_in else []
    with Talk(shared.server) as talk:
        answer = talk.ask(get(path, *auth, "Expect: 100-continue", framing, method=method))
        assert answer.status == status
        assert status == 100 or talk.rest() == b"", "closed, as the body may come all the same"


def test_an_unknown_expectation(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        answer = talk.ask(get("/healthz", "Expect: a-miracle"))
        assert (answer.status, answer.json()["status"]) == (417, "failure")
        assert talk.rest() == b""
