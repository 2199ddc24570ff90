"""Refusals before routing, in the application's words. Logs omit the request, which may contain a token."""

import json

from gunicorn.util import http_date

from chat.server.ports import RETRY_SECONDS, Envelope, no_envelope

MOST_REFUSED = 64  # connections above the limit that are answered at a time
SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
)
_SECURITY = "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS)


def refusal(status: str, reason: str, request: bytes = b"", envelope: Envelope = no_envelope) -> bytes:
    """Build a whole answer that closes the connection.

    `request`: its head as far as it arrived, which determines the envelope, and whether to send a body.
    """
    media_type, body = envelope(request, status, reason) or _plain(status, reason)
    retry = f"Retry-After: {RETRY_SECONDS}\r\n" if status.startswith("503") else ""
    head = (
        f"HTTP/1.1 {status}\r\nDate: {http_date()}\r\nConnection: close\r\nContent-Type: {media_type}\r\n{retry}"
        f"{_SECURITY}Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    return head if request.startswith(b"HEAD ") else head + body


def _plain(status: str, reason: str) -> tuple[str, bytes]:
    return "application/json", json.dumps({"status": "failure", "feedback": f"{status}: {reason}."}).encode()
