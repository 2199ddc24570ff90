"""What a request's head says of where the request ends, read strictly; and what the heads of many have in common."""

import re
from dataclasses import dataclass
from functools import lru_cache

LINE_MAX_BYTES = 8190  # the request line
LENGTH_MAX_DIGITS = 18
MOST_SHAPES = 1024  # remembered; those used least go
SHAPE_MAX_BYTES = 2048

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NON_ASCII = re.compile(rb"[\x80-\xff]")
_VARYING = re.compile(
    rb"\r\n(Content-Length|Authorization|Cookie): *([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)(?=\r\n)", re.IGNORECASE
)
_NAMED = re.compile(rb"\r\n(?:Content-Length|Authorization|Cookie)[ \t]*:", re.IGNORECASE)
_ENVIRON_KEYS = {b"content-length": "CONTENT_LENGTH", b"authorization": "HTTP_AUTHORIZATION", b"cookie": "HTTP_COOKIE"}


class FramingError(Exception):
    """Not a request that we read; the connection is of no more use."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Shape:
    """A head without what differs from one person, or one request, to the next.

    What was read out of one head holds for all of the same shape, but for these values.
    """

    head: bytes  # with 0 for each of the values
    values: dict[str, str]  # visible ASCII, by their names in WSGI's environ


@dataclass(frozen=True, slots=True)
class Head:
    """What a head says of its request's end."""

    cleaned: bytes  # as it is handed to the parser
    length: int  # of the body, in bytes, if it is not chunked
    is_chunked: bool
    expects: bool  # 100-continue


def read(raw: bytes) -> tuple[Head, Shape | None]:
    """What the head says, and its shape if it is short and handed on as it came; the Head is the shape's, then.

    raw: from the request line to the empty line. Raises FramingError.
    """
    shape = _shaped(raw) if len(raw) <= SHAPE_MAX_BYTES else None
    if shape is not None:
        head = _read_shape(shape.head)
        if head.cleaned == shape.head:
            return head, Shape(head.cleaned, shape.values)  # the object that all share
    return _read(raw), None


def _shaped(raw: bytes) -> Shape | None:
    """None where one of the values comes twice, or is written in an odd way, or is a length that is none."""
    pieces = _VARYING.split(raw)
    names, values = pieces[1::3], pieces[2::3]
    found = {_ENVIRON_KEYS[name.lower()]: value.decode() for name, value in zip(names, values, strict=True)}
    length = found.get("CONTENT_LENGTH", "0")
    if (
        not len(found) == len(names) == len(_NAMED.findall(raw))
        or not length.isdigit()
        or len(length) > LENGTH_MAX_DIGITS
    ):
        return None
    for number, name in enumerate(names):
        pieces[1 + 3 * number], pieces[2 + 3 * number] = b"\r\n%b: " % name, b"0"
    return Shape(b"".join(pieces), found)


def _read(raw: bytes) -> Head:
    head = raw[:-4]
    first, *lines = head.split(b"\r\n")
    if b"\n" in head.replace(b"\r\n", b"") or b"\r" in head.replace(b"\r\n", b"") or b"\0" in head:
        raise FramingError("400 Bad Request", "line ends")
    if len(first) > LINE_MAX_BYTES:
        raise FramingError("414 URI Too Long", "request line")
    lengths, codings, expects = [], [], False
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.fullmatch(name):
            raise FramingError("400 Bad Request", "header")
        match name.lower():
            case b"content-length":
                lengths.append(value.strip(b" \t"))
            case b"transfer-encoding":
                codings.append(value.strip(b" \t").lower())
            case b"expect":
                expects = value.strip().lower() == b"100-continue"
    # curl sends Chinese in an address as it is typed.
    first = _NON_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], first)
    is_10 = first.endswith(b"HTTP/1.0")
    length = _body_length(lengths, codings, is_10=is_10)
    if codings:  # it is handed on decoded
        lines = [line for line in lines if not line.lower().startswith(b"transfer-encoding:")]
    cleaned = b"\r\n".join([first, *lines, b"", b""])
    return Head(cleaned, length, bool(codings), expects and not is_10)


_read_shape = lru_cache(maxsize=MOST_SHAPES)(_read)


def _body_length(lengths: list[bytes], codings: list[bytes], *, is_10: bool) -> int:
    if codings and (lengths or is_10 or codings != [b"chunked"]):
        raise FramingError("400 Bad Request", "Transfer-Encoding")
    if not lengths:
        return 0
    if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > LENGTH_MAX_DIGITS:
        raise FramingError("400 Bad Request", "Content-Length")
    return int(lengths[0])
