"""Cross-origin requests and CORS (docs/specification.md, "Sessions")."""

from urllib.parse import urlsplit

from flask import Flask, Response, request

from chat.errors import ChatError, ErrorCode

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PREFLIGHT_SECONDS = "600"


class Origins:
    """Origins whose pages may use a browser's cookies for this server, in addition to its own."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self._allowed = frozenset(allowed)

    def init_app(self, app: Flask) -> None:
        app.extensions["commonroom.origins"] = self
        if self._allowed:
            app.before_request(self._preflight)
            app.after_request(self._share)

    def require_own(self) -> None:
        """Raise ORIGIN_FOREIGN if the browser reports that a page of another site makes this request."""
        origin = request.headers.get("Origin")
        if origin is not None and not self._is_own(origin):
            raise ChatError(ErrorCode.ORIGIN_FOREIGN, origin=origin[:200])

    def _is_own(self, origin: str) -> bool:
        origin = origin.lower()
        if origin in self._allowed:
            return True
        try:
            # Not request.host: werkzeug has none for an empty port, or an address with a zone.
            page, here = urlsplit(origin), urlsplit(f"//{request.headers.get('Host', '').lower()}")
            page_port, port = page.port, here.port
        except ValueError:
            return False
        # Compare host and port only: behind a proxy that terminates TLS the scheme differs from the browser's.
        default_port = _DEFAULT_PORTS.get(page.scheme)
        if default_port is None or "@" in page.netloc or not page.hostname or page.hostname != here.hostname:
            return False
        # Some proxies pass the host without its port. Sec-Fetch-Site decides then, which pages cannot set.
        if port == _DEFAULT_PORTS.get(request.scheme):
            port = None
        is_same_port = (page_port or default_port) == (port or default_port)
        return is_same_port or request.headers.get("Sec-Fetch-Site") == "same-origin"

    def _preflight(self) -> Response | None:
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return Response(status=204)
        return None

    def _share(self, response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin", "").lower()
        if origin in self._allowed:
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Allow-Credentials"] = "true"
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, DELETE, OPTIONS"
                response.headers["Access-Control-Allow-Headers"] = (
                    "Authorization, Content-Type, X-Chat-Errors, X-Chat-User"
                )
                response.headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
        return response
