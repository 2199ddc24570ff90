"""Interprets request heads strictly, and normalises them for the cache of parsed heads.

Parts that gunicorn, werkzeug or WSGI would read differently from the RFCs are rewritten: see `_rewritten`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from chat.server.request_targets import FramingError, is_host, read_request_line

LINE_MAX_BYTES = 8190  # the request line
LENGTH_MAX_DIGITS = 18
MOST_FIELDS = 256
CREDENTIALS_MAX_BYTES = 8190  # tokens have less than 1 KB
MOST_SHAPES = 1024  # cached; the least recently used are dropped
SHAPE_MAX_BYTES = 2048

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_READ = (
    b"host", b"content-length", b"transfer-encoding", b"expect", b"cookie", b"connection", b"upgrade", b"authorization",
)  # fmt: skip
_VARYING = re.compile(
    rb"\r\n(Content-Length|Authorization|Cookie): *([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)(?=\r\n)", re.IGNORECASE
)
_NAMED = re.compile(rb"\r\n(?:Content-Length|Authorization|Cookie)[ \t]*:", re.IGNORECASE)
_ENVIRON_KEYS = {b"content-length": "CONTENT_LENGTH", b"authorization": "HTTP_AUTHORIZATION", b"cookie": "HTTP_COOKIE"}


@dataclass(frozen=True, slots=True)
class Shape:
    """A request head with Cookie, Authorization and Content-Length masked; the key of the parse cache.

    The result of parsing one head is valid for all of the same shape, except for these values.
    """

    head: bytes  # with 0 for each of the values
    values: dict[str, str]  # visible ASCII, by WSGI environ name


@dataclass(frozen=True, slots=True)
class Head:
    """Where the request ends, according to its head."""

    cleaned: bytes  # as passed to the parser
    length: int  # of the body, in bytes, unless chunked
    is_chunked: bool
    expects: bool  # 100-continue


def read(raw: bytes) -> tuple[Head, Shape | None]:
    """Interpret the head, and return its shape if it is short and unchanged; in that case the Head belongs to the
    shape.

    `raw`: from the request line to the empty line. Raises FramingError.
    """
    shape = _shaped(raw) if len(raw) <= SHAPE_MAX_BYTES else None
    if shape is not None:
        head = _read_shape(shape.head)
        if head.cleaned == shape.head:
            return head, Shape(head.cleaned, shape.values)  # the instance shared by all
    return _read(raw), None


def _shaped(raw: bytes) -> Shape | None:
    """None if one of the values is repeated, written unusually, or an invalid length."""
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
    found: dict[bytes, list[bytes]] = {name: [] for name in _READ}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.fullmatch(name):
            raise FramingError("400 Bad Request", "header")
        values = found.get(name.lower())
        if values is not None:
            values.append(value.strip(b" \t"))
    asked = read_request_line(first)
    length = _body_length(found[b"content-length"], found[b"transfer-encoding"], is_10=asked.is_10)
    _check_host(found[b"host"], is_10=asked.is_10)
    expects = _expects(found[b"expect"])
    changed = _rewritten(found, asked.authority)
    if changed:
        lines = [line for line in lines if line.partition(b":")[0].lower() not in changed]
        lines += [b"%b: %b" % (name.title(), value) for name, values in changed.items() for value in values]
    if len(lines) > MOST_FIELDS or any(len(value) > CREDENTIALS_MAX_BYTES for value in found[b"authorization"]):
        raise FramingError("431 Request Header Fields Too Large", "headers may have 32 KiB together, and 256 lines")
    cleaned = b"\r\n".join([asked.line, *lines, b"", b""])
    return Head(cleaned, length, bool(found[b"transfer-encoding"]), expects and not asked.is_10)


_read_shape = lru_cache(maxsize=MOST_SHAPES)(_read)


def _body_length(lengths: list[bytes], codings: list[bytes], *, is_10: bool) -> int:
    if codings:
        names = [name.lower() for name in _members(codings)]
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
    expected = {value.lower() for value in _members(values) if value}
    if expected - {b"100-continue"}:
        raise FramingError("417 Expectation Failed", "Expect")
    return bool(expected)


def _rewritten(found: dict[bytes, list[bytes]], authority: bytes | None) -> dict[bytes, list[bytes]]:
    """Return the fields to pass on in another form: lower-case names with their values' lines."""
    changed: dict[bytes, list[bytes]] = {}
    if found[b"transfer-encoding"]:  # it is passed on decoded
        changed[b"transfer-encoding"] = []
    if authority is not None:  # RFC 9112, 3.2.2
        changed[b"host"] = [authority]
    if len(found[b"cookie"]) > 1:  # one cookie string (RFC 9113, 8.2.3); WSGI joins equal fields with commas
        changed[b"cookie"] = [b"; ".join(value for value in found[b"cookie"] if value)]
    options = [option.lower() for option in _members(found[b"connection"]) if option]
    first = next((option for option in (b"close", b"keep-alive") if option in options), None)
    if first is not None and [value.lower() for value in found[b"connection"]] != [first]:
        # gunicorn compares only the first line, as a whole.
        changed[b"connection"] = [first, *(option for option in options if option not in (b"close", b"keep-alive"))]
    upgrades = [upgrade.lower() for upgrade in _members(found[b"upgrade"])]
    if len(upgrades) > 1 and b"websocket" in upgrades:  # werkzeug compares it as a whole
        changed[b"upgrade"] = [b"websocket"]
    return changed


def _members(values: list[bytes]) -> list[bytes]:
    """The members of a list that may span several lines (RFC 9110, 5.6.1)."""
    return [member.strip(b" \t") for value in values for member in value.split(b",")]
