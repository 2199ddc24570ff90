"""Reads request heads: httptools (llhttp) splits the fields; the request line (RFC 9112, 3) is read here, and what
decides where a request ends is checked here.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, NoReturn

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

HEAD_MAX_BYTES = 40 * 1024  # request line and fields, without the empty line: localhost has cookies of many programs
LINE_MAX_BYTES = 8190  # the request line
LENGTH_MAX_DIGITS = 18
MOST_FIELDS = 256
KNOWN_MAX_BYTES = 2048  # of a head that is remembered
MOST_KNOWN = 256
CREDENTIALS_MAX_BYTES = 8190  # tokens have less than 1 KB
HEAD_BOUNDS = "the request line and headers may have 40 KiB together, 256 headers, and 8 KiB of Authorization"

_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP/([0-9])\.([0-9])")
# Methods are upper-case by convention; all registered ones have 3 to 20 characters.
_UNUSUAL_METHOD = re.compile(rb"[a-z#]")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)([/?].*)?", re.IGNORECASE)
_HOST = re.compile(
    rb"(?:\[[0-9A-Za-z:.%_~!$&'()*+,;=-]+\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]*)?"
)
_NON_ASCII = re.compile(rb"[\x80-\xff]")
_BAD_PERCENT = re.compile(rb"[^?]*%(?![0-9A-Fa-f]{2})")  # in the path; browsers send queries unescaped
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Fields in which a client's requests, or clients of one program, differ: names, as nearly all write them, usual values.
_OWN = (
    (b"content-length", b"\r\nContent-Length: ", re.compile(rb"[0-9]{1,%d}" % LENGTH_MAX_DIGITS)),
    (b"authorization", b"\r\nAuthorization: ", re.compile(rb"[\x21-\x7e]+(?: [\x21-\x7e]+)?")),
)
_CODINGS = re.compile(rb"^transfer-encoding:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_FIRST = b"GET / HTTP/1.1\r\n"  # llhttp refuses methods that it does not know, and UTF-8 in paths
_CHECKED = frozenset(
    {
        b"authorization", b"connection", b"content-length", b"content-type", b"expect", b"host", b"transfer-encoding",
    }
)  # fmt: skip

Fields = list[tuple[bytes, bytes]]


class FramingError(Exception):
    """Not a valid request; the connection cannot be used any further."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A parsed request line."""

    method: bytes
    target: bytes  # a path with an optional query, or *
    is_10: bool
    authority: bytes | None  # of an absolute URI, which replaces Host
    line: bytes  # in its usual form: with a path, and a supported version


class Head(NamedTuple):
    """A request without its body. Not a dataclass: that takes four times as long to make, and each request has one."""

    line: RequestLine
    fields: Fields  # names in lower case, values without blanks around them; those of one name in their order
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
    """Read a head, from the request line to the empty line. Raises FramingError.

    Requests mostly differ in their Content-Length and Authorization alone, so the rest of a short head is read only
    once (docs/decisions/0470).
    """
    if len(raw) > KNOWN_MAX_BYTES:
        return read_all(raw)
    rest = raw
    own: Fields = []
    for name, beginning, usual in _OWN:
        before, is_there, after = rest.partition(beginning)
        if not is_there:
            continue
        value, _, after = after.partition(b"\r\n")
        if not usual.fullmatch(value):
            return read_all(raw)
        own.append((name, value))
        rest = b"%b\r\n%b" % (before, after)
    try:
        known, names = _read_known(rest)
    except FramingError:
        return read_all(raw)  # refuses it as a whole, whose reason may be another
    if not own:
        return known
    for name, _ in own:
        if name in names:  # it is repeated
            return read_all(raw)
    fields = known.fields + own
    if len(fields) > MOST_FIELDS:
        return read_all(raw)
    if own[0][0] != b"content-length":
        return known._replace(fields=fields)
    if known.is_chunked:
        return read_all(raw)
    # Made anew, as _replace takes three times as long.
    line, _, _, _, _, expects, closes = known
    return Head(line, fields, int(own[0][1]), has_length=True, is_chunked=False, expects=expects, closes=closes)


@lru_cache(maxsize=MOST_KNOWN)
def _read_known(raw: bytes) -> tuple[Head, frozenset[bytes]]:
    """The head, and the names of its fields."""
    head = read_all(raw)
    return head, frozenset(name for name, _ in head.fields)


def read_all(raw: bytes) -> Head:
    """Read a head without those remembered. Raises FramingError."""
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
        raise FramingError("431 Request Header Fields Too Large", HEAD_BOUNDS)
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


def is_host(value: bytes) -> bool:
    """Whether it is a valid Host: a name or address with an optional port (RFC 3986, 3.2.2). Empty is invalid."""
    return _HOST.fullmatch(value) is not None


def read_request_line(first: bytes) -> RequestLine:
    """Parse the request line. Raises FramingError."""
    read = _LINE.fullmatch(first)
    if read is None:
        raise FramingError("400 Bad Request", "request line")
    method, target, major, minor = read.groups()
    if major != b"1":
        raise FramingError("505 HTTP Version Not Supported", "HTTP/1.1 is spoken here")
    if method == b"CONNECT":
        raise FramingError("501 Not Implemented", "CONNECT")
    if not 3 <= len(method) <= 20 or _UNUSUAL_METHOD.search(method):
        raise FramingError("400 Bad Request", "method")
    # curl sends non-ASCII addresses unescaped.
    target = _NON_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], target)
    authority = None
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        authority, path = absolute[1], absolute[2] or b""
        of_all = b"*" if method == b"OPTIONS" else b"/"
        target = (path if path.startswith(b"/") else b"/" + path) if path else of_all
    is_target = target.startswith(b"/") or (target == b"*" and method == b"OPTIONS")
    if (
        not is_target
        or b"#" in target
        or _BAD_PERCENT.match(target)
        or (authority is not None and not is_host(authority))
    ):
        raise FramingError("400 Bad Request", "request line")
    is_10 = minor == b"0"
    # A later HTTP/1.x is answered as the latest supported version (RFC 9110, 2.5).
    line = b"%b %b HTTP/1.%d" % (method, target, not is_10)
    return RequestLine(method, target, is_10, authority, line)
