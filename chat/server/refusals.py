"""Refusals before routing, in the envelope of the path's protocol. Logs omit the request, which may contain a token.

Browsers that request a page get one with the same text, if the path belongs to no protocol.
"""

import html
import json
import re

from gunicorn.util import http_date

from chat.server.ports import RETRY_SECONDS, Envelope, no_envelope

MOST_REFUSED = 64  # connections above the limit that are answered at a time
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


def refusal(status: str, reason: str, request: bytes = b"", envelope: Envelope = no_envelope) -> bytes:
    """Build a whole answer that closes the connection.

    `request`: its head as far as it arrived, which determines the envelope, and whether to send a page or no body.
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
