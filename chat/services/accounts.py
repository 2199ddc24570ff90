"""Accounts: registration and login (docs/specification.md, "Account")."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.exc import IntegrityError

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane
from chat.models import Actor, AuditAction, Event, EventKind, User
from chat.names import NICKNAME_MAX_CHARS, USERNAME_MAX_CHARS, is_name, name_key
from chat.ports import Store, WriteTransaction
from chat.security import passwords
from chat.security.devices import Devices
from chat.security.events import SecurityLog
from chat.security.limits import LOGINS, REGISTRATIONS
from chat.services import access, audit, usernames
from chat.services.access import UserRef
from chat.services.change_log import record_account
from chat.services.credentials import PASSWORD_MAX_CHARS, Proven, digests, hashes
from chat.services.erased_names import ErasedNames
from chat.services.password_guessing import Caller, PasswordGuessing, Target
from chat.services.presence import Presence
from chat.services.rate_limits import Limits
from chat.services.rooms import Rooms
from chat.services.sessions import NewSession, Sessions
from chat.services.site import Site


@dataclass(frozen=True, slots=True)
class Profile:
    """The public data of an account."""

    user_id: int
    username: str
    nickname: str
    avatar: str
    created_at: int  # µs
    updated_at: int  # µs; last change of the fields above


class Accounts:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        limits: Limits,
        presence: Presence,
        sessions: Sessions,
        rooms: Rooms,
        guesses: PasswordGuessing,
        devices: Devices,
        security_log: SecurityLog,
        site: Site,
        erased: ErasedNames,
        password_min_length: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._presence = presence
        self._sessions = sessions
        self._rooms = rooms
        self._guesses = guesses
        self._devices = devices
        self._security_log = security_log
        self._site = site
        self._erased = erased
        self.password_min_length = password_min_length

    def create(
        self, username: str, password: str, address: str, nickname: str | None = None, *, code: str | None = None
    ) -> int:
        """Create an account in the lobby without logging in, and return the user's id.

        The nickname defaults to the username. `code`: see `Site.admit`. Raises USERNAME_INVALID, FIELD_INVALID,
        PASSWORD_INVALID, REGISTRATION_CLOSED, JOIN_CODE_WRONG, USERNAME_TAKEN, NICKNAME_TAKEN, TEACHERS_NAME,
        RATE_LIMITED.
        """
        row = self._new_row(username, password, address, nickname, code)
        with self._store.write() as tx:
            self._site.require_admission(tx, code)
            user_id = self._insert(tx, row, address)
        self._security_log.write("registration", user_id, username)
        return user_id

    def register(
        self,
        username: str,
        password: str,
        address: str,
        nickname: str | None = None,
        *,
        code: str | None = None,
        device: str | None = None,
    ) -> tuple[int, NewSession]:
        """Create an account and log in, atomically. Returns the user's id and the session. `device`: see `log_in`."""
        row = self._new_row(username, password, address, nickname, code)
        return self._insert_and_log_in(row, Caller(address, device), code)

    def register_by_email(
        self, email: str, password: str, nickname: str, address: str, *, code: str | None = None
    ) -> tuple[int, NewSession, bool]:
        """Create an account whose username is its e-mail address, or restore the deleted account with that address and
        password.

        Returns the user's id, the session, and whether the account was restored; a restored account keeps its nickname.
        Raises EMAIL_INVALID, NICKNAME_INVALID, PASSWORD_INVALID, USERNAME_TAKEN, NICKNAME_TAKEN, TEACHERS_NAME,
        RATE_LIMITED; for a new account REGISTRATION_CLOSED, JOIN_CODE_WRONG; for a restored one DISABLED.
        """
        usernames.check_email(email)
        usernames.check_nickname(nickname)
        self.check_password(password)
        with self._store.read() as connection:
            taken = connection.execute(select(User.id, User.deleted_at).where(usernames.is_called(email))).first()
        if taken is None:
            self._site.admit(code, address)
        enter_lane(Lane.HASHING)
        if taken is None:
            self._limits.take_shared((REGISTRATIONS, address))
            row = self._row(email, password, nickname) | {"email": email, "email_key": name_key(email)}
            return *self._insert_and_log_in(row, Caller(address), code), False
        if taken.deleted_at is None:
            raise ChatError(ErrorCode.USERNAME_TAKEN, username=email)
        try:
            proven = self._prove(User.id == taken.id, email, password, Caller(address))
        except ChatError as error:
            if error.code is ErrorCode.CREDENTIALS_WRONG:
                raise ChatError(ErrorCode.USERNAME_TAKEN, username=email) from None
            raise
        return *self._log_in(proven, Caller(address), restores=True), True

    def _log_in(self, proven: Proven, caller: Caller, *, restores: bool = False) -> tuple[int, NewSession]:
        """Raises RATE_LIMITED, DISABLED; CREDENTIALS_WRONG or USER_DELETED if the account has changed since the
        password check.
        """
        user_id = proven.user_id
        with self._store.write() as tx:
            if restores:
                usernames.lock_names_of(tx, user_id)  # before the row, as everybody who changes names
            proven.require_still(tx)
            user = tx.execute(select(User.deleted_at, User.disabled_at).where(User.id == user_id)).one()
            if user.deleted_at is not None and not restores:
                raise ChatError(ErrorCode.USER_DELETED)
            if user.disabled_at is not None:
                raise ChatError(ErrorCode.DISABLED)
            if restores:
                tx.execute(update(User).where(User.id == user_id).values(deleted_at=None))
                usernames.require_still_unlike(tx, user_id)
                record_account(tx, self._clock(), user_id, is_gone=False)
                tx.emit(Event(EventKind.USER, user_id))
            self._limits.take_within(tx, LOGINS, user_id)
            self._guesses.remember_within(tx, user_id, caller.address)
            session = self._sessions.open_within(tx, user_id)
        self._security_log.write("account_restored" if restores else "login", user_id, proven.username)
        return user_id, self._begun(user_id, session, caller, proven.password_sha1)

    def _insert_and_log_in(self, row: dict[str, Any], caller: Caller, code: str | None) -> tuple[int, NewSession]:
        with self._store.write() as tx:
            self._site.require_admission(tx, code)
            user_id = self._insert(tx, row, caller.address)
            session = self._sessions.open_within(tx, user_id)
        self._security_log.write("registration", user_id, row["username"])
        return user_id, self._begun(user_id, session, caller, row["password_sha1"])

    def _begun(self, user_id: int, session: NewSession, caller: Caller, password_hash: str) -> NewSession:
        self._presence.touch(session.id, user_id)
        if caller.device is None:
            return session
        return replace(session, device=self._devices.remember(caller.device, user_id, password_hash))

    def find(self, ref: UserRef) -> Profile:
        """Return the public data of an account. Raises USER_NOT_FOUND, also for a deleted account."""
        query = select(User.id, User.username, User.nickname, User.avatar, User.created_at, User.updated_at)
        with self._store.read() as connection:
            row = connection.execute(query.where(access.is_user(ref))).first()
        if row is None:
            raise ChatError(ErrorCode.USER_NOT_FOUND, username=ref)
        return Profile(*row)

    def log_in(
        self, username: str, password: str, address: str, *, device: str | None = None, digest_allowed: bool = False
    ) -> tuple[int, NewSession]:
        """Log in with a password or, if `digest_allowed`, with its MD5 or SHA-1 in hex.

        Returns the user's id and the session. `device`: the browser's device cookie; None if the protocol has no
        cookies. Raises CREDENTIALS_WRONG (for unknown users too, after the same time); RATE_LIMITED after too many
        failures or log-ins; DISABLED if the password is right.
        """
        caller = Caller(address, device)
        proven = self._prove(access.is_user(username), username, password, caller, digest_allowed=digest_allowed)
        try:
            return self._log_in(proven, caller)
        except ChatError as error:
            if error.code is ErrorCode.USER_DELETED:
                raise ChatError(ErrorCode.CREDENTIALS_WRONG) from None
            raise

    def log_in_telling(self, login: str, password: str, address: str) -> tuple[int, NewSession]:
        """Log in by username or e-mail address, for a protocol that reports which of the two was wrong.

        Raises USER_NOT_FOUND, USER_DELETED, CREDENTIALS_WRONG, RATE_LIMITED, DISABLED.
        """
        with self._store.read() as connection:
            user = connection.execute(select(User.id, User.deleted_at).where(usernames.is_called(login))).first()
        user_id = user.id if user is not None and user.deleted_at is None else 0
        caller = Caller(address)
        try:
            return self._log_in(self._prove(User.id == user_id, login, password, caller), caller)
        except ChatError as error:
            if error.code is not ErrorCode.CREDENTIALS_WRONG or user_id:
                raise
            code = ErrorCode.USER_NOT_FOUND if user is None else ErrorCode.USER_DELETED
            raise ChatError(code, username=login) from None

    def prove_own(self, actor: Actor, password: str, address: str) -> Proven:
        """Check the actor's own password. Raises CREDENTIALS_WRONG, RATE_LIMITED."""
        return self._prove(User.id == actor.user_id, actor.username, password, Caller(address))

    def _prove(
        self, who: ColumnElement[bool], name: str, password: str, caller: Caller, *, digest_allowed: bool = False
    ) -> Proven:
        query = select(User.id, User.username, User.password_sha1, User.password_md5)
        with self._store.read() as connection:
            user = connection.execute(query.where(who)).first()
        buckets = self._guesses.buckets(None if user is None else Target(user.id, user.password_sha1), name, caller)
        self._limits.check_shared(*buckets)  # refused attempts do not wait for a hashing thread
        with passwords.place():
            tried = self._guesses.count(buckets)
            # An unknown user costs as many comparisons as a known one.
            for column, digest in digests(password, digest_allowed=digest_allowed):
                if passwords.verify(getattr(user, column, None), digest) and user is not None:
                    self._guesses.forgive(tried)
                    return Proven(user.id, user.username, user.password_sha1)
        known = {} if user is None else {"user_id": user.id, "user": user.username}
        self._security_log.write("login_failed", **known)
        raise ChatError(ErrorCode.CREDENTIALS_WRONG)

    def set_password(
        self, username: str, password: str, *, actor: Actor | None = None, is_one_time: bool = False
    ) -> None:
        """Change a password and end all sessions of the account. Raises USER_NOT_FOUND, PASSWORD_INVALID.

        actor: a teacher; None: the administrator, by a command. is_one_time: the page requires a new password at the
        next log-in.
        """
        self.check_password(password)
        changes = hashes(password) | {"must_change_password": is_one_time}
        with self._store.write() as tx:
            found = User.username_key == name_key(username)
            user_id = tx.execute(select(User.id).where(found, User.deleted_at.is_(None))).scalar()
            if user_id is None:
                raise ChatError(ErrorCode.USER_NOT_FOUND, username=username)
            tx.execute(update(User).where(User.id == user_id).values(changes))
            self._sessions.end_all_within(tx, user_id)
            audit.record(tx, self._clock(), actor, AuditAction.PASSWORD_RESET, subject_id=user_id)
        self._security_log.write("password_change", user_id, username)

    def _new_row(
        self, username: str, password: str, address: str, nickname: str | None, code: str | None
    ) -> dict[str, Any]:
        if not is_name(username, USERNAME_MAX_CHARS):
            raise ChatError(ErrorCode.USERNAME_INVALID)
        if nickname and not is_name(nickname, NICKNAME_MAX_CHARS):
            raise ChatError(ErrorCode.FIELD_INVALID, field="nickname")
        self.check_password(password)
        self._site.admit(code, address)
        enter_lane(Lane.HASHING)  # before anything is taken from the rate limit
        self._limits.take_shared((REGISTRATIONS, address))
        return self._row(username, password, nickname or username)

    def _row(self, username: str, password: str, nickname: str) -> dict[str, Any]:
        with self._store.read() as connection:  # before hashing, which is expensive
            usernames.require_names(connection, self._erased, username=username, nickname=nickname)
        now = self._clock()
        names = usernames.name_columns(username=username, nickname=nickname)
        return {**names, "created_at": now, "updated_at": now, **hashes(password)}

    def _insert(self, tx: WriteTransaction, row: dict[str, Any], address: str) -> int:
        usernames.settle_names(tx, self._erased, username=row["username"], nickname=row["nickname"])
        try:
            user_id: int = tx.execute(insert(User).values(row).returning(User.id)).scalar_one()
        except IntegrityError:
            raise ChatError(ErrorCode.USERNAME_TAKEN, username=row["username"]) from None
        self._rooms.enter_lobby(tx, [user_id])
        self._guesses.remember_within(tx, user_id, address)
        return user_id

    def check_password(self, password: str) -> None:
        """Raise PASSWORD_INVALID."""
        if not self.password_min_length <= len(passwords.normal(password)) <= PASSWORD_MAX_CHARS:
            raise ChatError(ErrorCode.PASSWORD_INVALID, min=self.password_min_length, max=PASSWORD_MAX_CHARS)
