"""OpenAPI documents of the HTTP protocols, built from the views' declarations (chat.http.api_spec)."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from flask import Flask
from marshmallow import Schema
from werkzeug.routing import Rule

from chat import __version__
from chat.errors import ErrorCode
from chat.http import cookies
from chat.http.api_spec import Answer, Declared, View, Zip, declared
from chat.http.auth import COOKIE

Json = dict[str, Any]
Wording = tuple[int, str, str]  # HTTP status, text in English and Chinese; braces contain data
Failure = Callable[[ErrorCode, View], list[Wording]]  # possible texts of a failure at a view
# INTERNAL is always a defect and not documented. Any request may carry a body, and one that is too long.
ANYWHERE = {ErrorCode.UNAVAILABLE, ErrorCode.BODY_TOO_LARGE}
_EXTENSION = "commonroom.openapi"
_PROTOCOLS = "commonroom.protocols"
_VARIABLE = re.compile(r"<(?:(?P<converter>[^:<>]+):)?(?P<name>[^<>]+)>")
_LOGINS: list[dict[str, list[str]]] = [{"cookie": []}, {"token": []}]


@dataclass
class Document:
    """One protocol's document, built on first use, when all routes exist."""

    app: Flask
    name: str  # as in /openapi/<name>.json
    title: str
    prefixes: frozenset[str]  # first segments of its paths
    failed: type[Schema]  # the envelope of failures
    failure: Failure

    @cached_property
    def json(self) -> Json:
        """The document, as OpenAPI 3.1."""
        from chat.http.openapi_schemas import APISpec, Plugin  # here, as few requests need apispec

        info = {"license": {"name": "MIT", "identifier": "MIT"}}
        spec = APISpec(self.title, __version__, "3.1.0", info=info, plugins=[Plugin()], servers=[{"url": "/"}])
        cookie = {"type": "apiKey", "in": "cookie", "name": cookies.plain_name(self.app, COOKIE)}
        spec.components.security_scheme("cookie", cookie | {"description": "Over https its name begins with __Host-."})
        spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
        for rule, operations in self._paths():
            spec.path(self.path(rule), operations=operations)
        return cast(Json, _without_null_defaults(spec.to_dict()))

    def path(self, rule: Rule) -> str:
        """Return a route in the document's notation: /User/{username}."""
        return _VARIABLE.sub(lambda found: f"{{{found['name']}}}", rule.rule)

    def _paths(self) -> Iterator[tuple[Rule, Json]]:
        for rule in self.app.url_map.iter_rules():
            view = self.app.view_functions[rule.endpoint]
            if rule.rule.split("/")[1] in self.prefixes and declared(view).answers:  # WebSocket routes have none
                methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
                yield rule, {method.lower(): self._operation(rule, method, view) for method in methods}

    def _operation(self, rule: Rule, method: str, view: Callable[..., Any]) -> Json:
        about = declared(view)
        operation: Json = {
            "operationId": re.sub(r"\W+", "_", f"{method.lower()}{rule.rule}").strip("_"),
            "tags": [rule.rule.split("/")[1]],
            "summary": _summary(view),
            "x-summary-zh": about.summary_zh,
            "responses": self._responses(view),
        }
        operation["security"] = _LOGINS if about.needs_login else []
        parameters = list(_path_parameters(rule, about))
        if about.query is not None:
            parameters.append({"in": "query", "schema": about.query})
        if parameters:
            operation["parameters"] = parameters
        if about.body is not None:
            is_required = any(field.required for field in about.body().fields.values())
            operation["requestBody"] = {"required": is_required, **_content_of(about.body)}
        if about.form is not None:
            content = {"multipart/form-data": {"schema": about.form}}
            operation["requestBody"] = {"required": True, "content": content}
        return operation

    def _responses(self, view: View) -> Json:
        """Responses by status. If a status is used for success and failure, its schema allows either."""
        about = declared(view)
        words: dict[int, list[tuple[str, str]]] = {}
        for code in sorted(about.failures | ANYWHERE, key=lambda code: code.name):
            for status, english, chinese in self.failure(code, view):
                of_status = words.setdefault(status, [])
                if (english, chinese) not in of_status:  # two failures may have the same text
                    of_status.append((english, chinese))
        responses: Json = {}
        for status in sorted({*about.answers, *words}):
            schemas = [about.answers.get(status), self.failed if status in words else None]
            said = [("Done.", "成功。")] * (status in about.answers) + words.get(status, [])
            responses[str(status)] = {
                "description": "\n".join(text for text, _ in said),
                "x-description-zh": "\n".join(text for _, text in said),
                **_content_of(*schemas),
                **_headers(about, status),
            }
        return responses


def register(
    app: Flask, name: str, title: str, *, prefixes: Iterable[str], failed: type[Schema], failure: Failure
) -> None:
    """Register the protocol's document at /openapi/<name>.json, and its section on the page at /docs."""
    document = documents(app)[name] = Document(app, name, title, frozenset(prefixes), failed, failure)
    protocols(app).update(dict.fromkeys(document.prefixes, name))


def documents(app: Flask) -> dict[str, Document]:
    """Return the documents by name, in the order of registration."""
    return cast(dict[str, Document], app.extensions.setdefault(_EXTENSION, {}))


def protocols(app: Flask) -> dict[str, str]:
    """Return the names of all protocols, by the first segments of their paths."""
    return cast(dict[str, str], app.extensions.setdefault(_PROTOCOLS, {}))


def _summary(view: View) -> str:
    """Return the first sentence of a view's docstring; a summary has no Markdown, unlike a description."""
    sentence = (view.__doc__ or "").partition("\n")[0].partition(". ")[0]
    return sentence.replace("`", "").rstrip(".") + "."


def _without_null_defaults(part: Any) -> Any:
    """Remove defaults of null, which are invalid for fields that may not be null."""
    if isinstance(part, dict):
        return {k: _without_null_defaults(v) for k, v in part.items() if not (k == "default" and v is None)}
    return [_without_null_defaults(each) for each in part] if isinstance(part, list) else part


def _content_of(*answers: Answer) -> Json:
    if answers[0] is Zip:
        return {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
    schemas = [answer for answer in answers if answer is not None]
    if not schemas:
        return {}
    return {"content": {"application/json": {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}}}


def _headers(about: Declared, status: int) -> Json:
    headers: Json = {}
    if about.sets_cookie and status in about.answers:
        headers["Set-Cookie"] = {"schema": {"type": "string"}}
    if status in {429, 503}:
        headers["Retry-After"] = {"schema": {"type": "integer"}, "description": "seconds"}
    return {"headers": headers} if headers else {}


def _path_parameters(rule: Rule, about: Declared) -> Iterator[Json]:
    for found in _VARIABLE.finditer(rule.rule):
        kind = "integer" if found["converter"] == "int" else "string"
        schema = {"type": kind} | about.path.get(found["name"], {})
        yield {"in": "path", "name": found["name"], "required": True, "schema": schema}
