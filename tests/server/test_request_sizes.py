"""Heads and bodies of any size, up to the limits and beyond."""

import pytest

from tests.raw import BODY_MAX, Talk, chunked, get, post, pull
from tests.server.conftest import Shared


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
