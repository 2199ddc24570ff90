"""Declarations of views, recorded by the decorators that read, check and refuse.

chat.http.openapi builds the documents from them, so that the documents cannot differ from the code.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from marshmallow import Schema

from chat.errors import ErrorCode

View = Callable[..., Any]


class Zip(Schema):
    """Declares that an answer is a ZIP file."""


Answer = type[Schema] | Schema | None  # for a list, an instance with many=True; None: no body


@dataclass
class Declared:
    query: type[Schema] | None = None
    body: type[Schema] | None = None
    form: type[Schema] | None = None  # instead of a body
    # parameters made with `about`, by the variable's name
    path: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[int, Answer] = field(default_factory=dict)  # by HTTP status, without failures
    failures: set[ErrorCode] = field(default_factory=set)  # in addition to those that every view may raise
    inside: set[ErrorCode] = field(default_factory=set)  # failures worded in frames, or inside an answer
    needs_login: bool = False
    sets_cookie: bool = False
    has_long_body: bool = False  # over 64 KiB
    takes_parts: bool = False  # a longer one is passed on in parts as it arrives
    summary_zh: str = ""  # the English summary is the view's docstring


def declared(view: View) -> Declared:
    """Return the view's declarations, for adding to them. Decorators share the object: functools.wraps copies
    attributes.
    """
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
    """Decorator: declare the view's answer, its failures, its path or form parameters, and its summary in Chinese.

    Answers are not validated at run time, which would be slow; the tests validate every answer they receive.
    """

    def declare(view: View) -> View:
        about = declared(view)
        about.answers[status] = schema
        about.failures.update(failures)
        about.path.update(path or {})
        about.form = form or about.form
        about.has_long_body = about.has_long_body or form is not None  # forms contain pictures
        about.summary_zh = zh or about.summary_zh
        return view

    return declare


def also_words(*failures: ErrorCode) -> Callable[[View], View]:
    """Decorator: declare failures that a socket words in frames, or a view inside an answer; OpenAPI omits them."""

    def declare(view: View) -> View:
        declared(view).inside.update(failures)
        return view

    return declare


def about(english: str, chinese: str, **more: Any) -> dict[str, Any]:
    """Return a field's metadata: descriptions in both languages, and further JSON Schema keywords such
    as `examples`.
    """
    return {"description": english, "x-description-zh": chinese, **more}
