"""Last steps of every answer: counted, compressed if it is long JSON (docs/decisions/0075), given common headers."""

import secrets
import struct
import zlib

from flask import Flask, Response, request

from chat import metrics
from chat.http import openapi
from chat.http.context import arrival, this_request
from chat.http.responses import HeldResponse, ReceivingResponse

API_CSP = "default-src 'none'; frame-ancestors 'none'"
_DEFAULTS = {
    "x-content-type-options": ("X-Content-Type-Options", "nosniff"),
    "content-security-policy": ("Content-Security-Policy", API_CSP),
    "x-frame-options": ("X-Frame-Options", "DENY"),
    "referrer-policy": ("Referrer-Policy", "same-origin"),
    "cache-control": ("Cache-Control", "no-store"),
}
LEAST_BYTES = 1024
_LEVEL = 1  # a third of the time of the default 6, for a tenth more bytes
_MOST_PADDING = 100
_HEAD = b"\x1f\x8b\x08\x08\0\0\0\0\x04\xff"  # gzip header with a file name (RFC 1952, 2.3)
_METHODS = ("GET", "HEAD")  # answers to POST may contain a new token


def init_app(app: Flask) -> None:
    protocols = openapi.protocols(app)

    def finish(response: Response) -> Response:
        _count(response, protocols.get(this_request().path.split("/")[1], "other"))
        return harden(_compress(response))

    app.after_request(finish)


def _count(response: Response, protocol: str) -> None:
    key = metrics.request(protocol, response.status_code)
    if isinstance(response, HeldResponse):  # the event loop counts it when it is answered
        response.answered = metrics.on_loop(key).count_one
    elif not isinstance(response, ReceivingResponse):  # the one that is sent counts
        metrics.count(key)


def harden(response: Response) -> Response:
    """Add the headers that the response does not have yet."""
    headers = response.headers
    given = {name.lower() for name, _ in headers}
    for key, (name, value) in _DEFAULTS.items():
        if key not in given:
            headers.add(name, value)  # setdefault would raise and catch an exception for each one
    return response


def takes_gzip() -> bool:
    """Whether the client of this request prefers gzip (RFC 9110, 12.5.3)."""
    accepted = request.accept_encodings
    quality = accepted["gzip"]
    return quality > 0 and quality >= accepted["identity"]


def _compress(response: Response) -> Response:
    if this_request().method not in _METHODS or not _may_be(response):
        return response
    response.vary.add("Accept-Encoding")
    if takes_gzip():
        response.set_data(_gzip(response.get_data()))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _may_be(response: Response) -> bool:
    length = response.content_length
    return (
        length is not None
        and length >= LEAST_BYTES
        and not response.is_streamed
        and arrival() is not None  # other servers run behind a proxy, which can compress
        and response.status_code == 200
        and response.mimetype == "application/json"
        and "Content-Encoding" not in response.headers
    )


def _gzip(data: bytes) -> bytes:
    """Compress with random padding, so that the length does not reveal repeated text (BREACH)."""
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    name = b"x" * secrets.randbelow(_MOST_PADDING + 1) + b"\0"
    check = struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)
    return _HEAD + name + deflate.compress(data) + deflate.flush() + check
