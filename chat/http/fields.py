"""Fields and base classes of schemas, shared by the protocols."""

import re
from collections.abc import Sequence
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, missing, validate
from marshmallow.exceptions import SCHEMA

from chat.http.api_spec import about
from chat.names import USERNAME_MAX_CHARS
from chat.services.access import MAX_ID

NAME = validate.Length(max=400)  # characters; services define valid names, this only bounds the work
_DIGITS = re.compile(r"-?[0-9]+", re.ASCII)
_MAX_DIGITS = 19  # digits of MAX_ID; converting thousands of digits is slow in Python


class In(Schema):
    """A request. Unknown fields are ignored, because clients send more than the documents list."""

    class Meta:
        unknown = EXCLUDE

    def load(self, data: Any, **_: Any) -> Any:
        """Load one object as Schema.load does, in half the time: without hooks and partial loads, which no request has.

        Raises ValidationError.
        """
        loaded: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        if not isinstance(data, dict):
            raise ValidationError({SCHEMA: [self.error_messages["type"]]}, data=data)
        for name, field in self.load_fields.items():
            key = field.data_key or name
            try:
                value = field.deserialize(data.get(key, missing), key, data)
            except ValidationError as error:
                errors[key] = error.messages
            else:
                if value is not missing:
                    loaded[name] = value
        if errors:
            raise ValidationError(errors, data=data, valid_data=loaded)
        return loaded


class Out(Schema):
    """An answer. The documents promise exactly these fields."""

    class Meta:
        unknown = RAISE


def username_text(example: str) -> dict[str, Any]:
    """Return the description of a new account's username."""
    return about(
        f"1 to {USERNAME_MAX_CHARS} characters, no spaces at the ends; upper and lower case are the same name",
        f"1 到 {USERNAME_MAX_CHARS} 个字符，首尾无空格，不区分大小写",
        minLength=1,
        maxLength=USERNAME_MAX_CHARS,
        examples=[example],
    )


def join_code() -> fields.String:
    """Return the field for `join_code` in a registration."""
    return fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=100),
        metadata=about(
            "where the site asks for one: its join code",
            "站点要求时：加入码",
            examples=["7KQ2MX"],
        ),
    )


def switch(metadata: dict[str, Any], **more: Any) -> fields.Boolean:
    """Return a field for true or false, and nothing that stands for them; `more` as for fields.Boolean."""
    return fields.Boolean(truthy={True}, falsy={False}, metadata=metadata, **more)


def whole(value: Any) -> Any:
    """Convert a float without a fraction to an integer, because some languages write all numbers so; pass other values
    on.
    """
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_number(text: str) -> bool:
    """Whether it is plain digits, and few enough to be converted quickly."""
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


def read_whole(value: Any) -> int:
    """Parse a whole number or a string of digits. Values beyond 64 bits become MAX_ID + 1 or its negative, which no row
    has.

    Raises ValidationError.
    """
    value = whole(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return min(max(value, -MAX_ID - 1), MAX_ID + 1)
    if not isinstance(value, str) or not _DIGITS.fullmatch(value):
        raise ValidationError("no whole number")
    if len(value.lstrip("-0")) > _MAX_DIGITS:
        return -MAX_ID - 1 if value.startswith("-") else MAX_ID + 1
    return min(max(int(value), -MAX_ID - 1), MAX_ID + 1)


class WholeNumber(fields.Field[int]):
    """An id, a size or a count. See `read_whole`."""

    def __init__(self, english: str = "", chinese: str = "", *, examples: Sequence[int] = (), **more: Any) -> None:
        super().__init__(metadata=about(english, chinese, type="integer", examples=list(examples)), **more)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        return read_whole(value)


class AnyOf(fields.Field[Any]):
    """Of an answer: an object by one of these schemas."""

    def __init__(self, *schemas: type[Schema], **more: Any) -> None:
        super().__init__(**more)
        self.schemas = schemas


class ShortList(fields.List[Any]):
    """A list with a maximum length, checked before any item is loaded."""

    def __init__(self, inner: Any, most: int, **more: Any) -> None:
        super().__init__(inner, validate=validate.Length(max=most), **more)
        self._most = most

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > self._most:
            raise ValidationError(f"more than {self._most}")
        return super()._deserialize(value, *args, **more)
