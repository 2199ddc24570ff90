"""Memberships: coming into rooms, leaving them, and who is in them (specs, "Room")."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Event, EventKind, Invitation, InvitationStatus, Membership, Role, Room, User
from chat.names import name_key
from chat.services import lookups, paging
from chat.services.bounds import PersonBounds
from chat.services.lookups import RoomRef, UserRef
from chat.services.paging import WHOLE, Listed, Page
from chat.services.people import called
from chat.services.permissions import ADDING, Action, require
from chat.services.presence import Presence
from chat.services.room_passwds import RoomPasswds
from chat.storage.store import Store, WriteTransaction

LEAVE_AT_ONCE = 500  # rooms a transaction, as other writers wait


@dataclass(frozen=True, slots=True)
class MemberView:
    user_id: int
    username: str
    nickname: str
    role: Role
    online: bool
    created_at: int  # µs; when the account was made
    updated_at: int  # µs; when what others see of it last changed


class Memberships:
    def __init__(
        self, store: Store, clock: Clock, presence: Presence, passwds: RoomPasswds, bounds: PersonBounds
    ) -> None:
        self._store = store
        self._clock = clock
        self._presence = presence
        self._passwds = passwds
        self._bounds = bounds

    def join(self, actor: Actor, ref: RoomRef, passwd: str | None = None) -> bool:
        """Become a member; False if the actor is one already. None for a passwd: this protocol has none to ask for.

        Raises ROOM_NOT_FOUND, FORBIDDEN where a passwd is needed and None was given, ROOM_PASSWD_WRONG,
        RATE_LIMITED after too many wrong ones.
        """
        with self._store.read() as connection:
            room = lookups.visible(connection, actor, ref)
        if room.role is not None:
            self._accept(actor, room.id)
            return False
        if passwd is not None:
            self._passwds.check(actor, room, ref, passwd)
        elif room.asks_for_passwd:
            raise ChatError(ErrorCode.FORBIDDEN)
        try:
            with self._store.write() as tx:
                lookups.still_visible(tx, actor, ref, room)
                self.admit(tx, room.id, actor.user_id, Role.MEMBER)
        except IntegrityError:
            return False  # joined by another request meanwhile
        return True

    def add(self, actor: Actor, ref: RoomRef, user: UserRef, role: Role = Role.MEMBER) -> None:
        """Make another user a member of a room that the actor is in, with a passwd or without.

        Raises ROOM_NOT_FOUND, also to those who are not in it; FORBIDDEN; USER_NOT_FOUND; ALREADY_MEMBER, which
        leaves the role as it is; CANNOT_BE_ADDED, RATE_LIMITED.
        """
        with self._store.write() as tx:
            room = lookups.joined(tx, actor, ref)
            require(ADDING[role], room)
            user_id = lookups.user_id(tx, user)
            if lookups.role_of(tx, room.id, user_id) is not None:
                raise ChatError(ErrorCode.ALREADY_MEMBER, username=user)
            self.add_all_within(tx, actor, room.id, [user_id], role)

    def add_all_within(
        self, tx: WriteTransaction, actor: Actor, room_id: int, user_ids: Sequence[int], role: Role = Role.MEMBER
    ) -> None:
        """Put users into a room of the actor's, all or none, within the transaction that found that they may be.

        Raises ADDED_TOO_MANY, CANNOT_BE_ADDED, RATE_LIMITED.
        """
        self._bounds.count_added(tx, actor, user_ids)
        self.admit_all(tx, room_id, user_ids, role, added_by=actor.user_id)

    def leave(self, actor: Actor, ref: RoomRef, *, dissolves: bool = False) -> None:
        """End the actor's membership. An owner passes the room on, or `dissolves` it; the last one out deletes it.

        Raises ROOM_NOT_FOUND, also to those who are not in it; FORBIDDEN in a direct conversation, which unfriending
        ends.
        """
        with self._store.write() as tx:
            room = lookups.joined(tx, actor, ref)
            require(Action.LEAVE, room)
            if dissolves and room.role is Role.OWNER:
                end_room(tx, room.id, self._clock())
                return
            tx.execute(delete(Membership).where(Membership.room_id == room.id, Membership.user_id == actor.user_id))
            tx.emit(Event(EventKind.USER, actor.user_id))
            tx.emit(Event(EventKind.MEMBERS, room.id, self._clock()))
            successor = _longest_standing(tx, room.id)
            if successor is None and not room.is_lobby:
                end_room(tx, room.id, self._clock())
            elif successor is not None and room.role is Role.OWNER:
                _set_role(tx, successor, Role.OWNER)

    def leave_all_of(self, user_id: int, owner: str) -> int:
        """End a user's memberships in all rooms that somebody else owns, whoever put them there: how many.

        Raises USER_NOT_FOUND, but not for an owner whose account is deleted: the rooms may still be there.
        """
        total = 0
        while True:
            with self._store.write() as tx:
                owner_id = tx.execute(select(User.id).where(User.username_key == name_key(owner))).scalar()
                if owner_id is None:
                    raise ChatError(ErrorCode.USER_NOT_FOUND, username=owner)
                owned = select(Membership.room_id).where(Membership.user_id == owner_id, Membership.role == Role.OWNER)
                mine = (Membership.user_id == user_id, Membership.role != Role.OWNER, Membership.room_id.in_(owned))
                some = select(Membership.id).where(*mine).limit(LEAVE_AT_ONCE)
                gone = delete(Membership).where(Membership.id.in_(some)).returning(Membership.room_id)
                left = tx.execute(gone).scalars().all()
                if left:
                    tx.emit(Event(EventKind.USER, user_id))
                for room_id in left:
                    tx.emit(Event(EventKind.MEMBERS, room_id, self._clock()))
            total += len(left)
            if len(left) < LEAVE_AT_ONCE:
                return total

    def members(self, actor: Actor, ref: RoomRef, page: Page = WHOLE) -> Listed[MemberView]:
        """Who is in the room, longest-standing first. Raises ROOM_NOT_FOUND, also to those who are not in it."""
        with self._store.read() as connection:
            room = lookups.joined(connection, actor, ref)
            query = (
                select(User.id, User.username, User.nickname, User.created_at, User.updated_at, Membership.role)
                .join(Membership, Membership.user_id == User.id)
                .where(Membership.room_id == room.id, User.deleted_at.is_(None))
            )
            if page.search:
                query = query.where(called(page.search))
            rows = paging.fetch(connection, query, [Membership.id], page)
        online = self._presence.online(row.id for row in rows)
        found = [
            MemberView(
                row.id, row.username, row.nickname, Role(row.role), row.id in online, row.created_at, row.updated_at
            )
            for row in rows
        ]
        return Listed(found, rows.next)

    def admit(self, tx: WriteTransaction, room_id: int, user_id: int, role: Role) -> None:
        """Make a user a member, within the transaction that found that they may be.

        Raises IntegrityError if they are one already.
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
        """The same of many, in the order given; with as many statements as of one, since other writers wait.

        added_by: the id of the user who puts them in; None: they come by themselves.
        """
        if not user_ids:
            return
        has_others = select(Membership.id).where(Membership.room_id == room_id).exists().label("has_others")
        room = tx.execute(select(Room.last_time, Room.is_lobby, has_others).where(Room.id == room_id)).one()
        now = self._clock()
        about = {"room_id": room_id, "role": role, "joined_at": now, "read_time": room.last_time}
        about["added_by_id"] = added_by
        tx.execute(insert(Membership), [{"user_id": user_id, **about} for user_id in user_ids])
        waiting = (Invitation.room_id == room_id, Invitation.receiver_id.in_(user_ids))
        is_waiting = Invitation.status == InvitationStatus.WAITING
        tx.execute(update(Invitation).where(*waiting, is_waiting).values(status=InvitationStatus.CAME_OTHERWISE))
        for user_id in user_ids:
            tx.emit(Event(EventKind.USER, user_id))
            tx.emit(Event(EventKind.ADMITTED, user_id, now))
        if room.has_others:
            tx.emit(Event(EventKind.MEMBERS, room_id, now))
        if room.has_others and not room.is_lobby:  # everybody is in the lobby: that somebody came there is no news
            tx.emit(Event(EventKind.CONCERNS_MEMBERS, room_id, now))

    def _accept(self, actor: Actor, room_id: int) -> None:
        """The actor joins a room that they were put into: from now on they are there by themselves."""
        with self._store.read() as connection:
            mine = (Membership.room_id == room_id, Membership.user_id == actor.user_id)
            added = select(Membership.id).where(*mine, Membership.added_by_id.is_not(None))
            if connection.execute(added).first() is None:
                return
        with self._store.write() as tx:
            accept_within(tx, room_id, actor.user_id)


def accept_within(tx: WriteTransaction, room_id: int, user_id: int) -> None:
    """A member who was put into the room has entered it: it is no stranger's room any more."""
    mine = (Membership.room_id == room_id, Membership.user_id == user_id)
    tx.execute(update(Membership).where(*mine, Membership.added_by_id.is_not(None)).values(added_by_id=None))


def end_room(tx: WriteTransaction, room_id: int, now: int) -> None:
    """Delete a room, within the transaction that found that it is to be; now in µs."""
    tx.execute(delete(Membership).where(Membership.room_id == room_id))
    tx.execute(update(Room).where(Room.id == room_id).values(deleted_at=now))
    tx.emit(Event(EventKind.ROOM, room_id))


def pass_on_rooms(tx: WriteTransaction, user_id: int) -> None:
    """Make others the owners of a user's rooms, within the transaction that deleted the user's account.

    The user stays there as a member. Where nobody else is in a room, it waits for the user to be restored.
    """
    owned = (Membership.user_id == user_id, Membership.role == Role.OWNER)
    for membership in tx.execute(select(Membership.id, Membership.room_id, Membership.user_id).where(*owned)).all():
        successor = _longest_standing(tx, membership.room_id)
        if successor is not None:
            _set_role(tx, membership, Role.MEMBER)
            _set_role(tx, successor, Role.OWNER)


def _set_role(tx: WriteTransaction, membership: Any, role: Role) -> None:
    tx.execute(update(Membership).where(Membership.id == membership.id).values(role=role))
    tx.emit(Event(EventKind.USER, membership.user_id))


def _longest_standing(tx: WriteTransaction, room_id: int) -> Any | None:
    """The membership (id, user_id) that an owner's room goes to: the first admin's, else the first member's."""
    admins_first = case((Membership.role == Role.ADMIN, 0), else_=1)
    return tx.execute(
        select(Membership.id, Membership.user_id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.room_id == room_id, User.deleted_at.is_(None))
        .order_by(admins_first, Membership.id)
        .limit(1)
    ).first()
