"""Which requests may have bodies, and long ones: told from their heads, before a body is received."""

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException

from chat.http.api_spec import Declared
from chat.server.ports import Client

Takes = Callable[[bytes, Client], bool]  # of a request's head and its client
_LINE = re.compile(rb"([A-Z]+) (?:https?://[^/ ]*)?([^? ]*)")


def takes_long(app: Flask) -> Takes:
    """Return a function that decides whether to receive a body over 64 KiB.

    Only if the route uses long bodies, and the client is logged in.
    """
    return _is_for(app, lambda view: view.has_long_body)


def takes_parts(app: Flask, most: int) -> Callable[[bytes, Client], int]:
    """Return a function that tells how many bytes a body may have that is passed on in parts: `most`, or 0."""
    is_for_one = _is_for(app, lambda view: view.takes_parts)
    return lambda head, client: most if is_for_one(head, client) else 0


def _is_for(app: Flask, which: Callable[[Declared], bool]) -> Takes:
    """Return a function that tells whether a request of a logged-in client is for one of these routes."""
    routes = frozenset(
        (method.encode(), rule.rule.encode())
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if which(_declared(app, rule.endpoint))
    )

    def is_for_one(head: bytes, client: Client) -> bool:
        line = _LINE.match(head)
        return isinstance(client, int) and line is not None and line.groups() in routes

    return is_for_one


def takes_any(app: Flask) -> Takes:
    """Whether the answer depends on the body: there is such a route, and a log-in if it needs one."""
    routes = app.url_map.bind("localhost")

    def takes(head: bytes, client: Client) -> bool:
        line = _LINE.match(head)
        if line is None:
            return False
        try:
            endpoint, _ = routes.match(unquote_to_bytes(line[2]).decode("utf-8", "replace"), line[1].decode())
        except (HTTPException, RoutingException):
            return False
        return isinstance(client, int) or not _declared(app, endpoint).needs_login

    return takes


def _declared(app: Flask, endpoint: str) -> Declared:
    return getattr(app.view_functions[endpoint], "declared", Declared())
