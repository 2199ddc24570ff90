"""Presents an OpenAPI document for /docs: operations with tables of fields, examples, and curl commands."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup, escape

from chat.http.openapi import Document, Json

UNKNOWN = "…"
ANY_NAME = "*"


def marked(text: str) -> Markup:
    """Return a description as HTML. Of Markdown, descriptions use code only."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704


@dataclass(frozen=True, slots=True)
class Row:
    """One field or parameter."""

    name: str  # with enclosing fields: new_message.content, rooms[].roomname
    kind: str
    required: bool
    about: str


class Reader:
    """A document in one language (en, zh), with examples for the server at this address."""

    def __init__(self, document: Document, language: str, address: str) -> None:
        self.name, self.title = document.name, document.title
        self._json = document.json
        self._language = language
        self._address = address.rstrip("/")
        operations = [operation for path in self._json["paths"].values() for operation in path.values()]
        self._has_cookie = any("Set-Cookie" in str(operation) for operation in operations)

    def operations(self) -> Iterator["Operation"]:
        for path, methods in self._json["paths"].items():
            for method, operation in methods.items():
                yield Operation(self, method.upper(), path, operation)

    def text(self, item: Json, key: str) -> str:
        """Return the item's text for a key, in the reader's language if available."""
        own = item.get(f"x-{key}-zh", "") if self._language == "zh" else ""
        return str(own or item.get(key, ""))

    def curl(self, operation: "Operation") -> str:
        """Return a curl command for the operation."""
        needed = [p for p in operation.parameters if p["in"] == "query" and (p.get("required") or "examples" in p)]
        query = urlencode({p["name"]: self.example(p["schema"]) for p in needed})
        in_path = {p["name"]: self.example(p["schema"]) for p in operation.parameters if p["in"] == "path"}
        parts = ["curl", *self._login(operation)]
        if operation.method not in {"GET", "POST"} or (operation.method == "GET") == bool(
            operation.body or operation.form
        ):
            parts += ["-X", operation.method]
        parts.append(self._address + operation.path.format(**in_path) + (f"?{query}" if query else ""))
        if operation.body:
            parts += ["-d", json.dumps(self.example(operation.body), ensure_ascii=False)]
        if operation.form:
            for name, value in self.example(operation.form).items():
                parts += ["-F", f"{name}={value}"]
        return " ".join(part if part == '"Authorization: $TOKEN"' else shlex.quote(part) for part in parts)

    def _login(self, operation: "Operation") -> list[str]:
        if operation.sets_cookie:
            return ["-c", "jar"]
        if not operation.needs_login:
            return []
        return ["-b", "jar"] if self._has_cookie else ["-H", '"Authorization: $TOKEN"']

    def rows(self, schema: Json, prefix: str = "") -> Iterator[Row]:
        """Yield the fields of an object and of nested objects."""
        schema = self.resolved(schema)
        fields = dict(schema.get("properties", {}))
        others = schema.get("additionalProperties")
        if isinstance(others, dict):
            fields[ANY_NAME] = others
        for name, field in fields.items():
            field = self.resolved(field)
            path = f"{prefix}{name}"
            yield Row(path, _kind(field), name in schema.get("required", ()), self.text(field, "description"))
            inner = self.resolved(field["items"]) if "items" in field else field
            if "properties" in inner and "anyOf" not in field:
                yield from self.rows(inner, f"{path}[]." if "items" in field else f"{path}.")

    def example(self, schema: Json) -> Any:
        """Return an example value: required fields, and fields with examples."""
        schema = self.resolved(schema)
        for key in ("examples", "enum", "anyOf"):
            if schema.get(key):
                first = schema[key][0]
                return self.example(first) if key == "anyOf" else first
        if "default" in schema:
            return schema["default"]
        match schema.get("type"):
            case "object":
                shown = schema.get("required", ())
                fields = schema.get("properties", {}).items()
                made = {name: self.example(field) for name, field in fields if name in shown or field.get("examples")}
                others = schema.get("additionalProperties")
                return made | {UNKNOWN: self.example(others)} if isinstance(others, dict) else made
            case "array":
                return [self.example(schema["items"])]
            case "integer" | "number":
                return 1
            case "boolean":
                return True
        return UNKNOWN

    def resolved(self, schema: Json) -> Json:
        """Follow a reference to a named schema."""
        if "$ref" not in schema:
            return schema
        found: Json = self._json["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found | {key: value for key, value in schema.items() if key != "$ref"}


class Operation:
    """One method of one path."""

    def __init__(self, reader: Reader, method: str, path: str, operation: Json) -> None:
        self.method, self.path = method, path
        self._reader = reader
        self._operation = operation
        self.id = f"{reader.name}-{operation['operationId']}"
        self.summary = reader.text(operation, "summary")
        self.needs_login = bool(operation["security"])
        self.parameters: list[Json] = operation.get("parameters", [])
        content: Json = operation.get("requestBody", {}).get("content", {})
        self.body: Json = content.get("application/json", {}).get("schema", {})
        self.form: Json = content.get("multipart/form-data", {}).get("schema", {})
        self.sets_cookie = "Set-Cookie" in str(operation)
        self.curl = reader.curl(self)

    def parameter_rows(self) -> list[Row]:
        rows = []
        for parameter in self.parameters:
            about = self._reader.text(parameter["schema"] | parameter, "description")
            rows.append(Row(parameter["name"], _kind(parameter["schema"]), parameter.get("required", False), about))
        return rows

    def body_rows(self) -> list[Row]:
        return list(self._reader.rows(self.body or self.form))

    def answers(self) -> Iterator[tuple[str, str, list[Row]]]:
        """Yield status, example and fields of each successful answer."""
        for status, response in self._operation["responses"].items():
            if status < "300" and "application/json" in response.get("content", {}):
                schema = _schema(response)
                schema = schema.get("anyOf", [schema])[0]
                example = json.dumps(self._reader.example(schema), ensure_ascii=False)
                yield status, example, list(self._reader.rows(schema.get("items", schema)))
            elif status < "300":
                yield status, "", []

    def failures(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each status with the texts of its failures."""
        for status, response in self._operation["responses"].items():
            words = self._reader.text(response, "description").split("\n")
            yield status, words[1:] if status < "300" else words


def _schema(content: Json) -> Json:
    found: Json = content["content"]["application/json"]["schema"]
    return found


def _kind(schema: Json) -> str:
    """Describe the type in words: text of 1 to 60 characters, one of a, b."""
    if "enum" in schema:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_kind(option) for option in schema["anyOf"])
    kinds = schema.get("type", "any")
    kind = " | ".join(kinds) if isinstance(kinds, list) else kinds
    if kind == "array":
        kind += " of objects" if "$ref" in schema["items"] else f" of {_kind(schema['items'])}"
    if "maxLength" in schema:
        kind += f" ({schema.get('minLength', 0)}–{schema['maxLength']})"
    return str(kind)
