"""Routes made once: create_app would spend most of its time on the same ones for each application again."""

from typing import Any

from flask import Flask
from werkzeug.routing import Rule

_add = Flask.add_url_rule


def make_once() -> None:
    """From now on, all applications of this process share the rules of equal routes.

    A rule knows neither its application nor its view; only the first one's map, with the converters of all.
    """
    known: dict[Any, Rule] = {}

    def add(app: Flask, rule: str, endpoint: str | None = None, view_func: Any = None, **options: Any) -> None:
        key = (type(app), rule, endpoint, str(options))
        if endpoint is None or view_func is None:
            _add(app, rule, endpoint, view_func, **options)
        elif key not in known:
            _add(app, rule, endpoint, view_func, **options)
            known[key] = app.url_map._rules_by_endpoint[endpoint][-1]
        else:
            made = known[key]
            app.url_map._matcher.add(made)
            app.url_map._rules_by_endpoint.setdefault(endpoint, []).append(made)
            app.url_map._remap = True
            app.view_functions[endpoint] = view_func

    Flask.add_url_rule = add  # type: ignore[method-assign,assignment]
