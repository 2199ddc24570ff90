"""A user's own profile: reading and changing it, and deleting the account (docs/specification.md, "Account")."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane
from chat.models import Actor, Event, EventKind, User
from chat.names import NICKNAME_MAX_CHARS, is_name, name_key
from chat.ports import Store, WriteTransaction
from chat.security.events import SecurityLog
from chat.services.accounts import Accounts
from chat.services.avatars import Avatars
from chat.services.bounds import PersonBounds
from chat.services.credentials import hashes
from chat.services.erased_names import ErasedNames
from chat.services.membership_changes import pass_on_rooms
from chat.services.profile_changes import tell_profiles
from chat.services.quota import Quota
from chat.services.sessions import Sessions
from chat.services.site import Site, lock_site, require_another_teacher
from chat.services.usernames import check_email, check_nickname, name_columns, settle_names

PROFILE_MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class OwnProfile:
    user_id: int
    nickname: str
    email: str
    profile: str
    avatar: str
    is_teacher: bool
    must_change_password: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changes to a profile; None leaves a value unchanged."""

    nickname: str | None = None
    password: str | None = None
    email: str | None = None
    profile: str | None = None
    avatar: str | None = None


class Profiles:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        accounts: Accounts,
        sessions: Sessions,
        quota: Quota,
        avatars: Avatars,
        security_log: SecurityLog,
        site: Site,
        erased: ErasedNames,
        bounds: PersonBounds,
    ) -> None:
        self._store = store
        self._erased = erased
        self._bounds = bounds
        self._site = site
        self._avatars = avatars
        self._security_log = security_log
        self._quota = quota
        self._clock = clock
        self._accounts = accounts
        self._sessions = sessions

    def own(self, actor: Actor) -> OwnProfile:
        """Return the actor's own profile. Raises NOT_SIGNED_IN if the account has been deleted meanwhile."""
        query = select(
            User.id,
            User.nickname,
            User.email,
            User.profile,
            User.avatar,
            User.is_teacher,
            User.must_change_password,
        )
        with self._store.read() as connection:
            row = connection.execute(query.where(User.id == actor.user_id, User.deleted_at.is_(None))).first()
        if row is None:
            raise ChatError(ErrorCode.NOT_SIGNED_IN)
        return OwnProfile(*row)

    def present(self, actor: Actor, nickname: str | None, avatar: str | None) -> None:
        """Change nickname or avatar without asking for the password; None leaves them unchanged.

        Raises NICKNAME_INVALID, NICKNAME_TAKEN, TEACHERS_NAME, LOOKS_LIKE_OTHER, NAMES_FIXED, RATE_LIMITED;
        FIELD_INVALID, QUOTA_USED, STORAGE_FULL and UNAVAILABLE (the avatar).
        """
        if nickname is not None and not is_name(nickname, NICKNAME_MAX_CHARS):
            raise ChatError(ErrorCode.NICKNAME_INVALID)
        self._bounds.count_act(actor)
        new_avatar = None
        if avatar is not None:
            enter_lane(Lane.PICTURES)
            new_avatar = self._avatars.prepare(avatar)
        values = name_columns(nickname=nickname) | {"updated_at": self._clock()}
        with self._store.write() as tx:
            if nickname is not None:
                self._settle(tx, actor, nickname=nickname)
            if new_avatar is not None:
                self._quota.take(tx, actor.user_id, new_avatar.size)
                self._avatars.store(tx, new_avatar, User, actor.user_id)
            tx.execute(update(User).where(User.id == actor.user_id).values(values))
            tx.emit(Event(EventKind.USER, actor.user_id))
            tell_profiles(tx, [actor.user_id], values["updated_at"])

    def delete_proven(self, actor: Actor, password: str, address: str) -> None:
        """Delete the actor's account, as `delete`, with their password. Raises CREDENTIALS_WRONG, RATE_LIMITED too."""
        self._accounts.prove_own(actor, password, address)
        self.delete(actor)

    def change(self, actor: Actor, old_password: str, changes: Changes, address: str) -> None:
        """Apply all changes or none; a new password ends all sessions except the actor's.

        Raises CREDENTIALS_WRONG (the old password), RATE_LIMITED, EMAIL_INVALID, NICKNAME_INVALID, PASSWORD_INVALID,
        FIELD_INVALID, USERNAME_TAKEN (the address), NICKNAME_TAKEN, TEACHERS_NAME, LOOKS_LIKE_OTHER, NAMES_FIXED;
        QUOTA_USED, STORAGE_FULL and UNAVAILABLE (the avatar).
        """
        if changes.avatar is not None:
            enter_lane(Lane.PICTURES)
        proven = self._accounts.prove_own(actor, old_password, address)
        self._check(changes)
        if (changes.nickname, changes.email, changes.avatar) != (None, None, None):
            self._bounds.count_act(actor)
        now = self._clock()
        avatar = None if changes.avatar is None else self._avatars.prepare(changes.avatar)
        values = {"updated_at": now} | _columns(changes, old_password)
        try:
            with self._store.write() as tx:
                me = User.id == actor.user_id
                # Names before the user's row, as everybody who changes names: a teacher may rename the actor meanwhile.
                self._settle(tx, actor, username=changes.email, nickname=changes.nickname)
                proven.require_still(tx)
                user = tx.execute(
                    select(User.username_key, User.email_key).where(me, User.deleted_at.is_(None))
                ).first()
                if user is None:
                    raise ChatError(ErrorCode.NOT_SIGNED_IN)
                if changes.email is not None:
                    values |= _address_columns(user, changes.email)
                if avatar is not None:
                    self._quota.take(tx, actor.user_id, avatar.size)
                    self._avatars.store(tx, avatar, User, actor.user_id)
                tx.execute(update(User).where(me).values(values))
                tx.emit(Event(EventKind.USER, actor.user_id))
                if avatar is not None or not {"username", "nickname"}.isdisjoint(values):
                    tell_profiles(tx, [actor.user_id], now)
                if changes.password is not None:
                    self._sessions.end_all_within(tx, actor.user_id, but_for=actor.session_id)
        except IntegrityError:
            raise ChatError(ErrorCode.USERNAME_TAKEN, username=changes.email) from None
        if changes.password is not None:
            self._security_log.write("password_change", actor.user_id, actor.username)

    def delete(self, actor: Actor) -> None:
        """Delete the actor's account until it is restored (Accounts.register_by_email), and end its sessions.

        Ownership of the actor's rooms passes to other members; after restoration the actor is an ordinary member there.
        Raises LAST_TEACHER.
        """
        with self._store.write() as tx:
            if actor.is_teacher:
                lock_site(tx)
                require_another_teacher(tx, actor.user_id)
            tx.execute(update(User).where(User.id == actor.user_id).values(deleted_at=self._clock()))
            pass_on_rooms(tx, actor.user_id, self._clock())
            self._sessions.end_all_within(tx, actor.user_id)
        self._security_log.write("account_deletion", actor.user_id, actor.username)

    def _settle(
        self, tx: WriteTransaction, actor: Actor, *, username: str | None = None, nickname: str | None = None
    ) -> None:
        """Check the actor's new names. Raises as `require_names`; NAMES_FIXED if only teachers change names."""
        is_changed = nickname not in (None, actor.nickname) or username not in (None, actor.email)
        if is_changed and not actor.is_teacher and not self._site.settings_within(tx).pupils_change_names:
            raise ChatError(ErrorCode.NAMES_FIXED)
        settle_names(tx, self._erased, actor.user_id, username=username, nickname=nickname)

    def _check(self, changes: Changes) -> None:
        if changes.email is not None:
            check_email(changes.email)
        if changes.nickname is not None:
            check_nickname(changes.nickname)
        if changes.password is not None:
            self._accounts.check_password(changes.password)
        if changes.profile is not None and len(changes.profile) > PROFILE_MAX_CHARS:
            raise ChatError(ErrorCode.FIELD_INVALID, field="profile")


def _columns(changes: Changes, old_password: str) -> dict[str, Any]:
    """Return the user's changed columns, but for the address and the avatar. Slow: a new password is hashed."""
    values = name_columns(nickname=changes.nickname)
    if changes.profile is not None:
        values["profile"] = changes.profile
    if changes.password is not None:
        values |= hashes(changes.password)
        if changes.password != old_password:  # a one-time password stays one where it is "changed" to itself
            values["must_change_password"] = False
    return values


def _address_columns(user: Any, email: str) -> dict[str, Any]:
    """The username follows the address if the account was registered by address."""
    values: dict[str, Any] = {"email": email, "email_key": name_key(email)}
    return values | name_columns(username=email) if user.username_key == user.email_key else values
