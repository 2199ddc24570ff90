"""Cross-origin requests and CORS (docs/specification.md, "Sessions")."""

from urllib.parse import urlsplit

from flask import Flask, Response, request

from chat.errors import ChatError, ErrorCode

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
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
        # Compare host and port only: behind a proxy that terminates TLS the scheme differs from the browser's.
        origin = origin.lower()
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        if origin in self._allowed:
            return True
        host = request.host.lower()
        # Some proxies pass the host without its port. Sec-Fetch-Site decides then, which pages cannot set.
        if request.headers.get("Sec-Fetch-Site") == "same-origin" and parts.hostname == urlsplit(f"//{host}").hostname:
            return parts.scheme in _DEFAULT_PORTS
        default_port = _DEFAULT_PORTS.get(parts.scheme)
        return default_port is not None and parts.netloc.removesuffix(default_port) == host.removesuffix(default_port)

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
