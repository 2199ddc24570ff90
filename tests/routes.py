"""Routes at a fraction of their cost: three quarters of create_app's time go by compiling the same routes again.

What a route's text means is the same in every application of this process; how addresses are built from it is hardly
ever asked for.
"""

from collections.abc import Callable
from typing import Any

from werkzeug.routing.rules import Rule

_compile, _compile_builder = Rule.compile, Rule._compile_builder
_PARSED = ("_parts", "_trace", "_converters")


def _compiled_when_used(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
    return lambda *args, **kwargs: _compile_builder(rule, append_unknown)(*args, **kwargs)


def compile_once() -> None:
    """From now on, each route is parsed once."""
    known: dict[Any, tuple[dict[str, Any], set[str]]] = {}

    def compile_(rule: Rule) -> None:
        assert rule.map is not None
        key = (rule.rule, rule.subdomain, rule.host, rule.merge_slashes, *rule.map.converters.values())
        if key not in known:
            _compile(rule)
            known[key] = {name: getattr(rule, name) for name in _PARSED}, set(rule._converters)
        parsed, arguments = known[key]
        vars(rule).update(parsed)
        rule.arguments |= arguments
        rule._build = _compiled_when_used(rule, False).__get__(rule)
        rule._build_unknown = _compiled_when_used(rule, True).__get__(rule)

    Rule.compile = compile_  # type: ignore[method-assign,assignment]
    Rule._compile_builder = _compiled_when_used  # type: ignore[method-assign,assignment]
