"""Removes the personal data of deleted accounts in the background (docs/decisions/0156)."""

import secrets
import time
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, or_, select, update

from chat.clock import SECOND, Clock
from chat.models import (
    AuditAction,
    AuditRow,
    Change,
    Event,
    EventKind,
    FriendGroup,
    FriendGroupMember,
    FriendRequest,
    KnownAddress,
    LoginSession,
    Membership,
    Room,
    RoomTicket,
    StoredBytes,
    User,
)
from chat.ports import Store, WriteTransaction
from chat.services import avatars
from chat.services.erased_names import ErasedNames
from chat.services.membership_changes import end_room
from chat.services.profile_changes import tell_profiles
from chat.services.usernames import name_columns

KEPT = 12 * 3600 * SECOND  # µs; until then ims can restore the account. With the housekeeping it is within a day.
EVERY = 600 * SECOND  # µs between two looks
ROWS = 200  # per transaction, because other writers wait for it
PAUSE = 0.02  # seconds between two transactions
_ERASED = ""  # the password hash of an account whose data is removed


class Eraser:
    def __init__(self, store: Store, clock: Clock, erased: ErasedNames) -> None:
        self._store = store
        self._clock = clock
        self._erased = erased
        self._due = 0  # µs; when to look next

    def erase(self) -> None:
        """Remove the data of accounts that were deleted half a day ago. Their messages stay, without their names."""
        now = self._clock()
        if now < self._due:
            return
        due = (User.deleted_at < now - KEPT, User.password_sha1 != _ERASED)
        with self._store.read() as connection:
            user_ids = connection.execute(select(User.id).where(*due)).scalars().all()
        for user_id in user_ids:
            self._erase(user_id, due)
        self._due = now + EVERY

    def _erase(self, user_id: int, due: tuple[ColumnElement[bool], ...]) -> None:
        with self._store.read() as connection:
            taken = connection.execute(select(User.id).where(User.username == _name(user_id))).first()
        name = f"{_name(user_id)}-{secrets.token_hex(4)}" if taken else _name(user_id)
        for some in self._batches(select(AuditRow.id).where(_names(user_id))):
            with self._store.write() as tx:
                _erase_from_audit(tx, user_id, some, name)
        edits = select(Change.room_id, Change.time).where(Change.actor_id == user_id, Change.before != "")
        for some in self._batches(edits):
            with self._store.write() as tx:
                for room_id, at in some:
                    tx.execute(update(Change).where(Change.room_id == room_id, Change.time == at).values(before=""))
        self._end_rooms(user_id)
        with self._store.write() as tx:
            logins = select(User.username_key, User.email_key).where(User.id == user_id, *due)
            keys = tx.execute(logins.with_for_update()).first()
            if keys is not None:
                self._erased.keep(tx, keys)
                _erase_account(tx, user_id, name, self._clock())
        time.sleep(PAUSE)

    def _batches(self, query: Any) -> Iterator[Sequence[Any]]:
        """Find rows by reading all, which no writer waits for, and yield some at a time."""
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        for start in range(0, len(rows), ROWS):
            yield rows[start : start + ROWS]
            time.sleep(PAUSE)

    def _end_rooms(self, user_id: int) -> None:
        """Delete the rooms whose members have all deleted their accounts."""
        living = (
            select(Membership.id)
            .join(User, User.id == Membership.user_id)
            .where(Membership.room_id == Room.id, User.deleted_at.is_(None))
        )
        is_member = exists().where(Membership.room_id == Room.id, Membership.user_id == user_id)
        alone = (is_member, ~living.exists(), Room.deleted_at.is_(None), Room.is_lobby.is_(False))
        for some in self._batches(select(Room.id).where(*alone)):
            with self._store.write() as tx:
                room_ids = [row.id for row in some]
                tx.lock_rooms(room_ids)
                for room_id in tx.execute(select(Room.id).where(Room.id.in_(room_ids), *alone)).scalars().all():
                    end_room(tx, room_id, self._clock())


def _name(user_id: int) -> str:
    return f"deleted-{user_id}"


def _names(user_id: int) -> ColumnElement[bool]:
    return or_(AuditRow.actor_id == user_id, AuditRow.subject_id == user_id)


def _erase_from_audit(tx: WriteTransaction, user_id: int, rows: Sequence[Any], name: str) -> None:
    some = AuditRow.id.in_([row.id for row in rows])
    tx.execute(update(AuditRow).where(some, AuditRow.actor_id == user_id).values(actor=name))
    tx.execute(update(AuditRow).where(some, AuditRow.subject_id == user_id).values(subject=name))
    has_words = or_(AuditRow.message_id.is_not(None), AuditRow.action == AuditAction.ACCOUNT_RENAMED)
    tx.execute(update(AuditRow).where(some, AuditRow.subject_id == user_id, has_words).values(before="", after=""))


def _erase_account(tx: WriteTransaction, user_id: int, name: str, now: int) -> None:
    groups = select(FriendGroup.id).where(FriendGroup.owner_id == user_id)
    tx.execute(delete(FriendGroupMember).where(FriendGroupMember.group_id.in_(groups)))
    tx.execute(delete(FriendGroup).where(FriendGroup.owner_id == user_id))
    either = or_(FriendRequest.sender_id == user_id, FriendRequest.receiver_id == user_id)
    tx.execute(delete(FriendRequest).where(either))
    for table in (KnownAddress, RoomTicket, LoginSession, StoredBytes):
        tx.execute(delete(table).where(table.user_id == user_id))
    avatar = tx.execute(select(User.avatar).where(User.id == user_id)).scalar_one()
    avatars.remove(tx, avatar, User, user_id)
    nothing = {"email": "", "email_key": None, "profile": "", "avatar": "", "is_teacher": False}
    hashes = {"password_sha1": _ERASED, "password_md5": _ERASED, "password_changed_at": 0}
    values = {**name_columns(username=name, nickname=name), **nothing, **hashes}
    tx.execute(update(User).where(User.id == user_id).values(values))
    tx.emit(Event(EventKind.USER, user_id))
    tell_profiles(tx, [user_id], now)
