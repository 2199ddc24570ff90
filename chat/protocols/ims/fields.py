"""Field types of requests (docs/specification.md, "ims")."""

import re
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields

from chat.clock import SECOND, from_iso
from chat.http.api_spec import about
from chat.http.fields import WholeNumber, read_whole

_TIME = re.compile(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?$"
)


class Id(WholeNumber):
    """See read_whole."""

    def __init__(self, english: str, chinese: str, **more: Any) -> None:
        super().__init__(english, chinese, examples=[1], **more)


class Ids(fields.Field[list[int]]):
    """An id or a list of ids."""

    def __init__(self, english: str, chinese: str, **more: Any) -> None:
        anything = {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}, "minItems": 1}]}
        super().__init__(metadata=about(english, chinese, examples=[[1]], **anything), **more)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[int]:
        given = value if isinstance(value, list) else [value]
        if not given:
            raise ValidationError("nobody")
        return [read_whole(each) for each in given]


class Time(fields.Field[int]):
    """A time such as "2025-03-13T14:30:00Z" or "2025-03-13 14:30:00" (UTC), in µs. The end of a second
    is its last µs.
    """

    def __init__(self, english: str, chinese: str, *, is_end: bool = False, **more: Any) -> None:
        metadata = about(english, chinese, type="string", pattern=_TIME.pattern)
        super().__init__(load_default=None, metadata=metadata, **more)
        self._is_end = is_end

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        found = _TIME.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError("no time")
        try:
            moment = datetime.fromisoformat(value)
            time = from_iso((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat())
        except (ValueError, OverflowError):
            raise ValidationError("no time") from None
        return time + SECOND - 1 if self._is_end and found[1] is None else time


class Switch(fields.Field[bool]):
    """true or false, strictly. null stays null."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(load_default=None, allow_none=True, metadata=about(english, chinese, type="boolean"))

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("no boolean")
        return value


class Count(fields.Field[int]):
    """A whole number, its digits, or a boolean, which counts as 1 or 0. null stays null."""

    def __init__(self, english: str, chinese: str) -> None:
        kinds = ["integer", "boolean"]
        super().__init__(load_default=None, allow_none=True, metadata=about(english, chinese, type=kinds))

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        return int(value) if isinstance(value, bool) else read_whole(value)
