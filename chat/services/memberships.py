"""Memberships: joining and leaving rooms, and lists of members (docs/specification.md, "Room")."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, false, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import (
    Actor,
    AuditAction,
    Event,
    EventKind,
    Invitation,
    InvitationStatus,
    Membership,
    Role,
    Room,
    User,
)
from chat.names import name_key
from chat.ports import Store, WriteTransaction
from chat.services import access, audit, paging
from chat.services.access import RoomRef, UserRef
from chat.services.bounds import PersonBounds
from chat.services.change_log import record_members
from chat.services.membership_changes import (
    accept_within,
    end_memberships,
    end_room,
    longest_standing,
    restrictions,
    set_role,
)
from chat.services.paging import WHOLE, Listed, Page
from chat.services.permissions import ADDING, Action, require
from chat.services.presence import Presence
from chat.services.room_passwords import RoomPasswords
from chat.services.user_directory import called
from chat.storage.prepared import Prepared

LEAVE_AT_ONCE = 500  # rooms per transaction, because other writers wait for it
_has_members = select(Membership.id).where(Membership.room_id == bindparam("room")).exists()
_entered = Prepared(select(Room.last_time, Room.is_lobby, _has_members).where(Room.id == bindparam("room")))


class MemberView(NamedTuple):
    user_id: int
    username: str
    nickname: str
    role: Role
    online: bool
    created_at: int  # µs; creation of the account
    updated_at: int  # µs; last change of the account's public data
    is_teacher: bool
    is_alike: bool  # whether another member's name looks the same; False if not requested
    avatar: str
    muted_until: int  # µs


class Memberships:
    def __init__(
        self, store: Store, clock: Clock, presence: Presence, passwds: RoomPasswords, bounds: PersonBounds
    ) -> None:
        self._store = store
        self._clock = clock
        self._presence = presence
        self._passwds = passwds
        self._bounds = bounds

    def join(self, actor: Actor, ref: RoomRef, passwd: str | None = None) -> bool:
        """Join a room. Returns False if the actor is already a member.

        `passwd` None means that the protocol cannot ask for one. Raises ROOM_NOT_FOUND, FORBIDDEN if a passwd is
        required and None was given, BARRED, ROOM_PASSWD_WRONG, RATE_LIMITED (after too many wrong ones too).
        """
        with self._store.read() as connection:
            room = access.visible(connection, actor, ref)
        if room.role is not None:
            self._accept(actor, room.id)
            return False
        if passwd is not None and room.rights is None:
            self._passwds.check(actor, room, ref, passwd)
        elif room.asks_for_passwd:
            raise ChatError(ErrorCode.FORBIDDEN)
        self._bounds.count_act(actor)
        try:
            with self._store.write() as tx:
                access.still_visible(tx, actor, ref, room)
                self.admit(tx, room.id, actor.user_id, Role.MEMBER)
        except IntegrityError:
            return False  # joined by a concurrent request
        return True

    def add(self, actor: Actor, ref: RoomRef, user: UserRef, role: Role = Role.MEMBER) -> None:
        """Add another user to a room that the actor is in, whether or not the room has a passwd.

        Raises ROOM_NOT_FOUND, also for non-members; FORBIDDEN; USER_NOT_FOUND; ALREADY_MEMBER, which leaves the role
        unchanged; BARRED, CANNOT_BE_ADDED, RATE_LIMITED.
        """
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, ref)
            require(ADDING[role], room)
            user_id = access.user_id(tx, user)
            if access.role_of(tx, room.id, user_id) is not None:
                raise ChatError(ErrorCode.ALREADY_MEMBER, username=user)
            self.add_all_within(tx, actor, room.id, [user_id], role)
            is_new = ({"role": None}, {"role": role})
            audit.record(
                tx, self._clock(), actor, AuditAction.MEMBER_ADDED, *is_new, room_id=room.id, subject_id=user_id
            )

    def add_all_within(
        self, tx: WriteTransaction, actor: Actor, room_id: int, user_ids: Sequence[int], role: Role = Role.MEMBER
    ) -> None:
        """Add users to a room, all or none, in the transaction that checked the actor's permission.

        Raises ADDED_TOO_MANY, CANNOT_BE_ADDED, RATE_LIMITED.
        """
        self._bounds.count_added(tx, actor, user_ids)
        self.admit_all(tx, room_id, user_ids, role, added_by=actor.user_id)

    def leave(self, actor: Actor, ref: RoomRef, *, dissolves: bool = False) -> None:
        """End the actor's membership. An owner hands the room over, or `dissolves` it; the last member deletes it.

        Raises ROOM_NOT_FOUND, also for non-members; FORBIDDEN for a direct conversation, which ends with the
        friendship; RATE_LIMITED.
        """
        self._bounds.count_act(actor)
        with self._store.write() as tx:
            room = access.entered(tx, actor, ref, access.joined_locked)
            require(Action.LEAVE, room)
            if dissolves and room.role is Role.OWNER:
                end_room(tx, room.id, self._clock())
                return
            end_memberships(tx, actor.user_id, [room.id], self._clock())
            successor = longest_standing(tx, room.id)
            if successor is None and not room.is_lobby:
                end_room(tx, room.id, self._clock())
            elif successor is not None and room.role is Role.OWNER:
                set_role(tx, room.id, successor.user_id, Role.OWNER, self._clock(), by_id=actor.user_id)

    def leave_all_of(self, user_id: int, owner: str) -> int:
        """End a user's memberships in all rooms owned by another user. Returns their number.

        Raises USER_NOT_FOUND; a deleted owner is accepted, because the rooms may still exist.
        """
        total = 0
        while True:
            with self._store.write() as tx:
                owner_id = tx.execute(select(User.id).where(User.username_key == name_key(owner))).scalar()
                if owner_id is None:
                    raise ChatError(ErrorCode.USER_NOT_FOUND, username=owner)
                owned = select(Membership.room_id).where(Membership.user_id == owner_id, Membership.role == Role.OWNER)
                mine = (Membership.user_id == user_id, Membership.role != Role.OWNER, Membership.room_id.in_(owned))
                some = select(Membership.room_id).where(*mine).limit(LEAVE_AT_ONCE)
                left = tx.execute(some).scalars().all()
                if tx.lock_rooms(left):  # roles may have changed until then
                    left = tx.execute(some.where(Membership.room_id.in_(left))).scalars().all()
                end_memberships(tx, user_id, left, self._clock())
            total += len(left)
            if len(left) < LEAVE_AT_ONCE:
                return total

    def members(
        self,
        actor: Actor,
        ref: RoomRef,
        page: Page = WHOLE,
        role: Role | None = None,
        *,
        alike: bool = False,
        only_alike: bool = False,
    ) -> Listed[MemberView]:
        """List the room's members (of a role), longest-standing first.

        alike: tell whose name looks like another member's; only_alike: list only these. Raises ROOM_NOT_FOUND, also for
        non-members.
        """
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            wanted = select(Membership.id.label("membership_id")).join(User, Membership.user_id == User.id)
            wanted = wanted.where(Membership.room_id == room.id, User.deleted_at.is_(None))
            if role is not None:
                wanted = wanted.where(Membership.role == role)
            if only_alike:
                wanted = wanted.where(_looks_like_another(room.id))
            # Names are compared only for the members on the page.
            part = paging.limited(wanted, [Membership.id], page, newest_first=False, search=called).subquery()
            query = (
                select(User.id, User.username, User.nickname, User.created_at, User.updated_at, Membership.role)
                .add_columns(User.is_teacher, (_looks_like_another(room.id) if alike else false()).label("is_alike"))
                .add_columns(User.avatar, Membership.muted_until, part.c.key_0)
                .join(Membership, Membership.user_id == User.id)
                .join(part, part.c.membership_id == Membership.id)
                .order_by(part.c.key_0.desc() if page.limit is None else part.c.key_0)
            )
            rows = paging.listed(connection.execute(query).all(), page, newest_first=False)
        online = self._presence.everybody_online()
        found = [
            MemberView(
                *(id_, username, nickname, Role(role), id_ in online, created, updated, bool(teacher)),
                *(bool(alike), avatar, muted_until),
            )
            for id_, username, nickname, created, updated, role, teacher, alike, avatar, muted_until, *_ in rows
        ]
        return rows.with_entries(found)

    def admit(self, tx: WriteTransaction, room_id: int, user_id: int, role: Role) -> None:
        """Add a user to a room in the transaction that checked the permission.

        Raises IntegrityError if the user is already a member.
        """
        self.admit_all(tx, room_id, [user_id], role)

    def admit_all(
        self,
        tx: WriteTransaction,
        room_id: int,
        user_ids: Sequence[int],
        role: Role,
        *,
        added_by: int | None = None,
    ) -> None:
        """Add several users, in the order given, with as many statements as for one, because other writers wait.

        `added_by`: the id of the user who adds them; None if they join by themselves. Raises BARRED.
        """
        if not user_ids:
            return
        tx.lock_rooms([room_id])
        restricted = restrictions(tx, room_id)
        if any(restricted[user_id].is_barred for user_id in user_ids if user_id in restricted):
            raise ChatError(ErrorCode.BARRED)
        [(last_time, is_lobby, has_others)] = tx.run(_entered, {"room": room_id})
        now = self._clock()
        about = {"room_id": room_id, "role": role, "joined_at": now, "read_time": last_time, "added_by_id": added_by}
        muted = {user_id: found.muted_until for user_id, found in restricted.items()}
        rows = [{"user_id": user_id, **about, "muted_until": muted.get(user_id, 0)} for user_id in user_ids]
        tx.execute(insert(Membership), rows)
        waiting = (Invitation.room_id == room_id, Invitation.receiver_id.in_(user_ids))
        is_waiting = Invitation.status == InvitationStatus.WAITING
        tx.execute(update(Invitation).where(*waiting, is_waiting).values(status=InvitationStatus.CAME_OTHERWISE))
        for user_id in user_ids:
            tx.emit(Event(EventKind.USER, user_id))
            tx.emit(Event(EventKind.ADMITTED, user_id, now))
        if has_others:
            tx.emit(Event(EventKind.MEMBERS, room_id, now))
            by = user_ids[0] if added_by is None and len(user_ids) == 1 else added_by
            record_members(tx, now, by, {room_id: [(row["user_id"], role, row["muted_until"]) for row in rows]})
        if has_others and not is_lobby:  # no event for the lobby, which everybody joins
            tx.emit(Event(EventKind.CONCERNS_MEMBERS, room_id, now))

    def _accept(self, actor: Actor, room_id: int) -> None:
        """Record that the actor has joined by choice a room that another user had added them to."""
        with self._store.read() as connection:
            mine = (Membership.room_id == room_id, Membership.user_id == actor.user_id)
            added = select(Membership.id).where(*mine, Membership.added_by_id.is_not(None))
            if connection.execute(added).first() is None:
                return
        with self._store.write() as tx:
            accept_within(tx, room_id, actor.user_id)


def _looks_like_another(room_id: int) -> ColumnElement[bool]:
    """The condition that another member of the room has a name that looks like the User's nickname."""
    other, theirs = aliased(User), aliased(Membership)
    looks_alike = or_(
        other.nickname_skeleton == User.nickname_skeleton, other.username_skeleton == User.nickname_skeleton
    )
    is_inside = and_(theirs.user_id == other.id, theirs.room_id == room_id)
    query = select(other.id).join(theirs, is_inside).where(looks_alike, other.id != User.id, other.deleted_at.is_(None))
    return query.correlate(User).exists()
