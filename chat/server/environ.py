"""Builds the WSGI environ of a request (PEP 3333)."""

import sys
from functools import lru_cache
from io import BytesIO, RawIOBase
from typing import Any
from urllib.parse import unquote_to_bytes

from chat.server.http_heads import Head
from chat.server.http_parser import Framed
from chat.server.ports import BodyNotReceived

_OMITTED = (b"transfer-encoding", b"content-length")  # the body is decoded, and its length is Framed.length


class _NotReceived(BytesIO):
    """The body of a request that is too large, or not awaited."""

    def read(self, _size: int | None = -1) -> bytes:
        raise BodyNotReceived


class _Long(RawIOBase):
    """A long or chunked body: not copied before it is read."""

    def __init__(self, body: bytes | bytearray) -> None:
        self._left = memoryview(body)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _input_of(framed: Framed) -> BytesIO | RawIOBase:
    if framed.too_large or framed.coming:
        return _NotReceived()
    return _Long(framed.body) if isinstance(framed.body, bytearray) else BytesIO(framed.body)


def environ_of(framed: Framed, head: Head, peer: Any, local: Any, scheme: str) -> dict[str, Any]:
    """Return the environ. Fields with a _ are left out, as they could pass for others."""
    line = head.line
    path, _, query = line.target.decode("latin-1").partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": line.method.decode("latin-1"),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1") if "%" in path else path,
        "QUERY_STRING": query,
        "RAW_URI": line.target.decode("latin-1"),
        "SERVER_PROTOCOL": "HTTP/1.0" if line.is_10 else "HTTP/1.1",
        "SERVER_NAME": local[0],
        "SERVER_PORT": str(local[1]),
        "REMOTE_ADDR": peer[0],
        "REMOTE_PORT": str(peer[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": _input_of(framed),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if framed.length is not None:
        environ["CONTENT_LENGTH"] = str(framed.length)
    for name, value in head.fields:
        key = _key(name)
        if key is None:
            continue
        text = value.decode("latin-1")
        environ[key] = _joined(name, environ[key], text) if key in environ else text
    if line.authority is not None:  # RFC 9112, 3.2.2
        environ["HTTP_HOST"] = line.authority.decode("latin-1")
    upgrade = environ.get("HTTP_UPGRADE", "")
    if "," in upgrade and "websocket" in (each.strip().lower() for each in upgrade.split(",")):
        environ["HTTP_UPGRADE"] = "websocket"  # werkzeug compares it as a whole
    return environ


def _joined(name: bytes, before: str, value: str) -> str:
    if name == b"cookie":  # one cookie string (RFC 9113, 8.2.3)
        return "; ".join(each for each in (before, value) if each)
    return f"{before},{value}"


@lru_cache(maxsize=256)
def _key(name: bytes) -> str | None:
    """Return the environ's name of a field; None: it is left out."""
    if b"_" in name or name in _OMITTED:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key == "CONTENT_TYPE" else f"HTTP_{key}"
