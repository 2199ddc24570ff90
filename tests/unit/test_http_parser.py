"""The framer, fed by hand: what arrives in which piece must not matter."""

import pytest

from chat.server.http_heads import HEAD_MAX_BYTES, FramingError
from chat.server.http_parser import Framed, Framer
from tests.unit.bodies import AnyBody

HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
MAX_BODY = 1000


def feed(*pieces: bytes) -> Framed | None:
    """Return the result after all pieces."""
    framer = Framer(MAX_BODY, AnyBody())
    framed = None
    for piece in pieces:
        assert framed is None
        framer.buffer += piece
        framed = framer.next()
    return framed


@pytest.mark.parametrize("size", [1, MAX_BODY - 2, MAX_BODY - 1, MAX_BODY])
def test_a_chunk_at_the_limit_with_a_separate_size_line(size: int) -> None:
    framed = feed(HEAD + b"%x\r\n" % size, b"", b"x" * size, b"\r\n", b"0\r\n", b"\r\n")
    assert framed is not None
    assert (framed.body, framed.too_large) == (b"x" * size, False)
    assert framed.length == size


def test_a_long_body_is_asked_for_by_its_head_and_refused_before_it_comes() -> None:
    asked: list[bytes] = []

    class Asked(AnyBody):
        def __init__(self, answer: bool) -> None:
            self.answer = answer

        def takes_long(self, head: bytes) -> bool:
            asked.append(head)
            return self.answer

    for answer, length, is_refused in ((False, 65_537, True), (True, 65_537, False), (False, 65_536, False)):
        framer = Framer(1_000_000, Asked(answer))
        framer.buffer += b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
        framed = framer.next()
        assert (framed is not None and framed.too_large) is is_refused
    assert len(asked) == 2, "of a short body nobody asks"


def test_one_byte_over_the_limit() -> None:
    framed = feed(HEAD + b"%x\r\n" % (MAX_BODY + 1))
    assert framed is not None
    assert (framed.body, framed.too_large) == (b"", True)
    framed = feed(HEAD + b"%x\r\n" % MAX_BODY + b"x" * MAX_BODY + b"\r\n", b"1\r\n")
    assert framed is not None
    assert framed.too_large


def head(size: int) -> bytes:
    """A head with this number of bytes, without the empty line."""
    begun = b"GET / HTTP/1.1\r\nHost: x\r\nX: "
    return begun + b"x" * (size - len(begun))


@pytest.mark.parametrize("last", range(1, 8))
def test_a_head_may_have_40_kib_however_it_arrives(last: int) -> None:
    whole = head(HEAD_MAX_BYTES) + b"\r\n\r\n"
    assert HEAD_MAX_BYTES == 40 * 1024
    framed = feed(whole[:-last], whole[-last:])
    assert framed is not None
    longer = head(HEAD_MAX_BYTES + 1) + b"\r\n\r\n"
    with pytest.raises(FramingError, match="431"):
        feed(longer[:-last], longer[-last:])


@pytest.mark.parametrize("size", [8190, 8191])
@pytest.mark.parametrize("last", range(1, 4))
def test_a_request_line_may_have_8190_bytes_however_it_arrives(size: int, last: int) -> None:
    line = b"GET /" + b"x" * (size - 14) + b" HTTP/1.1"
    pieces = (line + b"\r\n")[:-last], (line + b"\r\n")[-last:] + b"Host: x\r\n\r\n"
    if size == 8190:
        assert feed(*pieces) is not None
    else:
        with pytest.raises(FramingError, match="414"):
            feed(*pieces)


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /\r\n",
        b"GET / HTTP/1\r\n",
        b"GET / http/1.1\r\n",
        b"GET / HTTP/1.1\rH",
        b"\rG",
        b"GET / HTTP/1.1\r\nHost: x\r\r",
        b"GET / HTTP/1.1\r\nX: a\rb",
        b"GET / HTTP/1.1\n",
        b"x\r\n",
    ],
)
def test_what_cannot_become_a_request_is_refused_before_it_is_whole(begun: bytes) -> None:
    with pytest.raises(FramingError, match="400"):
        feed(begun)


def test_a_head_that_arrives_byte_by_byte_is_taken() -> None:
    whole = b"\r\nGET / HTTP/1.1\r\nHost: x\r\nX: a\r\n\r\n"
    assert feed(*(whole[n : n + 1] for n in range(len(whole)))) is not None
