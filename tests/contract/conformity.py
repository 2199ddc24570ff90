"""Holds every answer that a contract test gets against the protocol's OpenAPI document."""

from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from chat.http.openapi import documents

_seen: dict[str, dict[str, Any]] = {}  # the documents by name: they are the same for every application


def check_answer(app: Flask, method: str, path: str, response: TestResponse) -> None:
    """Fail if the document has no such answer to this request. It contains no 500: tests that expect
    one check for it.
    """
    try:
        rule, _ = app.url_map.bind("localhost").match(path.partition("?")[0], method, return_rule=True)
    except HTTPException:
        return
    for name, document in documents(app).items():
        if rule.rule.split("/")[1] in document.prefixes and response.status_code != 500 and method != "HEAD":
            if name not in _seen:
                _seen[name] = document.json
            validator = _validator(name, document.path(rule), method.lower(), str(response.status_code))
            if validator is None:
                assert response.data == b"", response.data
            else:
                validator.validate(response.get_json(silent=validator is _Zip))


class _Zip:
    @staticmethod
    def validate(answer: Any) -> None:
        assert answer is None, "an answer in JSON"


@cache
def _validator(name: str, path: str, method: str, status: str) -> Any:
    responses = _seen[name]["paths"][path][method]["responses"]
    assert status in responses, f"{method} {path} does not declare {status}"
    if "content" not in responses[status]:
        return None
    if "application/zip" in responses[status]["content"]:
        return _Zip
    schema = responses[status]["content"]["application/json"]["schema"]
    return jsonschema_rs.validator_for(schema | {"components": _seen[name]["components"]})
