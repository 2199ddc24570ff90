"""Rooms: creating, finding and deleting them (docs/specification.md, "Room" and "The lobby")."""

import secrets
from collections.abc import Iterable, Sequence

from sqlalchemy import and_, case, func, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, AuditAction, Membership, Role, Room
from chat.names import is_name, is_reserved_room_name, name_key, stored_name
from chat.ports import Store, WriteTransaction
from chat.security.events import SecurityLog
from chat.services import access, audit
from chat.services.access import RoomRef, UserRef
from chat.services.bounds import PersonBounds
from chat.services.membership_changes import end_room
from chat.services.memberships import Memberships
from chat.services.paging import WHOLE, Listed, Page
from chat.services.permissions import Action, require
from chat.services.read_marks import ReadMarks
from chat.services.room_names import checked_title, give_name, living_by_name, lock_name
from chat.services.room_passwords import RoomPasswords
from chat.services.room_views import IS_CURRENT, IS_IN, RoomView, views
from chat.services.site import Site, first_teacher
from chat.storage.prepared import Prepared

LABEL_MAX_CHARS = 16
DESCRIPTION_MAX_CHARS = 1000
_lobby = Prepared(select(Room.id).where(Room.is_lobby, Room.deleted_at.is_(None)))
OPEN_LABEL, LOCKED_LABEL = "public", "private"  # "private" is the label that requires a passwd


class Rooms:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        memberships: Memberships,
        passwds: RoomPasswords,
        bounds: PersonBounds,
        reading: ReadMarks,
        security_log: SecurityLog,
        site: Site,
        lobby: str,
    ) -> None:
        self._store = store
        self._security_log = security_log
        self._clock = clock
        self._memberships = memberships
        self._passwds = passwds
        self._bounds = bounds
        self._reading = reading
        self._site = site
        self._lobby = lobby

    def create(
        self, actor: Actor, name: str, label: str = OPEN_LABEL, passwd: str = "", members: Iterable[UserRef] = ()
    ) -> int:
        """Create a room addressed by name and return its id. The actor owns it; all `members` are added, or none.

        With a passwd it is locked. Raises ROOM_NAME_INVALID, ROOM_NAME_RESERVED, ROOM_NAME_TAKEN, ROOM_LABEL_INVALID,
        ROOM_PASSWD_NEEDED, USER_NOT_FOUND; ROOMS_BY_TEACHERS; ROOMS_OWNED, ADDED_TOO_MANY, CANNOT_BE_ADDED,
        RATE_LIMITED.
        """
        name = checked_title(name)
        if is_reserved_room_name(name):
            raise ChatError(ErrorCode.ROOM_NAME_RESERVED, room=name)
        if not is_name(label, LABEL_MAX_CHARS):
            raise ChatError(ErrorCode.ROOM_LABEL_INVALID)
        label = stored_name(label)
        if label == LOCKED_LABEL and not passwd:
            raise ChatError(ErrorCode.ROOM_PASSWD_NEEDED)
        with self._store.read() as connection:  # before hashing, which is expensive
            self._site.require_making(connection, actor, Access.OPEN)
            if connection.execute(living_by_name(name)).first():
                raise ChatError(ErrorCode.ROOM_NAME_TAKEN, room=name)
        passwd_hash = self._passwds.hashed(actor, passwd) if passwd else None
        try:
            with self._store.write() as tx:
                others = _ids(tx, actor, members)
                lock_name(tx, name)
                room_id = _insert(tx, name, self._clock(), name=name, label=label, passwd_hash=passwd_hash)
                self._admit_all(tx, room_id, actor, others)
                return room_id
        except IntegrityError:
            raise ChatError(ErrorCode.ROOM_NAME_TAKEN, room=name) from None

    def create_titled(
        self,
        actor: Actor,
        title: str,
        *,
        access: Access,
        description: str = "",
        members: Iterable[UserRef] = (),
    ) -> RoomView:
        """Create a room addressed by id, owned by the actor, with all `members` or none. Titles need not be unique.

        Raises ROOM_NAME_INVALID, FIELD_INVALID, USER_NOT_FOUND, ROOMS_BY_TEACHERS, PRIVATE_ROOMS_OFF, ROOMS_OWNED,
        ADDED_TOO_MANY, CANNOT_BE_ADDED, RATE_LIMITED.
        """
        title = checked_title(title)
        if len(description) > DESCRIPTION_MAX_CHARS:
            raise ChatError(ErrorCode.FIELD_INVALID, field="description")
        label = OPEN_LABEL if access == Access.OPEN else LOCKED_LABEL
        with self._store.write() as tx:
            self._site.require_making(tx, actor, access)
            others = _ids(tx, actor, members)
            room_id = _insert(tx, title, self._clock(), description=description, access=access, label=label)
            give_name(tx, room_id, title)
            self._admit_all(tx, room_id, actor, others)
            return views(tx, actor, Room.id == room_id)[0]

    def make_group_within(self, tx: WriteTransaction, actor: Actor, title: str, members: Iterable[int]) -> None:
        """Create a group owned by the actor, with these users.

        Raises ROOM_NAME_INVALID, ROOMS_BY_TEACHERS, PRIVATE_ROOMS_OFF, ROOMS_OWNED, ADDED_TOO_MANY, CANNOT_BE_ADDED,
        RATE_LIMITED.
        """
        title = checked_title(title)
        self._site.require_making(tx, actor, Access.GROUP)
        room_id = _insert(tx, title, self._clock(), access=Access.GROUP, label=LOCKED_LABEL)
        give_name(tx, room_id, title)
        self._admit_all(tx, room_id, actor, members)

    def find(
        self, actor: Actor, page: Page = WHOLE, *, unread: bool, only_joined: bool = False, archived: bool = False
    ) -> Listed[RoomView]:
        """List the rooms visible to the actor, joined ones first, with unread counts if requested.

        archived: those that are, instead of the others.
        """
        if unread:
            self._reading.flush()
        with self._store.read() as connection:
            which = IS_IN if only_joined else or_(Room.access == Access.OPEN, IS_IN)
            kept = Room.archived_at.is_not(None) if archived else IS_CURRENT
            return views(connection, actor, and_(kept, which), page, unread=unread)

    def view(self, actor: Actor, ref: RoomRef) -> RoomView:
        """Return one room visible to the actor. Raises ROOM_NOT_FOUND."""
        with self._store.read() as connection:
            return views(connection, actor, Room.id == access.visible(connection, actor, ref).id)[0]

    def joined(self, actor: Actor, page: Page = WHOLE) -> Listed[RoomView]:
        """List the rooms that the actor is in, without archived ones."""
        with self._store.read() as connection:
            return views(connection, actor, and_(IS_CURRENT, IS_IN), page)

    def enterable(self, actor: Actor, page: Page = WHOLE) -> Listed[RoomView]:
        """List the rooms that the actor can enter without a password or invitation, joined ones first."""
        has_no_passwd = true() if actor.is_teacher else Room.passwd_hash.is_(None)
        is_open = and_(Room.access == Access.OPEN, has_no_passwd)
        with self._store.read() as connection:
            return views(connection, actor, and_(IS_CURRENT, or_(is_open, IS_IN)), page)

    def counts(self, actor: Actor) -> tuple[int, int, int]:
        """Return the number of rooms the actor can see, has joined, and how many of the latter are direct
        conversations.
        """
        own = and_(Membership.room_id == Room.id, Membership.user_id == actor.user_id)
        query = (
            select(func.count(), func.count(Membership.id), func.count(case((Room.access == Access.DIRECT, 1))))
            .select_from(Room)
            .join(Membership, own, isouter=True)
            .where(Room.deleted_at.is_(None), IS_CURRENT, or_(Room.access == Access.OPEN, IS_IN))
        )
        with self._store.read() as connection:
            visible, joined, direct = connection.execute(query).one()
        return visible, joined, direct

    def delete(self, actor: Actor, ref: RoomRef, passwd: str | None = None) -> None:
        """Delete the room for all members.

        A locked room also requires its passwd, as polling's document defines, except from teachers. `passwd` None means
        that the protocol cannot ask for one; then ownership is sufficient. Raises ROOM_NOT_FOUND, FORBIDDEN,
        ROOM_PASSWD_WRONG, RATE_LIMITED after too many wrong ones.
        """
        with self._store.read() as connection:
            room = access.visible(connection, actor, ref)
        require(Action.DELETE_ROOM, room)
        if passwd is not None and not actor.is_teacher:
            self._passwds.check(actor, room, ref, passwd)
        with self._store.write() as tx:
            still = access.still_visible(tx, actor, ref, room)  # the role may have changed during the check
            require(Action.DELETE_ROOM, still)
            audit.record(tx, self._clock(), actor, AuditAction.ROOM_DELETED, room_id=room.id)
            end_room(tx, room.id, self._clock())
        self._security_log.write("room_removal", actor.user_id, actor.username, room_id=room.id)

    def rename_within(self, tx: WriteTransaction, room_id: int, title: str) -> None:
        """Change a room's title and the name derived from it. Raises ROOM_NAME_INVALID."""
        title = checked_title(title)
        tx.execute(update(Room).where(Room.id == room_id).values(title=title))
        give_name(tx, room_id, title)

    def make_direct_within(self, tx: WriteTransaction, one_id: int, other_id: int) -> int:
        """Create a direct conversation of two users and return its id."""
        room_id = _insert(tx, "", self._clock(), access=Access.DIRECT, label=LOCKED_LABEL)
        name = f"#{room_id}"  # no other room can have this name
        values = {"title": name, "name": name, "name_key": name_key(name)}
        tx.execute(update(Room).where(Room.id == room_id).values(values))
        self._memberships.admit_all(tx, room_id, [one_id, other_id], Role.MEMBER)
        return room_id

    def _admit_all(self, tx: WriteTransaction, room_id: int, owner: Actor, others: Iterable[int]) -> None:
        self._bounds.count_room(tx, owner)
        self._memberships.admit(tx, room_id, owner.user_id, Role.OWNER)
        self._memberships.add_all_within(tx, owner, room_id, list(others))

    def make_open_within(self, tx: WriteTransaction, name: str, owner_id: int | None) -> int:
        """Create an open room with an unused name for its owner (None: the first teacher), and return its id."""
        name = stored_name(name)
        room_id = _insert(tx, name, self._clock(), name=name, label=OPEN_LABEL)
        if owner_id is None:
            owner_id = first_teacher(tx)
        if owner_id is not None:
            self._memberships.admit(tx, room_id, owner_id, Role.OWNER)
        return room_id

    def enter_lobby(self, tx: WriteTransaction, user_ids: Sequence[int]) -> None:
        """Add new accounts to the lobby, if there is one."""
        if not self._lobby:
            return
        for (room_id,) in tx.run(_lobby, {}):
            self._memberships.admit_all(tx, room_id, user_ids, Role.MEMBER)

    def ensure_lobby(self) -> None:
        """Create the lobby, or rename it, according to the setting."""
        if not self._lobby:
            return
        with self._store.read() as connection:
            if connection.execute(select(Room.id).where(Room.is_lobby, Room.title == self._lobby)).first():
                return
        with self._store.write() as tx:
            tx.lock_names(["lobby"])
            now = self._clock()
            room_id = tx.execute(select(Room.id).where(Room.is_lobby)).scalar()
            if room_id is None:
                room_id = _insert(tx, self._lobby, now, label=OPEN_LABEL, is_lobby=True)
            tx.execute(update(Room).where(Room.id == room_id).values(title=self._lobby, updated_at=now))
            give_name(tx, room_id, self._lobby)


def _ids(tx: WriteTransaction, actor: Actor, members: Iterable[UserRef]) -> list[int]:
    """Return the ids of the users other than the actor, without duplicates, in the order given.

    Raises USER_NOT_FOUND.
    """
    return [user_id for user_id in access.user_ids(tx, members) if user_id != actor.user_id]


def _insert(
    tx: WriteTransaction,
    title: str,
    now: int,
    *,
    label: str,
    name: str | None = None,  # None: it gets one within the transaction, once its number is known
    access: Access = Access.OPEN,
    description: str = "",
    passwd_hash: str | None = None,
    is_lobby: bool = False,
) -> int:
    row = {
        "name": name or "",
        # A placeholder that is no other's: transactions that make rooms must not wait for each other.
        "name_key": f" {secrets.token_hex(8)}" if name is None else name_key(name),
        "title": title,
        "description": description,
        "access": access,
        "label": label,
        "passwd_hash": passwd_hash,
        "is_lobby": is_lobby,
        "created_at": now,
        "updated_at": now,
    }
    return int(tx.execute(insert(Room).values(row).returning(Room.id)).scalar_one())
