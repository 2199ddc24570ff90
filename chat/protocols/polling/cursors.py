"""Cursor formats of requests (docs/specification.md, "polling")."""

import math
from typing import Any

from chat.clock import SECOND, from_iso
from chat.errors import ChatError, ErrorCode

_LATEST = 2**62  # µs; later than any message, within 64 bits


def parse_cursor(room: str, value: Any) -> int:
    """Parse a message's timestamp, ISO 8601 with an offset, epoch seconds, or {"timestamp": one of these}, into µs.

    "" and 0 mean the beginning. Raises CURSOR_INVALID.
    """
    if isinstance(value, dict):
        value = value.get("timestamp")
    try:
        if isinstance(value, str):
            moment = from_iso(value) if value else 0
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            # Multiply whole seconds as integers: a float would round them.
            moment = value * SECOND if isinstance(value, int) else round(value * SECOND)
        else:
            raise ValueError
    except (ValueError, OverflowError):
        raise ChatError(ErrorCode.CURSOR_INVALID, room=room) from None
    return max(0, min(moment, _LATEST))
