"""Decides from a request's head whether a long body may be received."""

import re
from collections.abc import Callable

from flask import Flask

from chat.live.clients import Client

_LINE = re.compile(rb"([A-Z]+) (?:https?://[^/ ]*)?([^? ]*)")


def taker(app: Flask) -> Callable[[bytes, Client], bool]:
    """Return a function of a request's head and client: whether to receive a body over 64 KiB.

    It accepts one only if the route uses long bodies and the client is logged in.
    """
    routes = frozenset(
        (method.encode(), rule.rule.encode())
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if getattr(getattr(app.view_functions[rule.endpoint], "declared", None), "has_long_body", False)
    )

    def takes_long(head: bytes, client: Client) -> bool:
        line = _LINE.match(head)
        return isinstance(client, int) and line is not None and line.groups() in routes

    return takes_long
