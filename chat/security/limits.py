"""Token buckets, by the generic cell rate algorithm: one number per bucket, the time at which it is full again."""

import threading
from dataclasses import dataclass

from chat.clock import SECOND


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` at once, refilled at `burst` per `seconds`."""

    name: str
    burst: int
    seconds: float

    @property
    def interval(self) -> int:
        """µs in which one place comes free."""
        return round(self.seconds * SECOND / self.burst)

    def take(self, full_at: int, now: int, count: int = 1) -> tuple[int, float]:
        """`count` out of a bucket that is full at full_at: its new state, and 0; or the old state, and seconds to wait.

        More than `burst` at once are never there.
        """
        deepest = now + self.interval * self.burst
        # Beyond that only a clock that jumped back can put it: that is no reason to make anyone wait.
        full_at = now if full_at > deepest else max(full_at, now)
        taken = self.interval * count
        wait = full_at + taken - deepest
        return (full_at, wait / SECOND) if wait > 0 else (full_at + taken, 0.0)


MESSAGES = Limit("messages", burst=60, seconds=3)  # per user
# Guessing passwords (services.guessing, decision 0025). A bucket gives its burst, and as many again in its seconds: so
# strangers, and whoever shares an address with the owner, have 100 tries in any hour together (ASVS 2.2.1).
FAILED_LOGINS = Limit("failed-logins", burst=10, seconds=60)  # per account and address, or device
FAILED_LOGINS_OF_STRANGERS = Limit("failed-logins-of-strangers", burst=25, seconds=3600)  # per account
FAILED_LOGINS_OF_KNOWN = Limit("failed-logins-of-known", burst=25, seconds=3600)  # per account and address, or device
FAILED_LOGINS_BY_ADDRESS = Limit("failed-logins-by-address", burst=1000, seconds=60)  # an account's first counts 5
LOGINS = Limit("logins", burst=30, seconds=60)  # right ones, per account
# Guessing rooms' passwds (services.room_passwds, decision 0026).
WRONG_PASSWDS = Limit("wrong-passwds", burst=10, seconds=60)  # per user, over all rooms
ROOM_HASHES = Limit("room-hashes", burst=10, seconds=60)  # per user: rooms made with a passwd, passwds tried
WRONG_PASSWDS_AN_HOUR = Limit("wrong-passwds-an-hour", burst=30, seconds=3600)  # the same
WRONG_PASSWDS_OF_ROOM = Limit("wrong-passwds-of-room", burst=20, seconds=60)  # of new accounts, per room and address
WRONG_PASSWDS_OF_ROOM_IN_ALL = Limit("wrong-passwds-of-room-in-all", burst=200, seconds=3600)  # of these, per room
CODES_BY_MAILBOX = Limit("codes-by-mailbox", burst=3, seconds=600)
CODES_BY_ADDRESS = Limit("codes-by-address", burst=30, seconds=3600)
REGISTRATIONS = Limit("registrations", burst=200, seconds=60)  # per address


class MemoryBuckets:
    """Buckets of this process alone, for what happens too often for the database."""

    _SWEEP_AT = 10_000  # buckets, or twice as many as were left by the last sweep

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sweep_at = self._SWEEP_AT
        self._full_at: dict[tuple[str, object], int] = {}

    def take(self, limit: Limit, key: object, now: int) -> float:
        """Take one: 0, or how many seconds to wait."""
        with self._lock:
            state, wait = limit.take(self._full_at.get((limit.name, key), 0), now)
            self._full_at[limit.name, key] = state
            if len(self._full_at) > self._sweep_at:
                self._full_at = {k: v for k, v in self._full_at.items() if v > now}
                self._sweep_at = max(self._SWEEP_AT, 2 * len(self._full_at))
            return wait

    def give_back(self, limit: Limit, key: object) -> None:
        """Put one back that was taken."""
        with self._lock:
            self._full_at[limit.name, key] = self._full_at.get((limit.name, key), 0) - limit.interval
