"""Presence in the database (chat.ports.Online): a column of the sessions, so it ends with them."""

from collections.abc import Iterable, Sequence
from operator import itemgetter

from sqlalchemy import BigInteger, Text, or_, select, update

from chat.models import LoginSession
from chat.ports import OnlineChange, Store
from chat.storage.prepared import Batch

_grow_or_take_back = Batch(
    lambda value: (
        update(LoginSession)
        .where(
            LoginSession.id == value("session"),
            # Lower `online_until` only if this process wrote the stored value; another process may have extended it.
            or_(LoginSession.online_until < value("until"), LoginSession.online_until == value("written")),
        )
        .values(online_until=value("until"))
    ),
    {"session": Text(), "until": BigInteger(), "written": BigInteger()},
)


class SqlOnline:
    losses = 0

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, changes: Sequence[OnlineChange], now: int) -> None:  # noqa: ARG002
        """Store changes. A time only grows, unless this process wrote the stored one."""
        if changes:
            with self._store.write() as tx:
                # in one order for all processes: no deadlocks
                tx.run_many(_grow_or_take_back, sorted(changes, key=itemgetter("session")))

    def forget(self, sessions: Iterable[tuple[str, int]]) -> None:
        """Nothing: presence went with the session's row."""

    def everybody(self, now: int) -> frozenset[int]:
        """Return the ids of all users with a session that is online."""
        with self._store.read_each() as connection:
            query = select(LoginSession.user_id).where(LoginSession.online_until > now).distinct()
            return frozenset(connection.execute(query).scalars())
