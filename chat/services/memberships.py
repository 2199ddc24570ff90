"""Memberships: coming into rooms, leaving them, and who is in them (specs, "Room")."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Event, EventKind, Invitation, InvitationStatus, Membership, Role, Room, User
from chat.services import lookups
from chat.services.lookups import LIST_CAP, RoomRef, UserRef
from chat.services.permissions import ADDING, Action, require
from chat.services.presence import Presence
from chat.services.room_passwds import RoomPasswds
from chat.storage.store import Store, WriteTransaction


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
    def __init__(self, store: Store, clock: Clock, presence: Presence, passwds: RoomPasswds) -> None:
        self._store = store
        self._clock = clock
        self._presence = presence
        self._passwds = passwds

    def join(self, actor: Actor, ref: RoomRef, passwd: str | None = None) -> bool:
        """Become a member; False if the actor is one already. None for a passwd: this protocol has none to ask for.

        Raises ROOM_NOT_FOUND, FORBIDDEN where a passwd is needed and None was given, ROOM_PASSWD_WRONG,
        RATE_LIMITED after too many wrong ones.
        """
        with self._store.read() as connection:
            room = lookups.visible(connection, actor, ref)
        if room.role is not None:
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
        leaves the role as it is.
        """
        try:
            with self._store.write() as tx:
                room = lookups.joined(tx, actor, ref)
                require(ADDING[role], room)
                self.admit(tx, room.id, lookups.user_id(tx, user), role)
        except IntegrityError:
            raise ChatError(ErrorCode.ALREADY_MEMBER, username=user) from None

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
            successor = _longest_standing(tx, room.id)
            if successor is None and not room.is_lobby:
                end_room(tx, room.id, self._clock())
            elif successor is not None and room.role is Role.OWNER:
                tx.execute(update(Membership).where(Membership.id == successor).values(role=Role.OWNER))

    def members(self, actor: Actor, ref: RoomRef) -> list[MemberView]:
        """Who is in the room, longest-standing first. Raises ROOM_NOT_FOUND, also to those who are not in it."""
        with self._store.read() as connection:
            room = lookups.joined(connection, actor, ref)
            rows = connection.execute(
                select(User.id, User.username, User.nickname, User.created_at, User.updated_at, Membership.role)
                .join(Membership, Membership.user_id == User.id)
                .where(Membership.room_id == room.id, User.deleted_at.is_(None))
                .order_by(Membership.id)
                .limit(LIST_CAP)
            ).all()
        online = self._presence.online(row.id for row in rows)
        return [
            MemberView(
                row.id, row.username, row.nickname, Role(row.role), row.id in online, row.created_at, row.updated_at
            )
            for row in rows
        ]

    def admit(self, tx: WriteTransaction, room_id: int, user_id: int, role: Role) -> None:
        """Make a user a member, within the transaction that found that they may be.

        Raises IntegrityError if they are one already.
        """
        self.admit_all(tx, room_id, [user_id], role)

    def admit_all(self, tx: WriteTransaction, room_id: int, user_ids: Sequence[int], role: Role) -> None:
        """The same of many, in the order given; with as many statements as of one, since other writers wait."""
        if not user_ids:
            return
        last_time = tx.execute(select(Room.last_time).where(Room.id == room_id)).scalar_one()
        about = {"room_id": room_id, "role": role, "joined_at": self._clock(), "read_time": last_time}
        tx.execute(insert(Membership), [{"user_id": user_id, **about} for user_id in user_ids])
        waiting = (Invitation.room_id == room_id, Invitation.receiver_id.in_(user_ids))
        is_waiting = Invitation.status == InvitationStatus.WAITING
        tx.execute(update(Invitation).where(*waiting, is_waiting).values(status=InvitationStatus.CAME_OTHERWISE))
        for user_id in user_ids:
            tx.emit(Event(EventKind.USER, user_id))


def end_room(tx: WriteTransaction, room_id: int, now: int) -> None:
    """Delete a room, within the transaction that found that it is to be; now in µs."""
    tx.execute(delete(Membership).where(Membership.room_id == room_id))
    tx.execute(update(Room).where(Room.id == room_id).values(deleted_at=now))
    tx.emit(Event(EventKind.ROOM, room_id))


def _longest_standing(tx: WriteTransaction, room_id: int) -> int | None:
    """The membership that a leaving owner's room goes to: the first admin, else the first member."""
    admins_first = case((Membership.role == Role.ADMIN, 0), else_=1)
    return tx.execute(
        select(Membership.id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.room_id == room_id, User.deleted_at.is_(None))
        .order_by(admins_first, Membership.id)
        .limit(1)
    ).scalar()
