"""Headers of every answer."""

from flask import Flask, Response

API_CSP = "default-src 'none'; frame-ancestors 'none'"
_DEFAULTS = {
    "x-content-type-options": ("X-Content-Type-Options", "nosniff"),
    "content-security-policy": ("Content-Security-Policy", API_CSP),
    "x-frame-options": ("X-Frame-Options", "DENY"),
    "referrer-policy": ("Referrer-Policy", "same-origin"),
    "cache-control": ("Cache-Control", "no-store"),
}


def init_app(app: Flask) -> None:
    app.after_request(harden)


def harden(response: Response) -> Response:
    """Add the headers that the response does not have yet."""
    headers = response.headers
    given = {name.lower() for name, _ in headers}
    for key, (name, value) in _DEFAULTS.items():
        if key not in given:
            headers.add(name, value)  # setdefault would raise and catch an exception for each one
    return response
