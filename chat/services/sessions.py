"""Sessions: a login that the server can end (specs, "Sessions")."""

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select

from chat.clock import SECOND, Clock
from chat.models import Actor, Event, EventKind, LoginSession, User
from chat.services.presence import Presence
from chat.storage.store import Store, WriteTransaction


@dataclass(frozen=True, slots=True)
class NewSession:
    id: str
    lifetime_s: float


# Built once: each request runs it.
_living = (
    select(User.id, User.username, User.nickname, User.email, User.avatar)
    .add_columns(LoginSession.id, LoginSession.expires_at)
    .join(LoginSession, LoginSession.user_id == User.id)
    .where(
        LoginSession.id == bindparam("session"),
        LoginSession.expires_at > bindparam("now"),
        User.id == bindparam("user"),
        User.deleted_at.is_(None),
    )
)


class Sessions:
    def __init__(self, store: Store, clock: Clock, presence: Presence, hours: float) -> None:
        self._store = store
        self._clock = clock
        self._presence = presence
        self._lifetime_s = hours * 3600

    def open(self, user_id: int) -> NewSession:
        """Log a user in."""
        with self._store.write() as tx:
            session = self.open_within(tx, user_id)
        self._presence.touch(session.id, user_id)
        return session

    def open_within(self, tx: WriteTransaction, user_id: int) -> NewSession:
        """The same within a transaction that makes the account."""
        now = self._clock()
        session = NewSession(secrets.token_urlsafe(16), self._lifetime_s)
        row = {
            "id": session.id,
            "user_id": user_id,
            "created_at": now,
            "expires_at": now + round(self._lifetime_s * SECOND),
        }
        tx.execute(insert(LoginSession).values(row))
        return session

    def resolve(self, session_id: str, user_id: int) -> Actor | None:
        """Whose session it is; None if it has ended, was ended, or never was."""
        with self._store.read() as connection:
            return self.resolve_within(connection, session_id, user_id)

    def resolve_within(self, connection: Connection | WriteTransaction, session_id: str, user_id: int) -> Actor | None:
        """The same within a transaction."""
        values = {"session": session_id, "user": user_id, "now": self._clock()}
        row = connection.execute(_living, values).first()
        return None if row is None else Actor(*row)

    def close(self, actor: Actor) -> None:
        """Log out: the session's token is worth nothing from here on, and what waits with it is answered."""
        with self._store.write() as tx:
            tx.execute(delete(LoginSession).where(LoginSession.id == actor.session_id))
            tx.emit(Event(EventKind.USER, actor.user_id))
        self._presence.forget(actor.session_id)

    def end_all_within(self, tx: WriteTransaction, user_id: int) -> None:
        """The same for all sessions of a user, within the transaction that gives the reason."""
        tx.execute(delete(LoginSession).where(LoginSession.user_id == user_id))
        tx.emit(Event(EventKind.USER, user_id))

    def purge(self) -> None:
        """Drop what has expired."""
        with self._store.write() as tx:
            tx.execute(delete(LoginSession).where(LoginSession.expires_at <= self._clock()))
