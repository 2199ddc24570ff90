"""What is not HTTP as it should be gets its protocol's envelope too. The log gets nothing of it: it may hold a token.

A browser that wanted to show a page gets one that says the same, where the path is no protocol's.
"""

import html
import json
import re
from collections.abc import Callable

from gunicorn.util import http_date

RETRY_SECONDS = 2  # after a 503
MOST_REFUSED = 64  # connections at a time that are told so, beyond those that there may be
SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
)
# Of a request's head as far as it came, a status and a reason: the body, as JSON.
Envelope = Callable[[bytes, str, str], bytes | None]
_WANTS_PAGE = re.compile(rb"GET [^\r\n]*\r\n(?:[^\r\n]+\r\n)*?Accept:[^\r\n]*text/html", re.IGNORECASE)
_SECURITY = "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS)
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{status}</title><h1>{status}</h1><p>{reason}</p></html>\n"
)


def no_envelope(_request: bytes, _status: str, _reason: str) -> bytes | None:
    """Where no application is there yet."""
    return None


def refusal(status: str, reason: str, request: bytes = b"", envelope: Envelope = no_envelope) -> bytes:
    """A whole answer that closes the connection.

    request: its head, or what has come of it: it says whose words are to be used, and whether a page, or no body at
    all, is wanted.
    """
    worded = envelope(request, status, reason)
    if worded is not None:
        media_type, body = "application/json", worded.decode()
    elif _WANTS_PAGE.match(request):
        media_type, body = (
            "text/html; charset=utf-8",
            _PAGE.format(status=html.escape(status), reason=html.escape(_sentence(reason))),
        )
    else:
        media_type, body = "application/json", json.dumps({"status": "failure", "feedback": f"{status}: {reason}."})
    retry = f"Retry-After: {RETRY_SECONDS}\r\n" if status.startswith("503") else ""
    head = (
        f"HTTP/1.1 {status}\r\nDate: {http_date()}\r\nConnection: close\r\nContent-Type: {media_type}\r\n{retry}"
        f"{_SECURITY}Content-Length: {len(body.encode())}\r\n\r\n"
    )
    return (head if request.startswith(b"HEAD ") else head + body).encode()


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."
