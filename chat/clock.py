"""Time as whole microseconds since 1970 (UTC), and its formats on the wire."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial

SECOND = 1_000_000  # µs
Clock = Callable[[], int]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)
_WITHOUT_OFFSET = 19  # characters


class SteadyClock:
    """The wall clock in µs, smoothed: it advances by the time since boot and adopts a step of the wall clock only
    later.

    A clock that is wrong for a moment must not date messages years into the future, because rooms' clocks never go
    back. Both readings are in ns. Thread-safe.
    """

    FOLLOWED = SECOND * 1000  # ns; a smaller difference is not a step and is adopted immediately
    BELIEVED_AFTER = 180 * SECOND * 1000  # ns for which a step must persist before it is adopted

    def __init__(self, wall: Callable[[], int], since_boot: Callable[[], int]) -> None:
        self._wall = wall
        self._since_boot = since_boot
        self._offset = wall() - since_boot()
        self._lock = threading.Lock()
        # the offset after a step, and the time since boot when it was first seen
        self._step: tuple[int, int] | None = None

    def __call__(self) -> int:
        since_boot, wall = self._since_boot(), self._wall()
        if abs(wall - since_boot - self._offset) <= self.FOLLOWED:
            self._offset, self._step = wall - since_boot, None
            return wall // 1000
        with self._lock:
            return self._stepped(wall, since_boot) // 1000

    def _stepped(self, wall: int, since_boot: int) -> int:
        offset = wall - since_boot
        if self._step is None or abs(offset - self._step[0]) > self.FOLLOWED:
            self._step = (offset, since_boot)
        elif since_boot - self._step[1] >= self.BELIEVED_AFTER:
            self._offset, self._step = offset, None
        return since_boot + self._offset


# Time since boot continues during sleep; the monotonic clock is the fallback.
_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
system_clock: Clock = SteadyClock(time.time_ns, partial(time.clock_gettime_ns, _BOOT))


# isoformat() takes half the time of strftime(), and one list formats thousands of times.


def to_iso(time_us: int) -> str:
    """Format as ISO 8601 in UTC with six decimals and Z, as in polling's timestamps."""
    return (_NAIVE_EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="microseconds") + "Z"


def to_whole_iso(time_us: int) -> str:
    """Format as ISO 8601 in UTC with whole seconds and Z; fractions are cut off."""
    return (_NAIVE_EPOCH + timedelta(seconds=time_us // SECOND)).isoformat() + "Z"


def to_offset_iso(time_us: int, zone: tzinfo | None) -> str:
    """Format as RFC 3339 with six decimals and the zone's offset; None: the server's own zone."""
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone).isoformat(timespec="microseconds")


def to_local(time_us: int, zone: tzinfo | None) -> str:
    """Format as YYYY-MM-DD HH:MM:SS in the zone; None: the server's own zone."""
    return datetime.fromtimestamp(time_us // SECOND, zone).isoformat(" ")[:_WITHOUT_OFFSET]


def to_datetime(time_us: int, zone: tzinfo | None) -> datetime:
    """Return the moment in the zone; None: the server's own."""
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone)


def from_iso(text: str) -> int:
    """Parse an ISO 8601 time with an offset into µs. Raises ValueError, also if the offset is missing."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time has no UTC offset")
    return (moment - _EPOCH) // timedelta(microseconds=1)
