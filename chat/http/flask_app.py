"""Flask as this server uses it: requests pass none of the parts that nothing here needs."""

import functools
from collections.abc import Callable
from json import JSONEncoder
from typing import Any

from flask import Flask, Request, Response
from flask.json.provider import DefaultJSONProvider
from flask.sessions import SessionInterface
from werkzeug.datastructures import Headers
from werkzeug.routing import PathConverter, Rule, UnicodeConverter

from chat.http.context import ARRIVAL_KEY, EXTENSION
from chat.http.overload import refuse_overflow
from chat.server.ports import Arrival, Handle, Result
from chat.services import Services


class _NoSessions(SessionInterface):
    """Disables Flask's session cookie, which is unused; looking for it would be a large part of a request's cost."""

    def open_session(self, app: Flask, request: Request) -> None:  # noqa: ARG002
        return None


class _JsonResponse(Response):
    def get_wsgi_headers(self, environ: Any) -> Headers:  # noqa: ARG002
        """Return the headers unchanged: answers have no Location, every status has a body, and the length is known."""
        return self.headers


class _Json(DefaultJSONProvider):
    ensure_ascii = False
    sort_keys = False
    _encode = JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=DefaultJSONProvider.default).encode

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Build the response of jsonify."""
        text = self._encode(self._prepare_response_obj(args, kwargs))
        return _JsonResponse(text + "\n", mimetype=self.mimetype)


class _Text(UnicodeConverter):
    """A part of a path. Not with NUL, which no name has and PostgreSQL refuses: not found."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.regex = self.regex.replace("[^/]", "[^/\0]")


class _Path(PathConverter):
    """The rest of a path, which names something in the database; likewise without NUL."""

    regex = "[^/\0\n][^\0\n]*?"


class _Rule(Rule):
    """A route whose functions for url_for are compiled by its first use: few routes need them, and all take 25 ms."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = functools.cache(lambda: super(_Rule, self)._compile_builder(append_unknown))
        return lambda rule, **values: compiled()(rule, **values)


class FlaskApp(Flask):
    json_provider_class = _Json
    url_rule_class = _Rule
    session_interface = _NoSessions()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.url_map.strict_slashes = False  # a trailing slash makes no difference (docs/specification.md)
        self.url_map.merge_slashes = False  # a redirect would be an HTML page
        self.url_map.converters |= {"default": _Text, "string": _Text, "names": _Path}

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Skip Flask's check for coroutines on every call: no view or hook here is one."""
        return func

    def serve(self, services: Services) -> None:
        """Give requests these services, which the first one starts."""
        self.extensions[EXTENSION] = services

        def begin() -> None:
            refuse_overflow()
            if not services.is_started:
                services.start()

        self.before_request(begin)


def handled_by(app: Flask) -> Handle:
    """Return the application as chat.server calls it; views get the Arrival from `context.arrival`."""

    def handle(arrival: Arrival, environ: Any, start_response: Any) -> Result:
        environ[ARRIVAL_KEY] = arrival
        return app(environ, start_response)

    return handle
