"""Where a request begins and ends: HTTP/1.1 and 1.0 as they may be spoken, bodies in one piece and in chunks."""

import json
import random
import socket
import time

import pytest

from tests.raw import BODY_MAX, Talk, chunked, get, post, pull
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


# Expect


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


# Chunks

LONG = b'{"room ' + b"x" * 50 + b'":' + b" " * 70_000 + b'""}'
GOOD_CHUNKS = {
    "one": b'D\r\n{"room x": ""}\r\n0\r\n\r\n'.replace(b"D", b"e"),
    "upper case, zeros": b'000E\r\n{"room x": ""}\r\n000\r\n\r\n',
    "two": b'6\r\n{"room\r\n8\r\n x": ""}\r\n0\r\n\r\n',
    "each byte": b"".join(b"1\r\n%c\r\n" % byte for byte in b'{"room x": ""}') + b"0\r\n\r\n",
    "line end inside": b'10\r\n{"room x":\r\n ""}\r\n0\r\n\r\n',
    "extensions": b'e;a;b=c;d="e f"\r\n{"room x": ""}\r\n0;last\r\n\r\n',
    "trailers": b'e\r\n{"room x": ""}\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n',
    "long": b"%x\r\n%s\r\n0\r\n\r\n" % (len(LONG), LONG),
}


@pytest.mark.parametrize("body", GOOD_CHUNKS.values(), ids=GOOD_CHUNKS.keys())
def test_chunks(shared: Shared, body: bytes) -> None:
    head = chunked("/chat/pull?timeout=0", f"Authorization: {shared.token}")
    with Talk(shared.server) as talk:
        for _ in range(3):
            assert "room x" in talk.ask(head + body).json()["feedback"]
        talk.send((head + body) * 3 + get("/healthz"))
        for _ in range(3):
            assert "room x" in talk.answer().json()["feedback"]
        assert talk.answer().status == 200


def test_chunks_split_at_every_byte(shared: Shared) -> None:
    head = chunked("/chat/pull?timeout=0", f"Authorization: {shared.token}")
    body = b'6;a=b\r\n{"room\r\n8\r\n x": ""}\r\n0\r\nX-Sum: 1\r\n\r\n'
    with Talk(shared.server) as talk:
        for cut in range(len(body) + 1):
            talk.send(head + body[:cut])
            time.sleep(0.002)
            talk.send(body[cut:])
            assert "room x" in talk.answer().json()["feedback"], body[:cut]
        for byte in head + body:
            talk.send(bytes([byte]))
            time.sleep(0.0005)
        assert "room x" in talk.answer().json()["feedback"]


def test_a_chunked_pull_can_be_held(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        for _ in range(3):
            head = chunked("/chat/pull?timeout=0.2", f"Authorization: {shared.token}")
            assert talk.ask(head + b'e\r\n{"public": ""}\r\n0\r\n\r\n').json()["public"] == []


def test_a_trailer_is_no_header(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        body = b"0\r\nAuthorization: %s\r\n\r\n" % shared.token.encode()
        assert talk.ask(chunked("/chat/pull?timeout=0") + body).status in {400, 401}


BAD_CHUNKS = {
    "size is no number": b"zz\r\n{}\r\n0\r\n\r\n",
    "size is empty": b"\r\n{}\r\n0\r\n\r\n",
    "size is empty, with an extension": b";a=b\r\n{}\r\n0\r\n\r\n",
    "hexadecimal prefix": b"0x2\r\n{}\r\n0\r\n\r\n",
    "underscore": b"0_2\r\n{}\r\n0\r\n\r\n",
    "plus": b"+2\r\n{}\r\n0\r\n\r\n",
    "negative": b"-2\r\n{}\r\n0\r\n\r\n",
    "space first": b" 2\r\n{}\r\n0\r\n\r\n",
    "no line end after the data": b"2\r\n{}0\r\n\r\n",
    "data longer than its size": b"1\r\n{}\r\n0\r\n\r\n",
    "bare line feeds": b"2\n{}\n0\n\n",
    "bare line feed after the size": b"2\n{}\r\n0\r\n\r\n",
    "bare line feed after the data": b"2\r\n{}\n0\r\n\r\n",
    "bare carriage return in an extension": b"2;a\rb\r\n{}\r\n0\r\n\r\n",
    "line feed in an extension": b"2;a\nb\r\n{}\r\n0\r\n\r\n",
    "NUL in an extension": b"2;a\0b\r\n{}\r\n0\r\n\r\n",
    "overlong size": b"0" * 20_000 + b"2\r\n{}\r\n0\r\n\r\n",
    "endless size": b"0" * 20_000,
    "overlong extension": b"2;" + b"a" * 20_000 + b"\r\n{}\r\n0\r\n\r\n",
    "endless extension": b"2;" + b"a" * 20_000,
    "bare line feed in a trailer": b"2\r\n{}\r\n0\r\nX: 1\nY: 2\r\n\r\n",
    "folded trailer": b"2\r\n{}\r\n0\r\nX: 1\r\n 2\r\n\r\n",
    "trailer without a name": b"2\r\n{}\r\n0\r\n: 1\r\n\r\n",
}


@pytest.mark.parametrize("known", [False, True], ids=["fresh", "known"])
@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_bad_chunks(shared: Shared, body: bytes, known: bool) -> None:
    head = chunked("/chat/pull?timeout=0", f"Authorization: {shared.token}")
    with Talk(shared.server, timeout=5) as talk:
        if known:
            for _ in range(2):
                assert talk.ask(head + b'e\r\n{"public": ""}\r\n0\r\n\r\n').status == 200
        tail = b"" if len(body) >= 20_000 else get("/smuggled")
        answer = talk.ask(head + body + tail)
        assert (answer.status, answer.json()["status"]) == (400, "failure")
        assert talk.rest() == b""
    assert shared.server.healthy()


def test_endless_trailers(shared: Shared) -> None:
    with Talk(shared.server, timeout=5) as talk:
        talk.send(chunked("/chat/pull?timeout=0", f"Authorization: {shared.token}") + b"2\r\n{}\r\n0\r\n")
        try:
            for n in range(20_000):
                talk.send(b"X-%d: %s\r\n" % (n, b"x" * 50))
        except (BrokenPipeError, ConnectionResetError):
            pass
        else:
            assert talk.answer().status in {400, 431}
    assert shared.server.healthy()


# How much


def test_a_body_of_just_the_limit(shared: Shared) -> None:
    auth = f"Authorization: {shared.token}"
    blank = b" " * BODY_MAX
    with Talk(shared.server, timeout=30) as talk:
        for _ in range(2):
            assert talk.ask(post("/chat/pull?timeout=0", blank, auth)).status == 200
        halves = b"%x\r\n%s\r\n" % (BODY_MAX // 2, blank[: BODY_MAX // 2])
        assert talk.ask(chunked("/chat/pull?timeout=0", auth) + halves * 2 + b"0\r\n\r\n").status == 200
        assert talk.ask(get("/healthz")).status == 200


@pytest.mark.parametrize("known", [False, True], ids=["fresh", "known"])
@pytest.mark.parametrize("form", ["Content-Length", "chunks", "one chunk", "a huge chunk"])
def test_a_body_over_the_limit(shared: Shared, form: str, known: bool) -> None:
    auth = f"Authorization: {shared.token}"
    with Talk(shared.server) as talk:
        if known:
            for _ in range(2):
                if form == "Content-Length":
                    assert talk.ask(post("/chat/pull", b"", auth)).status == 200
                else:
                    assert talk.ask(chunked("/chat/pull", auth) + b"0\r\n\r\n").status == 200
        # The client reads nothing before it has sent everything.
        if form == "Content-Length":
            talk.send(get("/chat/pull", auth, f"Content-Length: {BODY_MAX + 1}", method="POST"))
            for _ in range(BODY_MAX // 65536):
                talk.send(b" " * 65536)
            talk.send(b" ")
        else:
            talk.send(chunked("/chat/pull", auth))
            if form == "chunks":
                for _ in range(BODY_MAX // 65536 + 1):
                    talk.send(b"10000\r\n" + b" " * 65536 + b"\r\n")
                talk.send(b"0\r\n\r\n")
            elif form == "one chunk":
                talk.send(b"%x\r\n" % (BODY_MAX + 1) + b" " * (BODY_MAX + 1) + b"\r\n0\r\n\r\n")
            else:
                talk.send(b"fffffffffffffff\r\n" + b" " * 65536)
        answer = talk.answer()
        assert (answer.status, answer.json()["status"]) == (413, "failure")
        assert talk.rest() == b""
    assert shared.server.healthy()


def test_a_client_that_goes_on_sending_can_read_its_413(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        auth = f"Authorization: {shared.token}"
        talk.send(get("/chat/send", auth, f"Content-Length: {4 * BODY_MAX}", method="POST"))
        for _ in range(4 * BODY_MAX // 65536):
            talk.send(b"x" * 65536)
        answer = talk.answer()
        assert (answer.status, answer.json()["status"]) == (413, "failure")
        assert talk.rest() == b""


def test_cookies_of_many_programs_on_one_host_are_one_jar(shared: Shared) -> None:
    others = [f"Cookie: other{number}={'x' * 980}" for number in range(30)]
    with Talk(shared.server) as talk:
        session = f"Cookie: theme=dark; commonroom_session={shared.token}"
        assert talk.ask(get("/user/me", *others[:15], session, *others[15:])).json()["status"] == "success"
        assert talk.ask(get("/user/me", *others)).status == 401


OVERSIZED = {
    "request line": (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414, 431}),
    "endless request line": (b"GET /" + b"x" * 80_000, {414, 431}),
    "one header": (get("/healthz", "X: " + "x" * 70_000), {431}),
    "endless header": (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 80_000, {431}),
    "many headers": (get("/healthz", *[f"X-{n}: {'x' * 100}" for n in range(90)] * 8), {431}),
    "endless headers": (b"GET /healthz HTTP/1.1\r\n" + b"X: xxxxxxxxxxxxxx\r\n" * 5000, {431}),
    "short headers, but many": (get("/healthz", *["X: y"] * 2000), {431}),
}


@pytest.mark.parametrize("known", [False, True], ids=["fresh", "known"])
@pytest.mark.parametrize(("data", "statuses"), OVERSIZED.values(), ids=OVERSIZED.keys())
def test_oversized_heads(shared: Shared, data: bytes, statuses: set[int], known: bool) -> None:
    with Talk(shared.server, timeout=5) as talk:
        if known:
            for _ in range(2):
                assert talk.ask(pull(shared.token, {"public": ""})).status == 200
        answer = talk.ask(data)
        assert answer.status in statuses
        assert answer.json()["status"] == "failure"
        assert talk.rest() == b""
    assert shared.server.healthy()


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
