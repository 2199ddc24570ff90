"""What views declare of themselves: the decorators that read, check and refuse say so here, once.

chat.http.openapi makes the document of it, so that the document cannot say anything else than the code does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from marshmallow import Schema

from chat.errors import ErrorCode

View = Callable[..., Any]
Answer = type[Schema] | Schema | None  # a list of them: an instance with many=True; None: no body


@dataclass
class Declared:
    query: type[Schema] | None = None
    body: type[Schema] | None = None
    form: type[Schema] | None = None  # instead of a body
    path: dict[str, dict[str, Any]] = field(default_factory=dict)  # what `about` makes, by the variable's name
    answers: dict[int, Answer] = field(default_factory=dict)  # by HTTP status; without the failures
    failures: set[ErrorCode] = field(default_factory=set)  # beside those that any view may meet
    needs_login: bool = False
    sets_cookie: bool = False
    has_long_body: bool = False  # of over 64 KiB
    summary_zh: str = ""  # in English it is the view's docstring


def declared(view: View) -> Declared:
    """What the view declares so far, to be added to. Decorators share it: functools.wraps takes attributes along."""
    found = view.__dict__.setdefault("declared", Declared())
    assert isinstance(found, Declared)  # noqa: S101
    return found


def answers(
    schema: Answer,
    *failures: ErrorCode,
    status: int = 200,
    path: dict[str, dict[str, Any]] | None = None,
    form: type[Schema] | None = None,
    zh: str = "",
) -> Callable[[View], View]:
    """Decorator: what the view answers, the failures of its own, its path or form, and in Chinese what it does.

    Answers are not checked as they go out, which would cost; the tests check every one that they get.
    """

    def declare(view: View) -> View:
        about = declared(view)
        about.answers[status] = schema
        about.failures.update(failures)
        about.path.update(path or {})
        about.form = form or about.form
        about.has_long_body = about.has_long_body or form is not None  # a form brings a picture
        about.summary_zh = zh or about.summary_zh
        return view

    return declare


def about(english: str, chinese: str, **more: Any) -> dict[str, Any]:
    """A field's metadata: its description in both languages, and more of JSON Schema, such as `examples`."""
    return {"description": english, "x-description-zh": chinese, **more}
