"""A failure as a sentence for people, out of a protocol's table."""

import math
from string import Formatter
from typing import Any

from chat.errors import ChatError, ErrorCode

ECHO_CHARS = 1000  # of what the client itself said
# code: HTTP status, sentence in English, sentence in Chinese. The fields in braces are the error's data.
Table = dict[ErrorCode, tuple[int, str, str]]


def worded(table: Table, error: ChatError, *, chinese: bool) -> tuple[int, str]:
    """The HTTP status of a failure, and what to do about it."""
    status, in_english, in_chinese = table[error.code]
    return status, fill(in_chinese if chinese else in_english, error.data)


def fill(text: str, data: dict[str, Any]) -> str:
    """The text with the data in its braces; seconds are rounded up, as clients must wait whole ones."""
    names = [name for _, name, _, _ in Formatter().parse(text) if name]
    values = {name: str(data.get(name, ""))[:ECHO_CHARS] for name in names}
    if "retry_after" in values:
        values["retry_after"] = str(whole_seconds(data["retry_after"]))
    return text.format(**values)


def whole_seconds(retry_after: Any) -> int:
    """How many seconds a client is told to wait: whole ones, and at least one."""
    return max(1, math.ceil(float(retry_after)))
