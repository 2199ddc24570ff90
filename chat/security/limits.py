"""Token buckets by the generic cell rate algorithm: a bucket is one number, the time at which it is full again."""

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
        """µs per token."""
        return round(self.seconds * SECOND / self.burst)

    def take(self, full_at: int, now: int, count: int = 1) -> tuple[int, float]:
        """Take `count` from a bucket that is full at `full_at`. Returns its new state and 0, or its old state and
        seconds to wait.

        A request for more than `burst` never succeeds.
        """
        deepest = now + self.interval * self.burst
        # Only a clock that jumped back can exceed this; clients must not wait for it.
        full_at = now if full_at > deepest else max(full_at, now)
        taken = self.interval * count
        wait = full_at + taken - deepest
        return (full_at, wait / SECOND) if wait > 0 else (full_at + taken, 0.0)


MESSAGES = Limit("messages", burst=60, seconds=3)  # per user
# Per user: what changes a room or its members and leaves a row for good in the timeline or the audit log.
ACTS = Limit("acts", burst=300, seconds=300)
TYPING = Limit("typing", burst=10, seconds=10)  # per user
# Password guessing (services.password_guessing, docs/decisions/0025). A bucket yields its burst, and the same number
# again per period: strangers, including those who share the owner's address, have at most 100 attempts in any hour
# (ASVS 2.2.1).
FAILED_LOGINS = Limit("failed-logins", burst=10, seconds=60)  # per account and address, or device
FAILED_LOGINS_OF_STRANGERS = Limit("failed-logins-of-strangers", burst=25, seconds=3600)  # per account
FAILED_LOGINS_OF_KNOWN = Limit("failed-logins-of-known", burst=25, seconds=3600)  # per account and address, or device
# the first failure at an account counts 5
FAILED_LOGINS_BY_ADDRESS = Limit("failed-logins-by-address", burst=1000, seconds=60)
LOGINS = Limit("logins", burst=30, seconds=60)  # successful ones, per account
# Guessing of room passwords (services.room_passwords, docs/decisions/0026).
WRONG_PASSWDS = Limit("wrong-passwds", burst=10, seconds=60)  # per user, over all rooms
ROOM_HASHES = Limit("room-hashes", burst=10, seconds=60)  # per user: rooms created with a passwd, and passwds tried
WRONG_PASSWDS_AN_HOUR = Limit("wrong-passwds-an-hour", burst=30, seconds=3600)  # per user, over all rooms
WRONG_PASSWDS_OF_ROOM = Limit("wrong-passwds-of-room", burst=20, seconds=60)  # by new accounts, per room and address
# by new accounts, per room
WRONG_PASSWDS_OF_ROOM_IN_ALL = Limit("wrong-passwds-of-room-in-all", burst=200, seconds=3600)
CODES_BY_MAILBOX = Limit("codes-by-mailbox", burst=3, seconds=600)
CODES_BY_ADDRESS = Limit("codes-by-address", burst=30, seconds=3600)
ROOM_TICKETS = Limit("room-tickets", burst=60, seconds=60)  # per user; they live for a minute
FRIEND_REQUESTS = Limit("friend-requests", burst=100, seconds=3600)  # per user
ANNOUNCEMENTS = Limit("announcements", burst=20, seconds=60)  # per user, over all rooms
OWN_DATA = Limit("own-data", burst=5, seconds=600)  # per user
EXPORTS = Limit("exports", burst=10, seconds=600)  # of rooms, per user
WRONG_CODES_BY_ADDRESS = Limit("wrong-codes-by-address", burst=20, seconds=60)  # join codes
WRONG_CODES = Limit("wrong-codes", burst=10, seconds=60)  # join codes, per user
REGISTRATIONS = Limit("registrations", burst=200, seconds=60)  # per address


class MemoryBuckets:
    """Buckets of this process, for events too frequent for the database."""

    _SWEEP_AT = 10_000  # buckets, or twice the number left by the last sweep

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sweep_at = self._SWEEP_AT
        self._full_at: dict[tuple[str, object], int] = {}

    def take(self, limit: Limit, key: object, now: int) -> float:
        """Take one. Returns 0, or the seconds to wait."""
        with self._lock:
            state, wait = limit.take(self._full_at.get((limit.name, key), 0), now)
            self._full_at[limit.name, key] = state
            if len(self._full_at) > self._sweep_at:
                self._full_at = {k: v for k, v in self._full_at.items() if v > now}
                self._sweep_at = max(self._SWEEP_AT, 2 * len(self._full_at))
            return wait

    def give_back(self, limit: Limit, key: object) -> None:
        """Return one that was taken."""
        with self._lock:
            self._full_at[limit.name, key] = self._full_at.get((limit.name, key), 0) - limit.interval
