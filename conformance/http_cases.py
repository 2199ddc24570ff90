"""Requirements of RFC 9110, 9112, 9113, 6265, 6455 and 6585 for HTTP servers, as bytes and expected answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

HOST = "Host: localhost"
STYLE = "/static/css/base.css"


@dataclass(frozen=True)
class World:
    """The data on the tested server."""

    cookie: str  # a name and a value
    user: str  # the user of the token
    picture: str  # a path; its picture has more than 100 bytes
    size: int  # of the picture
    etag: str  # of the picture
    style: str  # the path of a file of /static
    style_size: int
    modified: str  # the Last-Modified of that

    @property
    def token(self) -> str:
        return self.cookie.partition("=")[2]


@dataclass(frozen=True)
class Case:
    """Bytes to send, the statuses that answer them, and requirements for the last answer."""

    section: str
    about: str
    send: bytes
    statuses: tuple[int, ...]
    closes: bool = False  # the server ends the connection behind the last answer
    headers: Mapping[str, str | None] = field(default_factory=dict)  # as they must be; None: may not be there
    body: bytes | None = None  # a part of it
    bodiless: bool = False  # all are answers to HEAD
    early: bytes = b""  # sent first, and answered by the first status before the rest is sent


def raw(first: str, *lines: str, rest: bytes = b"") -> bytes:
    """A request from its very lines."""
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1") + rest


def refused(section: str, about: str, send: bytes, status: int = 400, **more: object) -> Case:
    return Case(section, about, send, (status,), closes=True, **more)  # type: ignore[arg-type]
