"""Time, as whole microseconds since 1970 (UTC), and its form on the wire."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial

SECOND = 1_000_000  # µs
Clock = Callable[[], int]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SteadyClock:
    """The wall clock's time in µs, but for steps: it goes on by the time since boot, and believes a step later.

    A clock that is set wrong for a moment must not put messages years into the future: the rooms' clocks never go back.
    Both readings are in ns. Any thread may call it.
    """

    FOLLOWED = SECOND * 1000  # ns; a smaller difference is no step, and followed at once
    BELIEVED_AFTER = 180 * SECOND * 1000  # ns for which the wall clock has to hold its new time

    def __init__(self, wall: Callable[[], int], since_boot: Callable[[], int]) -> None:
        self._wall = wall
        self._since_boot = since_boot
        self._offset = wall() - since_boot()
        self._lock = threading.Lock()
        self._step: tuple[int, int] | None = None  # the offset after a step, and when (since boot) it was first seen

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


# Time since boot goes on while a laptop sleeps; where there is none, the monotonic clock has to do.
_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
system_clock: Clock = SteadyClock(time.time_ns, partial(time.clock_gettime_ns, _BOOT))


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
