"""Error messages for users, from a protocol's table."""

import math
from string import Formatter
from typing import Any

from chat.errors import ChatError, ErrorCode
from chat.http import reasons
from chat.services.access import MAX_ID

ECHO_CHARS = 1000  # of the client's own input
# code: HTTP status, text in English, text in Chinese. Braces contain the error's data.
Table = dict[ErrorCode, tuple[int, str, str]]


def worded(table: Table, error: ChatError, *, chinese: bool) -> tuple[int, str]:
    """Return the HTTP status of a failure and its text."""
    status, in_english, in_chinese = table[error.code]
    return status, fill(in_chinese if chinese else in_english, error.data, chinese=chinese)


def fill(text: str, data: dict[str, Any], *, chinese: bool) -> str:
    """Insert the data into the text's braces; seconds are rounded up, because clients must wait whole ones."""
    names = [name for _, name, _, _ in Formatter().parse(text) if name]
    values = {name: _shown(data.get(name, "")) for name in names}
    if chinese and "reason" in values:
        values["reason"] = reasons.in_chinese(values["reason"])
    if "retry_after" in values:
        values["retry_after"] = str(whole_seconds(data["retry_after"]))
    return text.format(**values)


def _shown(value: Any) -> str:
    """Format a value. An id beyond 64 bits is left out: it stands for all such ids (chat.http.fields.read_whole)."""
    return "…" if isinstance(value, int) and abs(value) > MAX_ID else str(value)[:ECHO_CHARS]


def whole_seconds(retry_after: Any) -> int:
    """Return the seconds that a client is told to wait: a whole number, at least one."""
    return max(1, math.ceil(float(retry_after)))
