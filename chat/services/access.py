"""Find rooms and users with access control: a room is found only through the caller's membership or open access."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, bindparam, cast, func, or_, select

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Membership, Message, Role, Room, SiteSetting, User
from chat.names import name_key
from chat.ports import WriteTransaction
from chat.storage.prepared import Prepared

LIST_CAP = 5000  # entries (docs/specification.md, "Bounds")
MAX_ID = 2**63 - 1
RoomRef = str | int  # a room's name or id
UserRef = str | int  # a username or user id
AnyConnection = Connection | WriteTransaction
AnySelect = Select[*tuple[Any, ...]]


class FoundRoom(NamedTuple):
    """A room and the caller's membership, as far as access rules need them."""

    id: int
    access: Access
    passwd_hash: str | None
    is_lobby: bool
    role: Role | None  # None if the caller is not a member
    is_asked_by_teacher: bool = False
    is_read_only: bool = False
    slow_mode: int = 0  # seconds
    is_archived: bool = False
    muted_until: int = 0  # µs; of the caller

    @property
    def rights(self) -> Role | None:
        """The role that determines the caller's rights: teachers have the owner's in every room that is not private."""
        return Role.OWNER if self.is_asked_by_teacher and self.access is Access.OPEN else self.role

    @property
    def asks_for_passwd(self) -> bool:
        """Whether the caller needs the password to become a member."""
        return self.rights is None and self.passwd_hash is not None


# Built once, because every send runs one of them.
_own_membership = and_(Membership.room_id == Room.id, Membership.user_id == bindparam("user"))
_default_slow_mode = select(cast(SiteSetting.value, Integer)).where(SiteSetting.name == "slow_mode").scalar_subquery()
SLOW_MODE = func.coalesce(Room.slow_mode, _default_slow_mode, 0)  # of a room, in seconds


def room_columns(role: Any, muted_until: Any) -> tuple[Any, ...]:
    """The columns of found_room, with those of the caller's membership."""
    return (
        *(Room.id, Room.access, Room.passwd_hash, Room.is_lobby, role),
        *(Room.read_only, SLOW_MODE, Room.archived_at, muted_until),
    )


_room: AnySelect = select(*room_columns(Membership.role, Membership.muted_until)).where(Room.deleted_at.is_(None))
_joined = _room.join(Membership, _own_membership)
_visible = _room.join(Membership, _own_membership, isouter=True).where(
    or_(Room.access == Access.OPEN, Membership.id.is_not(None))
)
_joined_by_id = Prepared(_joined.where(Room.id == bindparam("ref")))
_joined_by_name = Prepared(_joined.where(Room.name_key == bindparam("ref")))
_visible_by_id = Prepared(_visible.where(Room.id == bindparam("ref")))
_visible_by_name = Prepared(_visible.where(Room.name_key == bindparam("ref")))
_living_by_id = Prepared(select(Room.id).where(Room.deleted_at.is_(None), Room.id == bindparam("ref")))


def joined(connection: AnyConnection, actor: Actor, ref: RoomRef) -> FoundRoom:
    """Return the room with this name or id if the actor is a member, or a teacher and the room is not private.

    Raises ROOM_NOT_FOUND, with `exists` set if a room has that id.
    """
    room = _find(connection, _joined_by_id, _joined_by_name, actor, ref)
    if room is None and actor.is_teacher:
        room = _find(connection, _visible_by_id, _visible_by_name, actor, ref)
    if room is None:
        raise _not_joined(connection, ref)
    return room


def _not_joined(connection: AnyConnection, ref: RoomRef) -> ChatError:
    exists = isinstance(ref, int) and run(connection, _living_by_id, {"ref": within_64_bits(ref)})
    return ChatError(ErrorCode.ROOM_NOT_FOUND, room=ref, **({"exists": True} if exists else {}))


def joined_locked(tx: WriteTransaction, actor: Actor, ref: RoomRef) -> FoundRoom:
    """Like joined, for transactions that write into the room or change rights there: its row is locked first.

    Raises ROOM_NOT_FOUND.
    """
    room = joined(tx, actor, ref)
    if not tx.lock_rooms([room.id]):
        return room
    try:
        return joined(tx, actor, room.id)  # as it is after the transactions that held the lock
    except ChatError:
        raise _not_joined(tx, ref) from None


Finder = Callable[[Any, Actor, RoomRef], FoundRoom]  # joined or joined_locked


def entered(connection: Any, actor: Actor, ref: RoomRef, find: Finder = joined) -> FoundRoom:
    """The room of that name or id, if the actor is a member. Raises ROOM_NOT_FOUND."""
    room = find(connection, actor, ref)
    if room.role is None:
        raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=ref)
    return room


def joined_of(
    connection: AnyConnection,
    actor: Actor,
    room_id: int | None,
    not_found: ErrorCode,
    find: Finder = joined,
) -> FoundRoom:
    """Return the room that contains an object which has its own id, if the actor is a member.

    Raises `not_found` if there is no such room (`room_id` None: no such object), FORBIDDEN if the actor is not a
    member.
    """
    try:
        return find(connection, actor, room_id or 0)
    except ChatError as error:
        raise ChatError(ErrorCode.FORBIDDEN if error.data.get("exists") else not_found) from None


def visible(connection: AnyConnection, actor: Actor, ref: RoomRef) -> FoundRoom:
    """Return the room with this name or id if the actor may see it. Raises ROOM_NOT_FOUND."""
    room = _find(connection, _visible_by_id, _visible_by_name, actor, ref)
    if room is None:
        raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=ref)
    return room


def still_visible(tx: WriteTransaction, actor: Actor, ref: RoomRef, room: FoundRoom) -> FoundRoom:
    """Lock and re-read a room that was found before the transaction began.

    Raises ROOM_NOT_FOUND, also if its name now belongs to another room.
    """
    tx.lock_rooms([room.id])
    now = visible(tx, actor, ref)
    if now.id != room.id:  # the room was deleted and its name reused
        raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=ref)
    return now


def user_id(connection: AnyConnection, ref: UserRef) -> int:
    """Return the id of an account that is not deleted. Raises USER_NOT_FOUND."""
    found: int | None = connection.execute(select(User.id).where(is_user(ref))).scalar()
    if found is None:
        raise ChatError(ErrorCode.USER_NOT_FOUND, username=ref)
    return found


def user_ids(connection: AnyConnection, refs: Iterable[UserRef]) -> list[int]:
    """Return the ids of several accounts with one query, without duplicates, in the order given.

    Raises USER_NOT_FOUND.
    """
    keys = {ref: within_64_bits(ref) if isinstance(ref, int) else name_key(ref) for ref in refs}
    if not keys:
        return []
    names = [key for key in keys.values() if isinstance(key, str)]
    ids = [key for key in keys.values() if isinstance(key, int)]
    is_wanted = or_(User.id.in_(ids), User.username_key.in_(names))
    found: dict[int | str, int] = {}
    for row in connection.execute(select(User.id, User.username_key).where(is_wanted, User.deleted_at.is_(None))):
        found |= {row.id: row.id, row.username_key: row.id}
    missing = [ref for ref, key in keys.items() if key not in found]
    if missing:
        raise ChatError(ErrorCode.USER_NOT_FOUND, username=missing[0])
    return list(dict.fromkeys(found[key] for key in keys.values()))


def role_of(connection: AnyConnection, room_id: int, user_id: int) -> Role | None:
    """Return a user's role in a room whose access has been checked; None if the user is not a member."""
    query = select(Membership.role).where(Membership.room_id == room_id, Membership.user_id == user_id)
    role = connection.execute(query).scalar()
    return None if role is None else Role(role)


def is_user(ref: UserRef) -> ColumnElement[bool]:
    """The condition that a User row is not deleted and has this username or id."""
    same = User.id == within_64_bits(ref) if isinstance(ref, int) else User.username_key == name_key(ref)
    return and_(same, User.deleted_at.is_(None))


def is_message_of(room_id: int, message_id: int) -> ColumnElement[bool]:
    """The condition that a Message has this id, is in the room, and is not deleted."""
    return and_(Message.id == within_64_bits(message_id), Message.room_id == room_id, Message.deleted_at.is_(None))


def living_among(connection: AnyConnection, user_ids: Iterable[int]) -> set[int]:
    """Return those of the ids that belong to accounts which are not deleted."""
    wanted = {within_64_bits(user_id) for user_id in user_ids}
    query = select(User.id).where(User.id.in_(wanted), User.deleted_at.is_(None))
    return set(connection.execute(query).scalars())


def within_64_bits(row_id: int) -> int:
    """Return the id, or 0 (which no row has) if it exceeds the database's integers."""
    return row_id if 0 < row_id <= MAX_ID else 0


def run(connection: AnyConnection, statement: Prepared, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Execute a prepared statement in either kind of transaction, and return the rows."""
    if isinstance(connection, Connection):
        return statement.run(connection, values)
    return connection.run(statement, values)


def _find(
    connection: AnyConnection, by_id: Prepared, by_name: Prepared, actor: Actor, ref: RoomRef
) -> FoundRoom | None:
    statement, key = (by_id, within_64_bits(ref)) if isinstance(ref, int) else (by_name, name_key(ref))
    values = {"user": actor.user_id, "ref": key}
    rows = run(connection, statement, values)
    if not rows:
        return None
    return found_room(rows[0], actor)


def found_room(row: Sequence[Any], actor: Actor) -> FoundRoom:
    """Make a FoundRoom of the columns in `room_columns`."""
    room_id, access, passwd_hash, is_lobby, role, is_read_only, slow_mode, archived_at, muted_until = row
    return FoundRoom(
        room_id,
        Access(access),
        passwd_hash,
        bool(is_lobby),
        Role(role) if role else None,
        actor.is_teacher,
        bool(is_read_only),
        slow_mode,
        archived_at is not None,
        muted_until or 0,
    )
