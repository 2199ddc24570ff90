"""Where a request begins and ends: HTTP/1.1 and 1.0 as they may be spoken."""

import json
import random
import socket
import time

import pytest

from tests.raw import Talk, get, post, pull
from tests.server.conftest import Shared


def test_ten_requests_on_one_connection(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        for _ in range(5):
            me = talk.ask(get("/user/me", f"Authorization: {shared.token}"))
            assert (me.status, me.json()["status"]) == (200, "success")
            assert me.headers.get("connection", "keep-alive") == "keep-alive"
            assert "date" in me.headers
            assert talk.ask(pull(shared.token, {"public": ""})).json()["public"] == []


def test_http_10_closes_unless_asked_not_to(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        assert talk.ask(get("/healthz", version="1.0")).status == 200
        assert talk.rest() == b""
    with Talk(shared.server) as talk:
        for _ in range(3):
            answer = talk.ask(get("/healthz", "Connection: keep-alive", version="1.0"))
            assert (answer.status, answer.headers["connection"].lower()) == (200, "keep-alive")
        held = talk.ask(pull(shared.token, {"public": ""}, "Connection: keep-alive", timeout=0.2, version="1.0"))
        assert (held.status, held.headers["connection"].lower()) == (200, "keep-alive")
        assert talk.ask(get("/healthz", version="1.0")).status == 200
        assert talk.rest() == b""


def test_an_http_10_pull_closes_after_its_answer(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        assert talk.ask(pull(shared.token, {"public": ""}, timeout=0.2, version="1.0")).json()["public"] == []
        assert talk.rest() == b""


@pytest.mark.parametrize("held_for", [0, 0.2])
def test_connection_close(shared: Shared, held_for: float) -> None:
    with Talk(shared.server) as talk:
        talk.send(pull(shared.token, {"public": ""}, "Connection: close", timeout=held_for) + get("/healthz"))
        answer = talk.answer()
        assert (answer.status, answer.headers["connection"].lower()) == (200, "close")
        assert talk.rest() == b""


@pytest.mark.parametrize("held_for", [0, 0.2])
def test_data_after_the_last_request_does_not_discard_its_answer(shared: Shared, held_for: float) -> None:
    """TCP resets a connection that is closed with unread bytes, and a client still sending loses the answer."""
    with Talk(shared.server, receive_buffer=4096) as talk:
        talk.send(pull(shared.token, {"public": ""}, "Connection: close", timeout=held_for) + b"x" * 1_000_000)
        time.sleep(0.1)
        talk.send(b"x" * 1_000_000)
        assert talk.answer().status == 200
        assert talk.socket.recv(1) == b"", "the end, and no reset"


def test_pipelined_requests_are_answered_in_order(shared: Shared) -> None:
    auth = f"Authorization: {shared.token}"
    with Talk(shared.server) as talk:
        talk.send(
            get("/user/me", auth)
            + get("/nowhere")
            + pull(shared.token, {"public": ""})
            + get("/user/me")
            + get("/healthz")
        )
        answers = [talk.answer() for _ in range(5)]
        assert [answer.status for answer in answers] == [200, 404, 200, 401, 200]
        assert answers[2].json()["public"] == []


def test_requests_after_a_held_pull_wait_for_it(shared: Shared) -> None:
    auth = f"Authorization: {shared.token}"
    with Talk(shared.server) as talk:
        for _ in range(2):
            began = time.monotonic()
            held = pull(shared.token, {"public": ""}, timeout=0.3)
            talk.send(held + get("/user/me", auth) + held + get("/nowhere"))
            assert talk.answer().json()["public"] == []
            assert time.monotonic() - began > 0.25
            assert talk.answer().status == 200
            assert talk.answer().json()["public"] == []
            assert time.monotonic() - began > 0.55
            assert talk.answer().status == 404


def test_more_pipelined_requests_than_are_read_ahead(shared: Shared) -> None:
    with Talk(shared.server, timeout=30) as talk:
        # Alike but for the body, so that each is a known head; a number in it shows the order.
        talk.send(b"".join(pull(shared.token, {f"room {n:04}": ""}) for n in range(400)))
        for n in range(400):
            assert f"room {n:04}" in talk.answer().json()["feedback"]
        assert talk.ask(get("/healthz")).status == 200


def test_a_request_byte_by_byte(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        for _ in range(2):
            for byte in pull(shared.token, {"room byte": ""}):
                talk.send(bytes([byte]))
                time.sleep(0.0005)
            assert "room byte" in talk.answer().json()["feedback"]


def test_requests_split_anywhere(shared: Shared) -> None:
    chance = random.Random(3)
    with Talk(shared.server) as talk:
        for n in range(40):
            data = pull(shared.token, {f"room {n}": ""}) + get("/healthz")
            cuts = sorted(chance.sample(range(1, len(data)), chance.randint(1, 6)))
            for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
                talk.send(data[start:end])
                time.sleep(0.001)
            assert f"room {n}" in talk.answer().json()["feedback"], cuts
            assert talk.answer().status == 200, cuts


def test_an_empty_line_before_a_request(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        for _ in range(3):
            assert talk.ask(b"\r\n" + pull(shared.token, {"public": ""})).status == 200
        assert talk.ask(post("/chat/pull?timeout=0", b"{}", f"Authorization: {shared.token}") + b"\r\n").status == 200
        assert talk.ask(get("/healthz")).status == 200


def test_header_names_in_any_case(shared: Shared) -> None:
    body = b'{"room case": ""}'
    head = get("/chat/pull?timeout=0", f"aUTHORIZATION:{shared.token}", f"cONTENT-lENGTH:\t{len(body)} ", method="POST")
    with Talk(shared.server) as talk:
        for _ in range(3):
            assert "room case" in talk.ask(head + body).json()["feedback"]


# HEAD


@pytest.mark.parametrize("path", ["/", "/healthz", "/user/me", "/nowhere", "/room/find", "/chat/pull?timeout=0"])
def test_head_has_the_headers_of_get(shared: Shared, path: str) -> None:
    auth = f"Authorization: {shared.token}"
    with Talk(shared.server) as talk:
        for _ in range(2):
            got = talk.ask(get(path, auth))
            head = talk.ask(get(path, auth, method="HEAD"), bodiless=True)
            assert head.status == got.status
            assert head.headers["content-length"] == got.headers["content-length"]
            assert head.headers.keys() == got.headers.keys()
        assert talk.ask(get("/healthz")).json()["status"] == "ok"


def test_a_held_head_has_no_body(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        for _ in range(3):
            held = pull(shared.token, {"public": ""}, timeout=0.2, method="HEAD")
            assert talk.ask(held, bodiless=True).status == 200
            assert talk.ask(get("/healthz")).json()["status"] == "ok"


# Half-closed


def test_a_half_closed_client_gets_its_answer(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        talk.send(get("/user/me", f"Authorization: {shared.token}"))
        talk.socket.shutdown(socket.SHUT_WR)
        assert talk.answer().status == 200
        assert talk.rest() == b""


def test_a_half_closed_client_gets_all_its_answers(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        talk.send(get("/user/me", f"Authorization: {shared.token}") + get("/nowhere") + get("/healthz"))
        talk.socket.shutdown(socket.SHUT_WR)
        assert [talk.answer().status for _ in range(3)] == [200, 404, 200]
        assert talk.rest() == b""


def test_a_body_that_ends_too_early(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        talk.send(get("/chat/pull", f"Authorization: {shared.token}", "Content-Length: 10", method="POST") + b"{}")
        talk.socket.shutdown(socket.SHUT_WR)
        answer = talk.answer()
        assert (answer.status, answer.json()["status"]) == (400, "failure")
        assert talk.rest() == b""
    assert shared.server.healthy()


# Bodies that differ from those of the known head


def test_hostile_bodies_on_a_known_head_get_the_errors_of_a_fresh_one(shared: Shared) -> None:
    auth = f"Authorization: {shared.token}"
    bodies = [
        b"",
        b"[]",
        b"nonsense",
        b'{"public"',
        b'{"public": true}',
        b'{"public": NaN}',
        b'{"public": "yesterday"}',
        b'{"public": -1e999}',
        b'{"\\u0000": ""}',
        b'{"\\ud800": ""}',
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b"[" * 5000,
        b'{"public": {"timestamp": {}}}',
        b'{"public": 99999999999999999999999999}',
        json.dumps({f"r{n}": "" for n in range(6000)}).encode(),
    ]
    for body in bodies:
        with Talk(shared.server) as talk:
            fresh = talk.ask(post("/chat/pull?timeout=0", body, auth))
        with Talk(shared.server) as talk:
            fill = b'{"public": ""}'.ljust(len(body)) if len(body) >= 14 else b"{}".ljust(len(body)) if body else b""
            for _ in range(2):  # of the same length: the same head
                if len(body) != 1:
                    assert talk.ask(post("/chat/pull?timeout=0", fill, auth)).status == 200
            known = talk.ask(post("/chat/pull?timeout=0", body, auth))
            assert (known.status, known.body) == (fresh.status, fresh.body), body[:60]
            assert talk.ask(post("/chat/pull?timeout=0", fill, auth)).status == 200
