"""What is not HTTP as it should be gets JSON too, and leaves nothing of the request in the log: it may hold a token.

A browser that wanted to show a page gets one that says the same.
"""

import html
import json
import re

from gunicorn.util import http_date

MOST_REFUSED = 64  # connections at a time that are told so, beyond those that there may be
SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
)
_WANTS_PAGE = re.compile(rb"GET [^\r\n]*\r\n(?:[^\r\n]+\r\n)*?Accept:[^\r\n]*text/html", re.IGNORECASE)
_SECURITY = "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS)
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{status}</title><h1>{status}</h1><p>{reason}</p></html>\n"
)


def refusal(status: str, reason: str, request: bytes = b"", more: str = "") -> bytes:
    """A whole answer that closes the connection.

    request: its head, or what has come of it: a page, or no body at all, may be wanted. more: header lines.
    """
    if _WANTS_PAGE.match(request):
        media_type, body = (
            "text/html; charset=utf-8",
            _PAGE.format(status=html.escape(status), reason=html.escape(_sentence(reason))),
        )
    else:
        media_type, body = "application/json", json.dumps({"status": "failure", "feedback": f"{status}: {reason}."})
    retry = "Retry-After: 2\r\n" if status.startswith("503") else ""
    head = (
        f"HTTP/1.1 {status}\r\nDate: {http_date()}\r\nConnection: close\r\nContent-Type: {media_type}\r\n{retry}{more}"
        f"{_SECURITY}Content-Length: {len(body)}\r\n\r\n"
    )
    return (head if request.startswith(b"HEAD ") else head + body).encode()


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."
