"""Rate limits on password guessing that do not lock out the owner (docs/decisions/0025).

Each attempt is taken from its buckets before the password is compared, and refunded if the password was right.
Simultaneous attempts, in any number of processes, are therefore counted one by one.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select, update

from chat.clock import SECOND, Clock
from chat.models import KnownAddress
from chat.names import name_key
from chat.ports import Store, WriteTransaction
from chat.security.devices import Devices
from chat.security.limits import (
    FAILED_LOGINS,
    FAILED_LOGINS_BY_ADDRESS,
    FAILED_LOGINS_OF_KNOWN,
    FAILED_LOGINS_OF_STRANGERS,
    Limit,
)
from chat.services.rate_limits import Limits
from chat.storage.prepared import Prepared

KEEP_ADDRESSES_FOR = 30 * 86400 * SECOND  # µs
MOST_ADDRESSES = 5  # per account; the newest are kept
_of_user = KnownAddress.user_id == bindparam("user")
_see_again = Prepared(
    update(KnownAddress)
    .where(_of_user, KnownAddress.mark == bindparam("seen"))
    .values(seen_at=bindparam("now"))
    .returning(KnownAddress.mark)
)
_remember = Prepared(insert(KnownAddress), ["user_id", "mark", "seen_at"])
_newest = select(KnownAddress.mark).where(_of_user).order_by(KnownAddress.seen_at.desc()).limit(MOST_ADDRESSES)
_forget_oldest = Prepared(delete(KnownAddress).where(_of_user, KnownAddress.mark.not_in(_newest)))
_FIRST_FAILURE_COUNTS = 5  # per address: failures at many accounts weigh more than repeated failures at one


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that attempts to log in, before its password is checked."""

    address: str
    device: str | None = None  # the device cookie, "" if absent; None if the protocol has no cookies


@dataclass(frozen=True, slots=True)
class Target:
    """The account that the password is for."""

    user_id: int
    password_hash: str


@dataclass(frozen=True, slots=True)
class Try:
    """One password attempt, counted as a failure until it succeeds."""

    undo: Callable[[], None]


class PasswordGuessing:
    def __init__(self, store: Store, clock: Clock, limits: Limits, devices: Devices) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._devices = devices

    def buckets(self, target: Target | None, name: str, caller: Caller) -> list[tuple[Limit, str]]:
        """Return the buckets for an attempt at an account (None: no such account) from this caller.

        Browsers and addresses that the account has been used from have their own buckets; all others share some.
        """
        account = _of_nobody(name) if target is None else f"user {target.user_id}"
        known = "" if target is None else self._known_as(target, caller)
        if known:
            return [(FAILED_LOGINS, f"{account} {known}"), (FAILED_LOGINS_OF_KNOWN, f"{account} {known}")]
        return [
            (FAILED_LOGINS, f"{account} {caller.address}"),
            (FAILED_LOGINS_OF_STRANGERS, account),
            (FAILED_LOGINS_BY_ADDRESS, caller.address),
        ]

    def count(self, buckets: list[tuple[Limit, str]]) -> Try:
        """Count one attempt. Raises RATE_LIMITED, in which case nothing is counted."""
        is_first = self._limits.enabled and self._limits.is_full(*buckets[0])
        takes = [(limit, key, self._weight(limit, is_first=is_first)) for limit, key in buckets]
        return Try(self._limits.take_each(takes))

    def forgive(self, tried: Try) -> None:
        """Refund a successful attempt."""
        tried.undo()

    def remember_within(self, tx: WriteTransaction, user_id: int, address: str) -> None:
        """Record that the account was used from this address (login or registration)."""
        now = self._clock()
        mark = self._devices.address_mark(user_id, address)
        if not tx.run(_see_again, {"user": user_id, "seen": mark, "now": now}):
            tx.run(_remember, {"user_id": user_id, "mark": mark, "seen_at": now})
            tx.run(_forget_oldest, {"user": user_id})

    def purge(self) -> None:
        """Delete addresses that have not been used for a long time."""
        with self._store.write() as tx:
            tx.execute(delete(KnownAddress).where(KnownAddress.seen_at < self._clock() - KEEP_ADDRESSES_FOR))

    def _known_as(self, target: Target, caller: Caller) -> str:
        device = self._devices.find(caller.device or "", target.user_id, target.password_hash)
        if device:
            return f"device {device}"
        mark = self._devices.address_mark(target.user_id, caller.address)
        is_it = (KnownAddress.user_id == target.user_id, KnownAddress.mark == mark)
        with self._store.read() as connection:
            seen_at = connection.execute(select(KnownAddress.seen_at).where(*is_it)).scalar()
        is_known = seen_at is not None and seen_at >= self._clock() - KEEP_ADDRESSES_FOR
        return f"known {caller.address}" if is_known else ""

    @staticmethod
    def _weight(limit: Limit, *, is_first: bool) -> int:
        return _FIRST_FAILURE_COUNTS if limit is FAILED_LOGINS_BY_ADDRESS and is_first else 1


def _of_nobody(name: str) -> str:
    """Return a fixed-length key for a name without an account: names typed by mistake must not be stored."""
    return "nobody " + hashlib.sha256(name_key(name).encode(errors="replace")).hexdigest()[:32]
