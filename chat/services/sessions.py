"""Sessions: logins that the server can end (docs/specification.md, "Sessions")."""

import secrets
import threading
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Integer, bindparam, delete, insert, select

from chat.clock import SECOND, Clock
from chat.delivery import Hub
from chat.models import Actor, Event, EventKind, LoginSession, User
from chat.ports import Store, WriteTransaction
from chat.security.events import SecurityLog
from chat.services.presence import Presence
from chat.storage.prepared import Prepared

MOST_KNOWN = 10_000  # users with cached sessions
MOST_OF_USER = 100  # cached sessions per user
MOST_SHOWN = 100  # sessions listed to their user
MOST_OPEN = 200  # sessions of a user at any time


class SessionState(StrEnum):
    """The state of a session, as reported to a client."""

    LIVING = "living"
    NONE = "none"  # no session
    PASSWORD = "password"  # noqa: S105 - the password changed after it began
    DELETED = "deleted"  # the account was deleted
    DISABLED = "disabled"  # a teacher disabled the account
    ENDED = "ended"  # logged out or expired


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as its user sees it."""

    created_at: int  # µs
    expires_at: int  # µs
    protocol: str  # the protocol that opened it; "" for sessions of older versions
    address: str  # the client's address
    is_current: bool


@dataclass(frozen=True, slots=True)
class NewSession:
    id: str
    lifetime_s: float
    device: str = ""  # value for the browser's device cookie; "" for protocols without cookies


# Built once, because every request runs it.
_living = (
    select(User.id, User.username, User.nickname, User.email)
    .add_columns(LoginSession.id, LoginSession.expires_at, User.created_at, User.is_teacher)
    .join(LoginSession, LoginSession.user_id == User.id)
    .where(
        LoginSession.id == bindparam("session"),
        LoginSession.expires_at > bindparam("now"),
        User.id == bindparam("user"),
        User.deleted_at.is_(None),
        User.disabled_at.is_(None),
    )
)


# Every log-in and registration runs them.
_COLUMNS = ["id", "user_id", "created_at", "expires_at", "online_until", "protocol", "address", "program"]
_insert = Prepared(insert(LoginSession), _COLUMNS)
_others = (
    select(LoginSession.id)
    .where(LoginSession.user_id == bindparam("user"), LoginSession.id != bindparam("session"))
    .order_by(LoginSession.created_at.desc(), LoginSession.id)
)
_beyond = _others.offset(bindparam("most", type_=Integer))
_end_oldest = Prepared(delete(LoginSession).where(LoginSession.id.in_(_beyond)).returning(LoginSession.id))


class Sessions:
    def __init__(
        self, store: Store, hub: Hub, clock: Clock, presence: Presence, security_log: SecurityLog, hours: float
    ) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._presence = presence
        self._security_log = security_log
        self._lifetime_s = hours * 3600
        self._lock = threading.Lock()
        # active sessions by user, cached until an event about the user arrives
        self._known: dict[int, dict[str, Actor]] = {}
        self._changes = 0

    def open(self, user_id: int) -> NewSession:
        """Log a user in."""
        with self._store.write() as tx:
            session = self.open_within(tx, user_id)
        self._presence.touch(session.id, user_id)
        return session

    def open_within(self, tx: WriteTransaction, user_id: int) -> NewSession:
        """Log a user in within the transaction that creates the account. The oldest session beyond MOST_OPEN ends."""
        now = self._clock()
        session = NewSession(secrets.token_urlsafe(16), self._lifetime_s)
        whence = self._security_log.whence()
        row = {
            "id": session.id,
            "user_id": user_id,
            "created_at": now,
            "expires_at": now + round(self._lifetime_s * SECOND),
            "protocol": whence.protocol,
            "address": whence.address,
            "program": whence.program,
            "online_until": 0,
        }
        tx.run(_insert, row)
        if tx.run(_end_oldest, {"user": user_id, "session": session.id, "most": MOST_OPEN - 1}):
            tx.emit(Event(EventKind.USER, user_id))
        return session

    def resolve(self, session_id: str, user_id: int) -> Actor | None:
        """Return the session's user; None if the session has ended or never existed."""
        is_current = self._hub.is_current()
        actor = self._known.get(user_id, {}).get(session_id) if is_current else None
        if actor is not None:
            return actor if actor.session_ends > self._clock() else None
        changes = self._changes
        with self._store.read_each() as connection:
            actor = self.resolve_within(connection, session_id, user_id)
        if actor is None or not is_current:
            return actor
        with self._lock:
            if changes == self._changes:  # otherwise the session may have ended while it was read
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                of_user = self._known.setdefault(user_id, {})
                if len(of_user) >= MOST_OF_USER:
                    of_user.clear()
                of_user[session_id] = actor
        return actor

    def resolve_within(self, connection: Connection | WriteTransaction, session_id: str, user_id: int) -> Actor | None:
        """Return the session's user within a transaction; None if the session has ended or never existed."""
        values = {"session": session_id, "user": user_id, "now": self._clock()}
        row = connection.execute(_living, values).first()
        return None if row is None else Actor(*row)

    def state(self, session_id: str, user_id: int, begun_at: float) -> tuple[SessionState, str]:
        """Return the state of a session that began at this time (epoch s), and its username while it is active."""
        actor = self.resolve(session_id, user_id)
        if actor is not None:
            return SessionState.LIVING, actor.username
        with self._store.read() as connection:
            about = select(User.deleted_at, User.disabled_at, User.password_changed_at).where(User.id == user_id)
            user = connection.execute(about).first()
        if user is None or user.deleted_at is not None:
            return SessionState.DELETED, ""
        if user.disabled_at is not None:
            return SessionState.DISABLED, ""
        is_newer = user.password_changed_at / SECOND > begun_at
        return SessionState.PASSWORD if is_newer else SessionState.ENDED, ""

    def doubt(self, user_id: int | None) -> None:
        """Invalidate cached sessions of a user (None: of all users)."""
        with self._lock:
            self._changes += 1
            if user_id is None:
                self._known.clear()
            else:
                self._known.pop(user_id, None)

    def close(self, actor: Actor) -> None:
        """Log out: end the session and answer its held requests."""
        with self._store.write() as tx:
            tx.execute(delete(LoginSession).where(LoginSession.id == actor.session_id))
            tx.emit(Event(EventKind.USER, actor.user_id))
        self._presence.forget([actor.session_id], actor.user_id)
        self._security_log.write("logout", actor.user_id, actor.username)

    def own(self, actor: Actor) -> list[SessionView]:
        """List the actor's active sessions, newest first."""
        query = (
            select(LoginSession.created_at, LoginSession.expires_at, LoginSession.protocol, LoginSession.address)
            .add_columns((LoginSession.id == actor.session_id).label("is_current"))
            .where(LoginSession.user_id == actor.user_id, LoginSession.expires_at > self._clock())
            .order_by(LoginSession.created_at.desc())
            .limit(MOST_SHOWN)
        )
        with self._store.read() as connection:
            return [SessionView(*row) for row in connection.execute(query)]

    def close_all(self, actor: Actor) -> None:
        """Log out everywhere: end all of the actor's sessions."""
        with self._store.write() as tx:
            ids = tx.execute(select(LoginSession.id).where(LoginSession.user_id == actor.user_id)).scalars().all()
            self.end_all_within(tx, actor.user_id)
        self._presence.forget(ids, actor.user_id)
        self._security_log.write("logout", actor.user_id, actor.username, sessions=len(ids))

    def close_others(self, actor: Actor) -> None:
        """Log out everywhere except here."""
        others = (LoginSession.user_id == actor.user_id, LoginSession.id != actor.session_id)
        with self._store.write() as tx:
            ids = tx.execute(select(LoginSession.id).where(*others)).scalars().all()
            self.end_all_within(tx, actor.user_id, but_for=actor.session_id)
        self._presence.forget(ids, actor.user_id)
        self._security_log.write("logout", actor.user_id, actor.username, sessions=len(ids))

    def end_all_within(self, tx: WriteTransaction, user_id: int, *, but_for: str = "") -> None:
        """End all sessions of a user except one, in the transaction that makes it necessary."""
        tx.execute(delete(LoginSession).where(LoginSession.user_id == user_id, LoginSession.id != but_for))
        tx.emit(Event(EventKind.USER, user_id))

    def purge(self) -> None:
        """Delete expired sessions."""
        with self._store.write() as tx:
            tx.execute(delete(LoginSession).where(LoginSession.expires_at <= self._clock()))
