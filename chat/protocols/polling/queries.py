"""The query parameters this protocol takes."""

import math
from collections.abc import Mapping

from chat.errors import ChatError, ErrorCode

LIMIT_DEFAULT = 100
LIMIT_MAX = 500
TIMEOUT_MAX = 50.0  # seconds: proxies cut at 60


def required(query: Mapping[str, str], name: str) -> str:
    """A text that must be there. Raises FIELD_MISSING, FIELD_INVALID."""
    value = query.get(name)
    if not value:
        raise ChatError(ErrorCode.FIELD_MISSING, field=name)
    if "\0" in value or len(value) > 400:
        raise ChatError(ErrorCode.FIELD_INVALID, field=name)
    return value


def flag(query: Mapping[str, str], name: str) -> bool:
    """Whether ?name=1 was asked for."""
    return query.get(name, "") not in {"", "0", "false"}


def limit(query: Mapping[str, str]) -> int:
    """How many messages at most. Raises FIELD_INVALID."""
    raw = query.get("limit", "")
    if not raw:
        return LIMIT_DEFAULT
    if not (raw.isascii() and raw.isdigit() and len(raw) < 20 and int(raw) > 0):
        raise ChatError(ErrorCode.FIELD_INVALID, field="limit")
    return min(int(raw), LIMIT_MAX)


def timeout(query: Mapping[str, str], default: float) -> float:
    """For how many seconds the pull may be held. Raises FIELD_INVALID."""
    raw = query.get("timeout", "")
    if not raw:
        return default
    try:
        seconds = float(raw)
    except ValueError:
        seconds = -1.0
    if not math.isfinite(seconds) or seconds < 0:
        raise ChatError(ErrorCode.FIELD_INVALID, field="timeout")
    return min(seconds, TIMEOUT_MAX)
