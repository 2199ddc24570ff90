"""Schemas in OpenAPI: apispec, with additions. Loaded by the first request for a document."""

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter

from chat.http.fields import AnyOf

__all__ = ["APISpec", "Plugin"]


class _Converter(OpenAPIConverter):
    """Supports two more attributes of a schema's Meta: `examples`, and `others`, the field for
    additional properties.
    """

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        made: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        others = getattr(schema.Meta, "others", None)
        if others is not None:
            made["additionalProperties"] = self.field2property(others)
        if hasattr(schema.Meta, "examples"):
            made["examples"] = schema.Meta.examples
        return made

    def field2property(self, field: Any) -> dict[str, Any]:
        if isinstance(field, AnyOf):
            return {"anyOf": [self.resolve_nested_schema(schema) for schema in field.schemas]}  # type: ignore[no-untyped-call]
        made: dict[str, Any] = super().field2property(field)
        return made


class Plugin(MarshmallowPlugin):
    Converter = _Converter
