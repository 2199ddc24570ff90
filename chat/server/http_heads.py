"""Reads request heads: httptools (llhttp) splits the fields, and what decides where a request ends is checked here."""

import re
from dataclasses import dataclass
from typing import NoReturn

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from chat.server.request_targets import FramingError, RequestLine, is_host, read_request_line

LINE_MAX_BYTES = 8190  # the request line
LENGTH_MAX_DIGITS = 18
MOST_FIELDS = 256
CREDENTIALS_MAX_BYTES = 8190  # tokens have less than 1 KB

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CODINGS = re.compile(rb"^transfer-encoding:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_FIRST = b"GET / HTTP/1.1\r\n"  # llhttp refuses methods that it does not know, and UTF-8 in paths
_CHECKED = frozenset(
    {
        b"authorization", b"connection", b"content-length", b"content-type", b"expect", b"host", b"transfer-encoding",
    }
)  # fmt: skip

Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body."""

    line: RequestLine
    fields: Fields  # in their order: names in lower case, values without blanks around them
    length: int  # of the body, in bytes, unless chunked
    has_length: bool  # whether the length, or chunks, are announced
    is_chunked: bool
    expects: bool  # 100-continue
    closes: bool  # the client wants no further answer on the connection


class _Split:
    """Called by httptools."""

    __slots__ = ("checked", "fields", "is_complete")

    def __init__(self) -> None:
        self.fields: Fields = []
        self.checked: dict[bytes, list[bytes]] = {}
        self.is_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        name, value = name.lower(), value.strip(b" \t")
        self.fields.append((name, value))
        if name in _CHECKED:
            self.checked.setdefault(name, []).append(value)

    def on_headers_complete(self) -> None:
        self.is_complete = True


def read(raw: bytes) -> Head:
    """Read a head, from the request line to the empty line. Raises FramingError."""
    first, _, lines = raw.partition(b"\r\n")
    if len(first) > LINE_MAX_BYTES:
        raise FramingError("414 URI Too Long", "request line")
    split = _split(lines)
    line = read_request_line(first)
    checked = split.checked
    codings = checked.get(b"transfer-encoding", [])
    length = _body_length(checked.get(b"content-length", []), codings, is_10=line.is_10)
    _check_host(checked.get(b"host", []), is_10=line.is_10)
    if len(checked.get(b"content-type", [])) > 1:
        raise FramingError("400 Bad Request", "Content-Type")
    expects = _expects(checked.get(b"expect", []))
    credentials = checked.get(b"authorization", [])
    if len(split.fields) > MOST_FIELDS or any(len(value) > CREDENTIALS_MAX_BYTES for value in credentials):
        raise FramingError("431 Request Header Fields Too Large", "headers may have 32 KiB together, and 256 lines")
    closes = _closes(checked.get(b"connection", []), is_10=line.is_10)
    return Head(
        line,
        split.fields,
        length,
        has_length=b"content-length" in checked or bool(codings),
        is_chunked=bool(codings),
        expects=expects and not line.is_10,
        closes=closes,
    )


def _split(lines: bytes) -> _Split:
    found = _Split()
    parser = HttpRequestParser(found)
    try:
        parser.feed_data(_FIRST)
        parser.feed_data(lines)
    except HttpParserUpgrade:
        pass
    except HttpParserError:
        if not found.is_complete:  # otherwise about Transfer-Encoding: see _body_length
            _refuse(lines)
    return found


def _refuse(lines: bytes) -> NoReturn:
    """Refuse what llhttp has refused: an unknown coding as such, the rest as malformed. Raises FramingError."""
    codings = [value.strip(b" \t") for value in _CODINGS.findall(lines)]
    if codings and b"content-length" not in lines.lower():
        _body_length([], codings, is_10=False)
    raise FramingError("400 Bad Request", "header") from None


def _body_length(lengths: list[bytes], codings: list[bytes], *, is_10: bool) -> int:
    if codings:
        names = [name.lower() for name in members(codings)]
        is_chunked = names == [b"chunked"] and len(codings) == 1
        if lengths or is_10 or (not is_chunked and (b"" in names or names.count(b"chunked") > 1)):
            raise FramingError("400 Bad Request", "Transfer-Encoding")
        if not is_chunked:  # RFC 9112, 6.1
            is_known = all(TOKEN.fullmatch(name) for name in names)
            raise FramingError("501 Not Implemented" if is_known else "400 Bad Request", "Transfer-Encoding")
    if not lengths:
        return 0
    if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > LENGTH_MAX_DIGITS:
        raise FramingError("400 Bad Request", "Content-Length")
    return int(lengths[0])


def _check_host(hosts: list[bytes], *, is_10: bool) -> None:
    if not (len(hosts) == 1 and is_host(hosts[0])) and not (is_10 and not hosts):  # RFC 9112, 3.2
        raise FramingError("400 Bad Request", "one valid Host header is needed")


def _expects(values: list[bytes]) -> bool:
    """Whether the client waits for a 100. Other expectations are unknown (RFC 9110, 10.1.1)."""
    expected = {value.lower() for value in members(values) if value}
    if expected - {b"100-continue"}:
        raise FramingError("417 Expectation Failed", "Expect")
    return bool(expected)


def _closes(values: list[bytes], *, is_10: bool) -> bool:
    options = {option.lower() for option in members(values)}
    return b"close" in options or (is_10 and b"keep-alive" not in options)


def members(values: list[bytes]) -> list[bytes]:
    """The members of a list that may span several lines (RFC 9110, 5.6.1)."""
    return [member.strip(b" \t") for value in values for member in value.split(b",")]
