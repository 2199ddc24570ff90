"""The framer, fed by hand: what arrives in which piece must not matter."""

import pytest

from chat.server.http_parser import Framed, Framer

HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
MAX_BODY = 1000


def feed(*pieces: bytes) -> Framed | None:
    """Return the result after all pieces."""
    framer = Framer(MAX_BODY)
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
    for answer, length, is_refused in ((False, 65_537, True), (True, 65_537, False), (False, 65_536, False)):

        def takes_long(head: bytes, answer: bool = answer) -> bool:
            asked.append(head)
            return answer

        framer = Framer(1_000_000, takes_long)
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
