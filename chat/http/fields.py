"""Fields and bases of schemas that the protocols share."""

import re
from collections.abc import Sequence
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate

from chat.http.declared import about
from chat.names import LONGEST
from chat.services.lookups import MAX_ID

NAME = validate.Length(max=LONGEST)  # characters; the services say what a name may be, this only bounds the work
_DIGITS = re.compile(r"-?[0-9]+", re.ASCII)
_MAX_DIGITS = 19  # of MAX_ID; Python takes long to turn thousands of them into a number


class In(Schema):
    """A request. Unknown fields are ignored: clients send more than the documents have."""

    class Meta:
        unknown = EXCLUDE


class Out(Schema):
    """An answer. The documents promise these fields and no others."""

    class Meta:
        unknown = RAISE


def whole(value: Any) -> Any:
    """A float without a fraction as an integer, as some languages write every number so; else the value as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def read_whole(value: Any) -> int:
    """A whole number, or its digits as text. Beyond 64 bits it is MAX_ID + 1, or the negative of that: nobody's id.

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
    """An id, a size or a count. See read_whole."""

    def __init__(self, english: str = "", chinese: str = "", *, examples: Sequence[int] = (), **more: Any) -> None:
        super().__init__(metadata=about(english, chinese, type="integer", examples=list(examples)), **more)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        return read_whole(value)


class ShortList(fields.List[Any]):
    """At most so many; of a longer list no item is looked at."""

    def __init__(self, inner: Any, most: int, **more: Any) -> None:
        super().__init__(inner, validate=validate.Length(max=most), **more)
        self._most = most

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > self._most:
            raise ValidationError(f"more than {self._most}")
        return super()._deserialize(value, *args, **more)
