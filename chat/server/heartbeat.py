"""When to ping a client, and when it is dead. Times are time.monotonic() s."""

import random

PING_SECONDS = 25.0
DEAD_SECONDS = 55.0  # without data from the client, despite two pings


class Heartbeat:
    __slots__ = ("_heard", "_ping_at")

    def __init__(self, now: float) -> None:
        self._heard = now
        # Spread, because thousands may connect at once.
        self._ping_at = now + PING_SECONDS * random.uniform(0.4, 1)  # noqa: S311

    def heard(self, now: float) -> None:
        """Data has arrived, or reading goes on after a pause."""
        self._heard = now

    def due(self, now: float) -> float:
        """Return when to check next. Data extends it, which is noticed then; a busy client is checked in a moment."""
        return min(self._ping_at, max(self._heard + DEAD_SECONDS, now + 1))

    def is_dead(self, now: float) -> bool:
        """Whether the client has sent nothing for too long."""
        return now - self._heard >= DEAD_SECONDS

    def pings(self, now: float) -> bool:
        """Whether a ping is due; true once for each."""
        if now < self._ping_at:
            return False
        self._ping_at = now + PING_SECONDS
        return True
