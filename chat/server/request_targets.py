"""The request line: method, target and version (RFC 9112, 3), and valid values of Host."""

import re
from dataclasses import dataclass

_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP/([0-9])\.([0-9])")
# Methods are upper-case by convention; all registered ones have 3 to 20 characters.
_UNUSUAL_METHOD = re.compile(rb"[a-z#]")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)([/?].*)?", re.IGNORECASE)
_HOST = re.compile(
    rb"(?:\[[0-9A-Za-z:.%_~!$&'()*+,;=-]+\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]*)?"
)
_NON_ASCII = re.compile(rb"[\x80-\xff]")
_BAD_PERCENT = re.compile(rb"[^?]*%(?![0-9A-Fa-f]{2})")  # in the path; browsers send queries unescaped


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

    @property
    def line(self) -> bytes:
        """The line in its usual form: with a path, and a supported version."""
        return b"%b %b HTTP/1.%d" % (self.method, self.target, not self.is_10)


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
    return RequestLine(method, target, is_10, authority)
