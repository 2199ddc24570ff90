"""Framing, control frames, fragments, bad UTF-8 and closing, as raw bytes to a real server (after Autobahn's cases)."""

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest

from tests.raw import Talk, get, token_of
from tests.real_server import Server
from tests.server.conftest import SOCKETS, Shared
from tests.server.websocket import BINARY, CLOSE, HANDSHAKE, KEY, PING, PONG, TEXT, Socket, close, frame
from tests.unit.test_websocket_frames import BAD


@pytest.fixture(scope="module")
def live(serve: Callable[..., Server]) -> Shared:
    # a connection and a few frames a test: more than a person does
    server = serve(app=SOCKETS, CHAT_REQUESTS_PER_SECOND="100000")
    return Shared(server, token_of(server, "alice"))


@pytest.fixture
def ws(live: Shared) -> Iterator[Socket]:
    with Socket(live.server, live.token) as opened:
        yield opened


def echo(what: object) -> bytes:
    return json.dumps({"echo": what}).encode()


@pytest.mark.parametrize("name", BAD)
def test_broken_framing_closes_with_its_code(ws: Socket, name: str) -> None:
    data, code = BAD[name]
    ws.send(frame(TEXT, echo("before")) + data)
    assert ws.until_close() == ([{"echo": "before"}], code)
    began = time.monotonic()
    assert ws.rest() == b""
    assert time.monotonic() - began < 1, "it hangs up at once"


def test_the_client_may_go_on_sending_into_a_fault(ws: Socket) -> None:
    """And still read why: nothing is reset under it."""
    ws.send(frame(TEXT, b"x", mask=None))
    for _ in range(20):
        ws.send(bytes(10_000))
    assert ws.until_close()[1] == 1002


def test_too_large_is_refused_before_it_is_here(ws: Socket) -> None:
    ws.send(b"\x81\xff" + struct.pack("!Q", 1 << 40))
    assert ws.until_close()[1] == 1009


def test_the_largest_frame_comes_back_whole(ws: Socket) -> None:
    text = "x" * (256 * 1024 - 12)
    ws.send(frame(TEXT, echo(text)))
    assert ws.json() == {"echo": text}


def test_byte_by_byte(ws: Socket) -> None:
    for byte in frame(TEXT, echo("聊天")):
        ws.send(bytes([byte]))
    assert ws.json() == {"echo": "聊天"}


def test_many_frames_in_one_packet_are_answered_in_order(ws: Socket) -> None:
    ws.send(b"".join(frame(TEXT, echo(n)) for n in range(200)))
    assert [ws.json()["echo"] for _ in range(200)] == list(range(200))


def test_fragments_with_a_ping_between(ws: Socket) -> None:
    text = json.dumps({"echo": "🙂聊天"}, ensure_ascii=False).encode()
    ws.send(frame(TEXT, text[:11], fin=False) + frame(PING, b"are you there?"))
    got = ws.next()
    assert (got.opcode, got.payload) == (PONG, b"are you there?")
    ws.send(frame(0, b"", fin=False) + frame(0, text[11:14], fin=False) + frame(0, text[14:]))
    assert ws.json() == {"echo": "🙂聊天"}


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(125))])
def test_a_pong_repeats_the_pings_data(ws: Socket, payload: bytes) -> None:
    ws.send(frame(PING, payload))
    got = ws.next()
    assert (got.opcode, got.payload) == (PONG, payload)


def test_a_flood_of_pings_is_answered_whole(ws: Socket) -> None:
    ws.send(b"".join(frame(PING, b"%d" % n) for n in range(2000)) + frame(TEXT, echo("after")))
    seen = []
    while (got := ws.next()).opcode == PONG:
        seen.append(int(got.payload))
    assert seen == list(range(2000))
    assert got.json() == {"echo": "after"}


def test_unasked_pongs_are_nothing(ws: Socket) -> None:
    ws.send(frame(PONG, b"unasked") * 3 + frame(TEXT, echo(1)))
    assert ws.json() == {"echo": 1}


def test_binary_that_is_text_is_taken_and_other_is_an_error(ws: Socket) -> None:
    ws.send(frame(BINARY, echo("binary")) + frame(BINARY, b"\xff\xfe") + frame(TEXT, echo("on")))
    assert [ws.json() for _ in range(3)] == [{"echo": "binary"}, {"error": "BODY_MALFORMED"}, {"echo": "on"}]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"x"', b"\0", b"{" * 10_000, b'{"fail":"FORBIDDEN"}'])
def test_bad_content_in_a_good_frame_closes_nothing(ws: Socket, content: bytes) -> None:
    ws.send(frame(TEXT, content) + frame(TEXT, echo("on")))
    assert "error" in ws.json()
    assert ws.json() == {"echo": "on"}


@pytest.mark.parametrize(
    ("said", "answer"), [(close(1000, "再见".encode()), 1000), (close(4001), 4001), (frame(CLOSE), None)]
)
def test_a_close_frame_is_answered_and_the_server_hangs_up(ws: Socket, said: bytes, answer: int | None) -> None:
    ws.send(said)
    assert ws.until_close() == ([], answer)
    assert ws.rest() == b""


@pytest.mark.parametrize(
    ("said", "code"),
    [(frame(CLOSE, b"\x03"), 1002), (close(1005), 1002), (close(2999), 1002), (close(1000, b"\xff"), 1007)],
)
def test_a_bad_close_frame(ws: Socket, said: bytes, code: int) -> None:
    ws.send(said)
    assert ws.until_close()[1] == code
    assert ws.rest() == b""


def test_messages_before_the_close_frame_are_handled_and_later_ones_not(ws: Socket) -> None:
    ws.send(frame(TEXT, b'{"slow": 0.2}') + frame(TEXT, echo(2)) + close(1000) + frame(TEXT, echo(3)))
    assert ws.until_close() == ([{"begun": None}, {"slow": None}, {"echo": 2}], 1000)
    assert ws.rest() == b""


def test_half_closed_is_answered_and_then_closed(ws: Socket) -> None:
    ws.send(frame(TEXT, b'{"slow": 0.2}') + frame(TEXT, echo("last")))
    ws.socket.shutdown(socket.SHUT_WR)
    assert ws.until_close() == ([{"begun": None}, {"slow": None}, {"echo": "last"}], 1000)
    assert ws.rest() == b""


def test_the_server_says_good_bye_and_waits_for_the_clients(ws: Socket) -> None:
    ws.send(frame(TEXT, b'{"close": 4444}'))
    got, code = ws.until_close()
    assert (got, code) == ([{"last": True}], 4444)
    ws.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        ws.socket.recv(1)
    ws.send(frame(TEXT, echo("ignored")) + close(4444))
    ws.socket.settimeout(2)
    assert ws.rest() == b""


def test_a_missing_close_frame_ends_the_connection_after_a_while(ws: Socket) -> None:
    ws.send(frame(TEXT, b'{"close": 4444}'))
    assert ws.until_close()[1] == 4444
    began = time.monotonic()
    assert ws.rest() == b""
    assert 2 < time.monotonic() - began < 6


def test_frames_behind_the_handshake_in_one_packet(live: Shared) -> None:
    with Socket(live.server, live.token, more=frame(TEXT, echo("early")) * 3) as early:
        assert [early.json() for _ in range(3)] == [{"echo": "early"}] * 3


def test_a_handshake_behind_other_requests_in_one_packet(live: Shared) -> None:
    with Talk(live.server) as talk:
        shake = get("/test/ws", *HANDSHAKE, f"Authorization: {live.token}")
        talk.send(get("/healthz") * 2 + shake + frame(TEXT, echo(1)))
        assert [talk.answer().status for _ in range(2)] == [200, 200]
        assert talk.answer(bodiless=True).status == 101


def handshake(live: Shared, *changed: str, method: str = "GET", version: str = "1.1", path: str = "/test/ws") -> Talk:
    """A connection that has sent a handshake with these headers instead of its own of that name; empty: without."""
    instead = {header.partition(":")[0].lower(): header for header in changed}
    headers = {header.partition(":")[0].lower(): header for header in (*HANDSHAKE, f"Authorization: {live.token}")}
    talk = Talk(live.server)
    kept = [header for header in {**headers, **instead}.values() if header.partition(":")[2].strip()]
    talk.send(get(path, *kept, method=method, version=version))
    return talk


REFUSED = [
    (("Sec-WebSocket-Version:",), {}, 426, "UPGRADE_REQUIRED"),
    (("Sec-WebSocket-Version: 8",), {}, 426, "UPGRADE_REQUIRED"),
    (("Upgrade:",), {}, 426, "UPGRADE_REQUIRED"),
    (("Connection: keep-alive",), {}, 426, "UPGRADE_REQUIRED"),
    (("Sec-WebSocket-Key:",), {}, 400, "HANDSHAKE_INVALID"),
    (("Sec-WebSocket-Key: c2hvcnQ=",), {}, 400, "HANDSHAKE_INVALID"),
    (("Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==",), {}, 400, "HANDSHAKE_INVALID"),
    ((), {"version": "1.0"}, 400, "HANDSHAKE_INVALID"),
    ((), {"method": "POST"}, 405, "METHOD_NOT_ALLOWED"),
    ((), {"path": "/test/counts"}, 400, "HANDSHAKE_INVALID"),
    ((), {"path": "/test/nowhere"}, 404, "PATH_UNKNOWN"),
    (("Authorization:",), {}, 401, "NOT_SIGNED_IN"),
    (("Authorization: nonsense",), {}, 401, "NOT_SIGNED_IN"),
]


@pytest.mark.parametrize(("headers", "how", "status", "error"), REFUSED)
def test_bad_handshakes_are_answered_in_the_envelope(
    live: Shared, headers: tuple[str, ...], how: dict[str, str], status: int, error: str
) -> None:
    with handshake(live, *headers, **how) as talk:
        answer = talk.answer()
        assert (answer.status, answer.json()) == (status, {"error": error})
        if status == 426:
            assert answer.headers["sec-websocket-version"] == "13"
            assert answer.headers["upgrade"] == "websocket"


@pytest.mark.parametrize(
    "headers",
    [
        ("Connection: keep-alive, Upgrade",),
        ("Upgrade: WebSocket", "Connection: upgrade"),
        ("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",),
        ("Origin: https://elsewhere.example",),  # the token is explicit
    ],
)
def test_good_handshakes(live: Shared, headers: tuple[str, ...]) -> None:
    with handshake(live, *headers) as talk:
        answer = talk.answer(bodiless=True)
        assert answer.status == 101
        assert "sec-websocket-extensions" not in answer.headers


def test_the_token_may_be_in_the_query_or_the_cookie(live: Shared) -> None:
    for path in (f"/test/ws?token={live.token}", f"/test/ws?token=Bearer%20{live.token}"):
        with handshake(live, "Authorization:", "Origin: https://elsewhere.example", path=path) as talk:
            assert talk.answer(bodiless=True).status == 101
    cookie = f"Cookie: commonroom_session={live.token}"
    for origin, status in (("http://localhost", 101), ("https://elsewhere.example", 403), ("null", 403)):
        with handshake(live, "Authorization:", cookie, f"Origin: {origin}") as talk:
            assert talk.answer(bodiless=status == 101).status == status
    with handshake(live, "Authorization:", cookie, path="/test/ws?token=wrong") as talk:
        assert talk.answer().status == 401, "where a token is given, it alone decides"


def test_the_handshakes_answer_is_as_the_rfc_says(live: Shared) -> None:
    with Socket(live.server, live.token) as opened:
        assert KEY
        assert opened.handshake.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert opened.handshake.headers["upgrade"].lower() == "websocket"
        assert opened.handshake.headers["connection"].lower() == "upgrade"
