"""The server's own pages, which load only the server's own files."""

from flask import Response

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def own_page(html: str) -> Response:
    """Return a page in the language that the browser asks for."""
    response = Response(html)
    response.headers["Content-Security-Policy"] = _CSP
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept-Language")
    return response
