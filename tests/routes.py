"""Routes made once: create_app would spend most of its time on the same ones for each application again."""

import copy
from typing import Any

from flask import Blueprint, Flask
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import Rule
from werkzeug.routing import map as routing
from werkzeug.routing.matcher import State, StateMachineMatcher

REGISTER = Blueprint.register  # as it is without make_once
_states: dict[tuple[int, ...], State] = {}  # by the identities of a map's rules


class SharedMatcher(StateMachineMatcher):
    """Takes the states of another map with the same rules; builds them by its first use if there is none."""

    def __init__(self, merge_slashes: bool) -> None:
        super().__init__(merge_slashes)
        self.rules: list[Rule] = []

    def add(self, rule: Rule) -> None:
        self.rules.append(rule)

    def update(self) -> None:
        known = tuple(map(id, self.rules))
        if known not in _states:
            self._root = State()
            for rule in self.rules:
                super().add(rule)
            super().update()
            _states[known] = self._root
        self._root = _states[known]


def make_once() -> None:
    """From now on, all applications of this process share the rules of equal routes.

    A rule knows neither its application nor its view; only the first one's map, with the converters of all.
    """
    registered: dict[Any, Blueprint] = {}

    def register(blueprint: Blueprint, app: Flask, options: dict[str, Any]) -> None:
        key = (type(app), blueprint, str(options))
        if key in registered:
            REGISTER(registered[key], app, options)
            return
        rules, views = len(_rules_of(app)), set(app.view_functions)
        REGISTER(blueprint, app, options)
        added = _rules_of(app)[rules:]
        if len(added) == len(blueprint.deferred_functions):  # it does nothing else with an application
            made = {name: view for name, view in app.view_functions.items() if name not in views}
            registered[key] = _with_routes(blueprint, added, made)

    routing.StateMachineMatcher = SharedMatcher  # type: ignore[attr-defined]
    Blueprint.register = register  # type: ignore[method-assign,assignment]


def _with_routes(blueprint: Blueprint, rules: list[Rule], views: dict[str, Any]) -> Blueprint:
    """The blueprint with these rules and views, which it puts into an application as they are."""

    def put(state: BlueprintSetupState) -> None:
        app: Any = state.app
        _rules_of(app).extend(rules)
        for rule in rules:
            app.url_map._rules_by_endpoint.setdefault(rule.endpoint, []).append(rule)
        app.url_map._remap = True
        app.view_functions.update(views)

    made = copy.copy(blueprint)
    made.deferred_functions = [put]
    return made


def _rules_of(app: Flask) -> list[Rule]:
    matcher = app.url_map._matcher
    assert isinstance(matcher, SharedMatcher), "make_once comes before the first application"
    return matcher.rules
