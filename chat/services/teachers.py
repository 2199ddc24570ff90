"""Teachers, and their management of accounts (docs/decisions/0110)."""

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, AuditAction, Event, EventKind, User
from chat.names import NICKNAME_MAX_CHARS, USERNAME_MAX_CHARS, is_name
from chat.ports import Store, WriteTransaction
from chat.security.events import SecurityLog
from chat.services import access, audit, paging
from chat.services.accounts import Accounts
from chat.services.audit import differing
from chat.services.erased_names import ErasedNames
from chat.services.membership_changes import pass_on_rooms
from chat.services.paging import Listed, Page
from chat.services.permissions import require_teacher
from chat.services.presence import Presence
from chat.services.profile_changes import tell_profiles
from chat.services.sessions import Sessions
from chat.services.site import Site, drop_claim, lock_site, require_another_teacher
from chat.services.user_directory import accounts, called
from chat.services.usernames import lock_names_of, name_columns, require_still_unlike, settle_names

_CONSONANTS, _VOWELS = "bdfghkmnprstvz", "aeiou"  # without letters that look like others or like digits


@dataclass(frozen=True, slots=True)
class PersonView:
    """An account as seen by teachers."""

    user_id: int
    username: str
    nickname: str
    email: str
    is_teacher: bool
    is_disabled: bool
    must_change_password: bool
    created_at: int  # µs
    is_online: bool


class Teachers:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        accounts: Accounts,
        sessions: Sessions,
        presence: Presence,
        site: Site,
        erased: ErasedNames,
        security_log: SecurityLog,
    ) -> None:
        self._store = store
        self._clock = clock
        self._accounts = accounts
        self._sessions = sessions
        self._presence = presence
        self._site = site
        self._erased = erased
        self._security_log = security_log

    def claim(self, actor: Actor, token: str) -> None:
        """Become the site's first teacher with the link printed at the start.

        Raises CLAIM_INVALID; LOOKS_LIKE_OTHER if another user has a name that looks like one of the actor's.
        """
        with self._store.write() as tx:
            lock_site(tx)
            if not self._site.is_claim(tx, token):
                raise ChatError(ErrorCode.CLAIM_INVALID)
            drop_claim(tx)
            self._set_teacher(tx, actor, actor.user_id, is_teacher=True)
        self._security_log.write("teacher", actor.user_id, actor.username)

    def appoint(self, actor: Actor | None, username: str, *, is_teacher: bool) -> None:
        """Appoint or dismiss a teacher. actor: a teacher; None: the administrator, on the command line.

        Raises NOT_TEACHER, USER_NOT_FOUND; LAST_TEACHER if the user is the only one; LOOKS_LIKE_OTHER, TEACHERS_NAME if
        a name looks like that of a pupil, or of a remaining teacher.
        """
        require_teacher(actor)
        with self._store.write() as tx:
            lock_site(tx)
            user_id = access.user_id(tx, username)
            if not is_teacher and actor is not None:
                require_another_teacher(tx, user_id)
            if is_teacher:
                drop_claim(tx)
            self._set_teacher(tx, actor, user_id, is_teacher=is_teacher)
        self._log(actor, "teacher" if is_teacher else "teacher_revoked", username)

    def people(self, actor: Actor | None, page: Page) -> Listed[PersonView]:
        """List the accounts that are not deleted, oldest first. Raises NOT_TEACHER."""
        require_teacher(actor)
        query = (
            select(User.id, User.username, User.nickname, User.email, User.is_teacher, User.disabled_at)
            .add_columns(User.must_change_password, User.created_at)
            .where(User.deleted_at.is_(None))
        )
        with self._store.read() as connection:
            rows = paging.fetch(connection, query, [User.id], page, search=called)
        online = self._presence.online(row.id for row in rows)
        found = [
            PersonView(
                user_id=row.id,
                username=row.username,
                nickname=row.nickname,
                email=row.email,
                is_teacher=row.is_teacher,
                is_disabled=row.disabled_at is not None,
                must_change_password=row.must_change_password,
                created_at=row.created_at,
                is_online=row.id in online,
            )
            for row in rows
        ]
        return rows.with_entries(found)

    def count(self, actor: Actor) -> int:
        """Return the number of accounts that are not deleted. Raises NOT_TEACHER."""
        require_teacher(actor)
        with self._store.read() as connection:
            return connection.execute(accounts).scalar_one()

    def reset_password(self, actor: Actor | None, username: str) -> str:
        """Set a one-time password for a user, end their sessions, and return the password.

        Raises NOT_TEACHER, USER_NOT_FOUND.
        """
        require_teacher(actor)
        with self._store.read() as connection:  # before hashing, which is expensive
            access.user_id(connection, username)
        password = easy_password(self._accounts.password_min_length)
        self._accounts.set_password(username, password, actor=actor, is_one_time=True)
        self._log(actor, "password_reset", username)
        return password

    def set_disabled(self, actor: Actor | None, username: str, *, is_disabled: bool) -> None:
        """Disable an account (log-ins are refused, sessions and sockets end, the name stays taken), or enable it again.

        Raises NOT_TEACHER, USER_NOT_FOUND, SELF_MEANT, LAST_TEACHER.
        """
        disabled_at = self._clock() if is_disabled else None
        with self._store.write() as tx:
            user_id = _other(tx, actor, username)
            was_disabled = tx.execute(select(User.disabled_at).where(User.id == user_id)).scalar() is not None
            tx.execute(update(User).where(User.id == user_id).values(disabled_at=disabled_at))
            if was_disabled != is_disabled:
                states = ({"disabled": was_disabled}, {"disabled": is_disabled})
                self._record(tx, actor, AuditAction.ACCOUNT_DISABLED, user_id, *states)
            if is_disabled:
                self._sessions.end_all_within(tx, user_id)
        self._log(actor, "account_disabled" if is_disabled else "account_enabled", username)

    def rename(self, actor: Actor | None, username: str, new_username: str | None, nickname: str | None) -> bool:
        """Change a user's username or nickname; None leaves it unchanged. Returns whether one of them differs now.

        Raises NOT_TEACHER, USER_NOT_FOUND, USERNAME_INVALID, FIELD_INVALID, USERNAME_TAKEN, NICKNAME_TAKEN,
        TEACHERS_NAME, LOOKS_LIKE_OTHER.
        """
        require_teacher(actor)
        if new_username is not None and not is_name(new_username, USERNAME_MAX_CHARS):
            raise ChatError(ErrorCode.USERNAME_INVALID)
        if nickname is not None and not is_name(nickname, NICKNAME_MAX_CHARS):
            raise ChatError(ErrorCode.FIELD_INVALID, field="nickname")
        values = name_columns(username=new_username, nickname=nickname) | {"updated_at": self._clock()}
        try:
            with self._store.write() as tx:
                user_id = access.user_id(tx, username)
                settle_names(tx, self._erased, user_id, username=new_username, nickname=nickname)
                names = select(User.username, User.nickname).where(User.id == user_id)
                before = dict(tx.execute(names).mappings().one())
                tx.execute(update(User).where(User.id == user_id).values(values))
                changes = differing(before, dict(tx.execute(names).mappings().one()))
                if not changes[0]:
                    return False
                self._record(tx, actor, AuditAction.ACCOUNT_RENAMED, user_id, *changes)
                tx.emit(Event(EventKind.USER, user_id))
                tell_profiles(tx, [user_id], values["updated_at"])
        except IntegrityError:
            raise ChatError(ErrorCode.USERNAME_TAKEN, username=new_username) from None
        self._log(actor, "account_renamed", username)
        return True

    def delete(self, actor: Actor | None, username: str) -> None:
        """Delete an account permanently: unlike a deletion by its user it cannot be undone by logging in again.

        Raises NOT_TEACHER, USER_NOT_FOUND, SELF_MEANT, LAST_TEACHER.
        """
        with self._store.write() as tx:
            user_id = _other(tx, actor, username)
            now = self._clock()
            self._record(tx, actor, AuditAction.ACCOUNT_DELETED, user_id)
            tx.execute(update(User).where(User.id == user_id).values(deleted_at=now, disabled_at=now))
            pass_on_rooms(tx, user_id, now)
            self._sessions.end_all_within(tx, user_id)
        self._log(actor, "account_deletion", username)

    def _set_teacher(self, tx: WriteTransaction, actor: Actor | None, user_id: int, *, is_teacher: bool) -> None:
        """Raises LOOKS_LIKE_OTHER, TEACHERS_NAME."""
        lock_names_of(tx, user_id)
        was_teacher: bool = tx.execute(select(User.is_teacher).where(User.id == user_id)).scalar_one()
        tx.execute(update(User).where(User.id == user_id).values(is_teacher=is_teacher))
        require_still_unlike(tx, user_id)
        tx.emit(Event(EventKind.USER, user_id))
        tell_profiles(tx, [user_id], self._clock())
        if was_teacher != is_teacher:
            self._record(tx, actor, AuditAction.TEACHER, user_id, {"teacher": was_teacher}, {"teacher": is_teacher})

    def _record(
        self,
        tx: WriteTransaction,
        actor: Actor | None,
        action: AuditAction,
        user_id: int,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        audit.record(tx, self._clock(), actor, action, subject_id=user_id, before=before, after=after)

    def _log(self, actor: Actor | None, event: str, subject: str) -> None:
        if actor is None:
            self._security_log.write(event, subject=subject)
        else:
            self._security_log.write(event, actor.user_id, actor.username, subject=subject)


def easy_password(min_length: int) -> str:
    """A password that is easy to read and type, such as kobamirute47: 1.5 × 10¹¹ of them (37 bits) at the least."""
    text = ""
    while len(text) < max(10, min_length - 2):
        text += secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS)
    return f"{text}{secrets.randbelow(90) + 10}"


def _other(tx: WriteTransaction, actor: Actor | None, username: str) -> int:
    """The id of somebody else, whose account a teacher does something to."""
    require_teacher(actor)
    user_id = access.user_id(tx, username)
    if actor is not None:
        if user_id == actor.user_id:
            raise ChatError(ErrorCode.SELF_MEANT)
        require_another_teacher(tx, user_id)  # the actor's own right may have been revoked meanwhile
    return user_id
