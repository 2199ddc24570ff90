"""Groups: creating them, and the actions of owner and admins (permissions: `services.permissions`)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select, update

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane
from chat.models import Actor, AuditAction, Event, EventKind, Membership, Role, Room, User
from chat.ports import Store, WriteTransaction
from chat.security.events import SecurityLog
from chat.security.limits import ACTS
from chat.services import access, audit, friendships, paging, user_directory
from chat.services.access import FoundRoom, RoomRef, UserRef
from chat.services.audit import differing
from chat.services.avatars import Avatars
from chat.services.membership_changes import end_memberships, set_role
from chat.services.paging import WHOLE, Listed, Page
from chat.services.permissions import REMOVING, Action, allows, forbidden, require
from chat.services.quota import Quota
from chat.services.rate_limits import Limits
from chat.services.rooms import Rooms
from chat.services.user_directory import Person


@dataclass(frozen=True, slots=True)
class MemberRole:
    person: Person
    role: Role


class Groups:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        limits: Limits,
        rooms: Rooms,
        quota: Quota,
        avatars: Avatars,
        security_log: SecurityLog,
    ) -> None:
        self._store = store
        self._limits = limits
        self._avatars = avatars
        self._security_log = security_log
        self._quota = quota
        self._clock = clock
        self._rooms = rooms

    def create(self, actor: Actor, title: str, members: Iterable[int]) -> None:
        """Create a group of the actor, who owns it, and friends.

        Raises USER_NOT_FOUND, NOT_FRIENDS, ROOM_NAME_INVALID.
        """
        others = {user_id for user_id in members if user_id != actor.user_id}
        with self._store.write() as tx:
            if access.living_among(tx, others) != others:
                raise ChatError(ErrorCode.USER_NOT_FOUND)
            if friendships.friends_among(tx, actor.user_id, others) != others:
                raise ChatError(ErrorCode.NOT_FRIENDS)
            self._rooms.make_group_within(tx, actor, title, sorted(others))

    def members(self, actor: Actor, room_id: int, page: Page = WHOLE) -> tuple[Listed[MemberRole], Role]:
        """Return a room's members, longest-standing first, and the actor's own role. Raises ROOM_NOT_FOUND."""
        query = (
            select(*user_directory.columns, Membership.role)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.room_id == access.within_64_bits(room_id), User.deleted_at.is_(None))
        )
        with self._store.read() as connection:
            room = access.joined(connection, actor, room_id)
            rows = paging.fetch(connection, query, [Membership.id], page, search=user_directory.called)
            persons = user_directory.persons(connection, rows)
        found = [MemberRole(person, Role(row.role)) for person, row in zip(persons, rows, strict=True)]
        return rows.with_entries(found), room.role or Role.MEMBER

    def set_admin(self, actor: Actor, room_id: int, user_id: int, *, is_admin: bool) -> None:
        """Promote a member to admin, or demote an admin.

        Raises ROOM_NOT_FOUND, FORBIDDEN, USER_NOT_FOUND, NOT_MEMBER, ROLE_UNCHANGED, RATE_LIMITED; the owner's role
        cannot change.
        """
        self._limits.take(ACTS, actor.user_id)
        old, new = (Role.MEMBER, Role.ADMIN) if is_admin else (Role.ADMIN, Role.MEMBER)
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, room_id)
            require(Action.CHANGE_ROLES, room)
            if _member(tx, room, user_id)[1] is not old:
                raise ChatError(ErrorCode.ROLE_UNCHANGED)
            set_role(tx, room.id, user_id, new, self._clock(), by_id=actor.user_id)
            self._record_role(tx, actor, room, user_id, old, new)

    def transfer(self, actor: Actor, room_id: int, user_id: int) -> None:
        """Transfer ownership to another member; the previous owner stays as a member.

        Raises ROOM_NOT_FOUND, FORBIDDEN, SELF_MEANT, USER_NOT_FOUND, NOT_MEMBER, RATE_LIMITED.
        """
        self._limits.take(ACTS, actor.user_id)
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, room_id)
            require(Action.TRANSFER, room)
            if user_id == actor.user_id:
                raise ChatError(ErrorCode.SELF_MEANT)
            _, old = _member(tx, room, user_id)
            owners = (Membership.room_id == room.id, Membership.role == Role.OWNER)
            for owner_id in tx.execute(select(Membership.user_id).where(*owners)).scalars().all():
                set_role(tx, room.id, owner_id, Role.MEMBER, self._clock(), by_id=actor.user_id)
            set_role(tx, room.id, user_id, Role.OWNER, self._clock(), by_id=actor.user_id)
            self._record_role(tx, actor, room, user_id, old, Role.OWNER)

    def remove(self, actor: Actor, ref: RoomRef, user: UserRef) -> None:
        """Remove a member.

        Raises ROOM_NOT_FOUND; FORBIDDEN if the actor may not remove anybody; USER_NOT_FOUND, NOT_MEMBER;
        ADMIN_PROTECTED.
        """
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, ref)
            require(Action.REMOVE_MEMBER, room)
            user_id = self.remove_within(tx, actor, room, user)
        details = {"room_id": room.id, "member_id": user_id}
        self._security_log.write("member_removal", actor.user_id, actor.username, **details)

    def remove_within(self, tx: WriteTransaction, actor: Actor, room: FoundRoom, user: UserRef) -> int:
        """Remove a member in the transaction that checked the actor's right to remove anybody. Returns the user's id.

        Raises USER_NOT_FOUND, NOT_MEMBER, ADMIN_PROTECTED, FORBIDDEN (oneself).
        """
        user_id, role = _member(tx, room, user)
        if not allows(REMOVING[role], room):
            raise forbidden(room) if user_id == actor.user_id else ChatError(ErrorCode.ADMIN_PROTECTED)
        now = self._clock()
        end_memberships(tx, user_id, [room.id], now, by_id=actor.user_id)
        audit.record(tx, now, actor, AuditAction.MEMBER_REMOVED, room_id=room.id, subject_id=user_id)
        return user_id

    def change(self, actor: Actor, room_id: int, title: str | None, avatar: str | None) -> None:
        """Change a room's title or avatar; None leaves it unchanged.

        Raises ROOM_NOT_FOUND, FORBIDDEN, ROOM_NAME_INVALID, FIELD_INVALID, QUOTA_USED, STORAGE_FULL, RATE_LIMITED,
        UNAVAILABLE.
        """
        if avatar is not None:
            enter_lane(Lane.PICTURES)  # before anything is taken from the rate limit
        self._limits.take(ACTS, actor.user_id)
        new_avatar = None
        if avatar is not None:
            with self._store.read() as connection:  # before processing the picture
                require(Action.CHANGE_ROOM, access.joined(connection, actor, room_id))
            new_avatar = self._avatars.prepare(avatar)
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, room_id)
            require(Action.CHANGE_ROOM, room)
            old_title = tx.execute(select(Room.title).where(Room.id == room.id)).scalar_one()
            if title is not None:
                self._rooms.rename_within(tx, room.id, title)
            if new_avatar is not None:
                self._quota.take(tx, actor.user_id, new_avatar.size)
                self._avatars.store(tx, new_avatar, Room, room.id)
            now = self._clock()
            changes = differing({"title": old_title}, {"title": old_title if title is None else title})
            if changes[0] or new_avatar is not None:
                audit.record(tx, now, actor, AuditAction.ROOM_CHANGED, *changes, room_id=room.id)
            tx.execute(update(Room).where(Room.id == room.id).values(updated_at=now))
            tx.emit(Event(EventKind.ROOM, room.id))  # cursors and subscriptions refer to the room by name

    def _record_role(
        self, tx: WriteTransaction, actor: Actor, room: FoundRoom, user_id: int, old: Role, new: Role
    ) -> None:
        roles = ({"role": old}, {"role": new})
        audit.record(tx, self._clock(), actor, AuditAction.MEMBER_ROLE, *roles, room_id=room.id, subject_id=user_id)


def _member(tx: WriteTransaction, room: FoundRoom, user: UserRef) -> tuple[int, Role]:
    """Return the user's id and role in the room. Raises USER_NOT_FOUND, NOT_MEMBER."""
    user_id = access.user_id(tx, user)
    role = access.role_of(tx, room.id, user_id)
    if role is None:
        raise ChatError(ErrorCode.NOT_MEMBER, username=user)
    return user_id, role
