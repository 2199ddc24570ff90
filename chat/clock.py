"""Time, as whole microseconds since 1970 (UTC), and its form on the wire."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

SECOND = 1_000_000  # µs
Clock = Callable[[], int]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def system_clock() -> int:
    """The time now, µs. It may jump either way; a room's own clock (services.messages) does not."""
    return time.time_ns() // 1000


def to_iso(time_us: int) -> str:
    """ISO 8601 in UTC with six decimals and Z, as polling's timestamps are."""
    return (_EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_offset_iso(time_us: int, zone: tzinfo | None) -> str:
    """RFC 3339 with six decimals and the offset in that zone; None: the server's own zone."""
    return _in_zone(time_us, zone).isoformat(timespec="microseconds")


def to_local(time_us: int, zone: tzinfo | None) -> str:
    """YYYY-MM-DD HH:MM:SS in that zone; None: the server's own."""
    return _in_zone(time_us, zone).strftime("%Y-%m-%d %H:%M:%S")


def _in_zone(time_us: int, zone: tzinfo | None) -> datetime:
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone)


def from_iso(text: str) -> int:
    """µs of an ISO 8601 time that names its offset. Raises ValueError, also where the offset is missing."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset is nobody's time")
    return (moment - _EPOCH) // timedelta(microseconds=1)
