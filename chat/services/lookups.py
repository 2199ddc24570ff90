"""Finding rooms and users. A room is found through the caller's membership, or as it is open; there is no other way."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, or_, select

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Membership, Role, Room, User
from chat.names import name_key
from chat.storage.prepared import Prepared
from chat.storage.store import WriteTransaction

LIST_CAP = 5000  # entries (specs, "Bounds")
MAX_ID = 2**63 - 1
RoomRef = str | int  # a room's name, or its id
UserRef = str | int  # a username, or a user's id
AnyConnection = Connection | WriteTransaction
AnySelect = Select[*tuple[Any, ...]]


class FoundRoom(NamedTuple):
    """What the rules need to know of a room, and of the caller in it."""

    id: int
    access: Access
    passwd_hash: str | None
    is_lobby: bool
    role: Role | None  # None: not in it

    @property
    def asks_for_passwd(self) -> bool:
        """Whether the caller is outside, and gets in only with the passwd."""
        return self.role is None and self.passwd_hash is not None


# Built once: each send runs one of them.
_own_membership = and_(Membership.room_id == Room.id, Membership.user_id == bindparam("user"))
_columns = (Room.id, Room.access, Room.passwd_hash, Room.is_lobby, Membership.role)
_room: AnySelect = select(*_columns).where(Room.deleted_at.is_(None))
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
    """The room of that name or id, if the actor is in it. Raises ROOM_NOT_FOUND; `exists` where a room has the id."""
    room = _find(connection, _joined_by_id, _joined_by_name, actor, ref)
    if room is None:
        exists = isinstance(ref, int) and _run(connection, _living_by_id, {"ref": within_64_bits(ref)})
        raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=ref, **({"exists": True} if exists else {}))
    return room


def joined_of(connection: AnyConnection, actor: Actor, room_id: int | None, not_found: ErrorCode) -> FoundRoom:
    """The room that something with an id of its own belongs to, if the actor is in it.

    Raises not_found where there is no such room (None: nor such a thing), FORBIDDEN where the actor is not in it.
    """
    try:
        return joined(connection, actor, room_id or 0)
    except ChatError as error:
        raise ChatError(ErrorCode.FORBIDDEN if error.data.get("exists") else not_found) from None


def visible(connection: AnyConnection, actor: Actor, ref: RoomRef) -> FoundRoom:
    """The room of that name or id, if the actor may see it. Raises ROOM_NOT_FOUND."""
    room = _find(connection, _visible_by_id, _visible_by_name, actor, ref)
    if room is None:
        raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=ref)
    return room


def still_visible(tx: WriteTransaction, actor: Actor, ref: RoomRef, room: FoundRoom) -> FoundRoom:
    """The same room as it is now, for who looked before the transaction. Raises ROOM_NOT_FOUND."""
    now = visible(tx, actor, ref)
    if now.id != room.id:  # deleted, and another one has its name
        raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=ref)
    return now


def user_id(connection: AnyConnection, ref: UserRef) -> int:
    """The id of a living account. Raises USER_NOT_FOUND."""
    found: int | None = connection.execute(select(User.id).where(is_user(ref))).scalar()
    if found is None:
        raise ChatError(ErrorCode.USER_NOT_FOUND, username=ref)
    return found


def user_ids(connection: AnyConnection, refs: Iterable[UserRef]) -> list[int]:
    """The same of many by one statement, each once and in the order given. Raises USER_NOT_FOUND."""
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
    """A user's role in a room that the actor has been seen to be in; None: not in it."""
    query = select(Membership.role).where(Membership.room_id == room_id, Membership.user_id == user_id)
    role = connection.execute(query).scalar()
    return None if role is None else Role(role)


def is_user(ref: UserRef) -> ColumnElement[bool]:
    """The condition on User that finds the living account of that username or id."""
    same = User.id == within_64_bits(ref) if isinstance(ref, int) else User.username_key == name_key(ref)
    return and_(same, User.deleted_at.is_(None))


def within_64_bits(row_id: int) -> int:
    """The id; 0, which is nobody's, for what no database could hold."""
    return row_id if 0 < row_id <= MAX_ID else 0


def _run(connection: AnyConnection, statement: Prepared, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    if isinstance(connection, WriteTransaction):
        return connection.run(statement, values)
    return statement.run(connection, values)


def _find(
    connection: AnyConnection, by_id: Prepared, by_name: Prepared, actor: Actor, ref: RoomRef
) -> FoundRoom | None:
    statement, key = (by_id, within_64_bits(ref)) if isinstance(ref, int) else (by_name, name_key(ref))
    values = {"user": actor.user_id, "ref": key}
    rows = _run(connection, statement, values)
    if not rows:
        return None
    room_id, access, passwd_hash, is_lobby, role = rows[0]
    return FoundRoom(room_id, Access(access), passwd_hash, bool(is_lobby), Role(role) if role else None)
