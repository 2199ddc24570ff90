"""docs/protocols/ims.md names what each address takes, as the schemas have it."""

from typing import Any

from flask import Flask

from chat.http.openapi import documents
from tests.real_server import ROOT

HEAD = "| address | fields |\n|---|---|\n"


def test_the_guide_names_the_fields_of_every_address(app: Flask) -> None:
    table = HEAD + "\n".join(rows(documents(app)["ims"].json)) + "\n"
    assert table in (ROOT / "docs/protocols/ims.md").read_text(encoding="utf-8"), table


def rows(document: dict[str, Any]) -> list[str]:
    """The table's rows, in the order of addresses."""
    operations = [
        (path, method, about) for path, methods in document["paths"].items() for method, about in methods.items()
    ]
    return [
        f"| {method.upper()} `{path}` | {', '.join(fields(document, about)) or 'none'} |"
        for path, method, about in sorted(operations, key=lambda one: one[:2])
    ]


def fields(document: dict[str, Any], about: dict[str, Any]) -> list[str]:
    """The parts of path, query, body and form: required ones first, as a client may leave the others out."""
    found = [(each["name"], each["schema"], each["required"]) for each in about.get("parameters", [])]
    for content in about.get("requestBody", {}).get("content", {}).values():
        schema = resolved(document, content["schema"])
        required = schema.get("required", [])
        found += [(name, field, name in required) for name, field in schema["properties"].items()]
    return [
        f"`{name}`{'' if is_required else '?'} {kind(field)}"
        for name, field, is_required in sorted(found, key=lambda one: not one[2])
    ]


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def kind(field: dict[str, Any]) -> str:
    """The type and maximum length: `text ≤ 255`."""
    if "anyOf" in field:
        return " or ".join(kind(each) for each in field["anyOf"])
    types = field["type"] if isinstance(field["type"], list) else [field["type"]]
    names = {"string": "text", "integer": "number", "boolean": "true or false", "array": "list", "null": ""}
    name = " or ".join(filter(None, (names.get(each, each) for each in types)))
    if field.get("contentMediaType") or field.get("format") == "binary":
        name = "file"
    if "items" in field:
        name += f" of {kind(field['items'])}s"
    return name + (f" ≤ {field['maxLength']}" if "maxLength" in field else "")
