"""Requests that two servers could parse differently are refused; the connection closes, and later bytes
are never read.
"""

import json

import pytest

from tests.raw import Talk, get, pull
from tests.server.conftest import Shared

CL = "Content-Length: 5"
TE = "Transfer-Encoding: chunked"
HIDDEN = get("/smuggled")
REFUSED = {400}
UNIMPLEMENTED = {400, 501}

CASES: dict[str, tuple[list[str], set[int]]] = {
    "length and chunked": ([CL, TE], REFUSED),
    "chunked and length": ([TE, CL], REFUSED),
    "length 0 and chunked": (["Content-Length: 0", TE], REFUSED),
    "two lengths": ([CL, "Content-Length: 6"], REFUSED),
    "two equal lengths": ([CL, CL], REFUSED),
    "two lengths, names in different case": ([CL, "content-length: 0"], REFUSED),
    "length in a list": (["Content-Length: 5,5"], REFUSED),
    "length in a list with a space": (["Content-Length: 5, 5"], REFUSED),
    "length +5": (["Content-Length: +5"], REFUSED),
    "length 0x5": (["Content-Length: 0x5"], REFUSED),
    "length 5 5": (["Content-Length:  5 5"], REFUSED),
    "length 1_0": (["Content-Length: 1_0"], REFUSED),
    "length 5.0": (["Content-Length: 5.0"], REFUSED),
    "length 5;": (["Content-Length: 5;"], REFUSED),
    "length -1": (["Content-Length: -1"], REFUSED),
    "length -0": (["Content-Length: -0"], REFUSED),
    "length empty": (["Content-Length:"], REFUSED),
    "length blank": (["Content-Length:   "], REFUSED),
    "length of superscripts": (["Content-Length: \xb2"], REFUSED),
    "length of huge digits": (["Content-Length: " + "9" * 40], {400, 413}),
    "length of thousands of digits": (["Content-Length: " + "9" * 5000], {400, 413}),
    "length with a space before the colon": (["Content-Length : 5"], REFUSED),
    "length with a tab before the colon": (["Content-Length\t: 5"], REFUSED),
    "length with a leading space": ([" Content-Length: 5"], REFUSED),
    "length after a vertical tab": (["Content-Length:\x0b5"], REFUSED),
    "xchunked": (["Transfer-Encoding: xchunked"], UNIMPLEMENTED),
    "chunked, identity": (["Transfer-Encoding: chunked, identity"], UNIMPLEMENTED),
    "identity": (["Transfer-Encoding: identity"], UNIMPLEMENTED),
    "identity and length": (["Transfer-Encoding: identity", CL], UNIMPLEMENTED),
    "gzip, chunked": (["Transfer-Encoding: gzip, chunked"], UNIMPLEMENTED),
    "chunked, chunked": (["Transfer-Encoding: chunked, chunked"], UNIMPLEMENTED),
    "coding empty": (["Transfer-Encoding:"], UNIMPLEMENTED),
    "coding empty and length": (["Transfer-Encoding:", CL], UNIMPLEMENTED),
    "coding quoted": (['Transfer-Encoding: "chunked"'], UNIMPLEMENTED),
    "coding with a parameter": (["Transfer-Encoding: chunked;a=b"], UNIMPLEMENTED),
    "coding after a comma": (["Transfer-Encoding: ,chunked"], UNIMPLEMENTED),
    "two codings": ([TE, TE], UNIMPLEMENTED),
    "two codings, the second unknown": ([TE, "Transfer-Encoding: x"], UNIMPLEMENTED),
    "coding in a folded line": (["X: 1", " Transfer-Encoding: chunked"], REFUSED),
    "coding with a leading space": ([" Transfer-Encoding: chunked"], REFUSED),
    "coding with a space before the colon": (["Transfer-Encoding : chunked"], REFUSED),
    "coding with a tab before the colon": (["Transfer-Encoding\t: chunked"], REFUSED),
    "coding after a vertical tab": (["Transfer-Encoding:\x0bchunked"], UNIMPLEMENTED),
    "coding before a vertical tab": (["Transfer-Encoding: chunked\x0b"], UNIMPLEMENTED),
    "coding after a carriage return": (["Transfer-Encoding:\rchunked"], UNIMPLEMENTED),
    "coding with a no-break space": (["Transfer-Encoding: chunked\xa0"], UNIMPLEMENTED),
    "coding folded": (["Transfer-Encoding:", " chunked"], UNIMPLEMENTED),
    "coding hidden by a bare line feed": (["X: 1\nTransfer-Encoding: chunked"], REFUSED),
    "coding hidden by a bare carriage return": (["X: 1\rTransfer-Encoding: chunked"], REFUSED),
    "coding hidden by a NUL": (["X: 1\0", CL], REFUSED),
    "name with a NUL": (["Content-Length\0: 5"], REFUSED),
    "bare carriage return at a line's end": (["X: 1\r", CL], REFUSED),
    "folded header": (["X: 1", " 2", CL], REFUSED),
    "folded with a tab": (["X: 1", "\t2", CL], REFUSED),
    "line without a colon": (["nonsense", CL], REFUSED),
    "header without a name": ([": 1", CL], REFUSED),
    "name in parentheses": (["(X): 1", CL], REFUSED),
    "name beyond ASCII": (["Tran\xdffer-Encoding: chunked", CL], REFUSED),
}


@pytest.mark.parametrize("known", [False, True], ids=["fresh", "known"])
@pytest.mark.parametrize(("lines", "statuses"), CASES.values(), ids=CASES.keys())
def test_a_twisted_head(shared: Shared, lines: list[str], statuses: set[int], known: bool) -> None:
    auth = f"Authorization: {shared.token}"
    head = "\r\n".join(["POST /chat/pull?timeout=0 HTTP/1.1", "Host: localhost", auth, *lines, "", ""])
    refused(shared, head.encode("latin-1") + b"0\r\n\r\n" + HIDDEN, statuses, known)


WHOLE: dict[str, tuple[bytes, set[int]]] = {
    "bare line feeds": (b"POST /chat/pull HTTP/1.1\nHost: x\nContent-Length: 5\n\n0\r\n\r\n", REFUSED),
    "bare line feed after the request line": (b"POST /chat/pull HTTP/1.1\nHost: x\r\n\r\n", REFUSED),
    "bare line feed at the head's end": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\n", REFUSED),
    "bare line feed before the request": (b"\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", REFUSED),
    "chunked with HTTP/1.0": (
        b"POST /chat/pull HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        UNIMPLEMENTED,
    ),
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", REFUSED),
    "HTTP/2.0": (b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", {400, 505}),
    "HTTP/1.10": (b"GET /healthz HTTP/1.10\r\nHost: x\r\n\r\n", {400, 505}),
    "chunked with HTTP/1.1 in small letters": (
        b"POST /chat/pull http/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        {400, 505},
    ),
    "two spaces in the request line": (b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n", REFUSED),
    "a space in the address": (b"GET /health z HTTP/1.1\r\nHost: x\r\n\r\n", REFUSED),
    "a space at the request line's end": (b"GET /healthz HTTP/1.1 \r\nHost: x\r\n\r\n", REFUSED),
    "a carriage return in the request line": (b"GET /healthz\rHTTP/1.1\r\nHost: x\r\n\r\n", REFUSED),
    "a NUL in the request line": (b"GET /health\0z HTTP/1.1\r\nHost: x\r\n\r\n", REFUSED),
    "a space before the first header": (b"GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n", REFUSED),
    "two hosts": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", REFUSED),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", REFUSED),
}


@pytest.mark.parametrize("known", [False, True], ids=["fresh", "known"])
@pytest.mark.parametrize(("data", "statuses"), WHOLE.values(), ids=WHOLE.keys())
def test_a_twisted_request(shared: Shared, data: bytes, statuses: set[int], known: bool) -> None:
    refused(shared, data + HIDDEN, statuses, known)


@pytest.mark.parametrize(
    "twist", [b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"X : y\r\n", b" x\r\n"]
)
def test_a_known_head_with_a_line_more(shared: Shared, twist: bytes) -> None:
    data = pull(shared.token, {"public": ""})
    with Talk(shared.server, timeout=5) as talk:
        for _ in range(3):
            assert talk.ask(data).status == 200
        head, _, body = data.partition(b"\r\n\r\n")
        answered_once(talk, head + b"\r\n" + twist + b"\r\n" + body + HIDDEN, REFUSED)
    assert shared.server.healthy()


def test_a_twist_behind_a_held_pull(shared: Shared) -> None:
    """A request pipelined behind a held pull is parsed when its turn comes."""
    twisted = b"POST /chat/pull HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with Talk(shared.server) as talk:
        for _ in range(2):
            assert talk.ask(pull(shared.token, {"public": ""}, timeout=0.1)).status == 200
        talk.send(pull(shared.token, {"public": ""}, timeout=0.1) + twisted + HIDDEN)
        assert talk.answer().json()["public"] == []
        answered_once(talk, b"", REFUSED)


def test_bytes_after_a_body_are_the_next_request(shared: Shared) -> None:
    """Neither lost nor taken for a part of the body."""
    data = pull(shared.token, {"room x": ""})
    with Talk(shared.server) as talk:
        for _ in range(3):
            talk.send(data + get("/nowhere"))
            assert "room x" in talk.answer().json()["feedback"]
            assert talk.answer().status == 404


def refused(shared: Shared, data: bytes, statuses: set[int], known: bool) -> None:
    with Talk(shared.server, timeout=5) as talk:
        if known:
            for _ in range(2):
                assert talk.ask(pull(shared.token, {"public": ""})).status == 200
        answered_once(talk, data, statuses)
    assert shared.server.healthy()


def answered_once(talk: Talk, data: bytes, statuses: set[int]) -> None:
    """One refusal in JSON, then the end."""
    talk.send(data)
    head, _, body = talk.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1."), head
    assert int(head.split()[1]) in statuses, head
    assert b"application/json" in head.lower()
    assert json.loads(body)["status"] == "failure"
