"""Checks a roster against the accounts and rooms that exist."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Room, User
from chat.names import name_key, nickname_key, skeleton
from chat.ports import WriteTransaction
from chat.services.access import AnyConnection
from chat.services.erased_names import ErasedNames
from chat.services.roster_parsing import Complaint, Problem, RosterLine
from chat.services.usernames import teachers_skeletons

_CHUNK = 400  # names per statement


def users_of(connection: AnyConnection, lines: Iterable[RosterLine]) -> dict[str, Any]:
    """Return the accounts with these usernames, deleted ones included, by key."""
    columns = (User.id, User.username_key, User.nickname, User.deleted_at, User.is_teacher)
    found: dict[str, Any] = {}
    for chunk in _chunks([name_key(line.username) for line in lines]):
        for row in connection.execute(select(*columns).where(User.username_key.in_(chunk))):
            found[row.username_key] = row
    return found


def complaints_about(
    connection: AnyConnection, lines: Sequence[RosterLine], users: dict[str, Any], erased: ErasedNames
) -> list[Complaint]:
    """Return problems that only the database can detect, and names that equal others' usernames
    (docs/decisions/0080).
    """
    keys = [*(name_key(line.username) for line in lines), *(nickname_key(line.name) for line in lines)]
    logins = {**_ids_by(connection, User.username_key, keys), **_ids_by(connection, User.email_key, keys)}
    kept = erased.among(connection, keys)
    taken = {*logins, *kept, *_ids_by(connection, User.nickname_key, keys)}
    private = _closed_rooms(connection, lines)
    teachers = teachers_skeletons(connection)
    in_file = {name_key(line.username): line.line for line in lines}
    found: list[Complaint] = []
    for line in lines:
        key, name = name_key(line.username), nickname_key(line.name)
        user = users.get(key)
        is_anothers = key in taken if user is None else user.deleted_at is not None
        if is_anothers:
            found.append(Complaint(line.line, Problem.TAKEN, {"username": line.username}))
        elif user is not None and user.is_teacher:
            found.append(Complaint(line.line, Problem.TEACHER, {"username": line.username}))
        else:
            found.extend(
                Complaint(line.line, Problem.LIKE_TEACHER, {"name": each})
                for each in like_teacher(line, user, teachers)
            )
        owner = logins.get(name)
        is_owners = owner and (user is None or owner != user.id)
        if in_file.get(name, line.line) != line.line or is_owners or name in kept:
            found.append(Complaint(line.line, Problem.NAME_TAKEN, {"name": line.name}))
        closed = [room for room in line.rooms if name_key(room) in private]
        found.extend(Complaint(line.line, Problem.PRIVATE_ROOM, {"room": room}) for room in closed)
    return found


def like_teacher(line: RosterLine, user: Any, teachers: set[str]) -> list[str]:
    """Return the line's new names that look like a teacher's."""
    new = [line.username] if user is None else []
    if user is None or user.nickname != line.name:
        new.append(line.name)
    return [name for name in dict.fromkeys(new) if skeleton(name) in teachers]


def _ids_by(connection: AnyConnection, column: Any, keys: Sequence[str]) -> dict[str, int]:
    """Return the ids of accounts, deleted ones included, with one of the keys in this column."""
    found: dict[str, int] = {}
    for chunk in _chunks(list(dict.fromkeys(keys))):
        rows = connection.execute(select(column, User.id).where(column.in_(chunk)))
        found |= {row[0]: row[1] for row in rows}
    return found


def _closed_rooms(connection: AnyConnection, lines: Sequence[RosterLine]) -> set[str]:
    """Return the keys of the rooms that are private: only their members may add people."""
    found: set[str] = set()
    for chunk in _chunks(list(dict.fromkeys(name_key(room) for line in lines for room in line.rooms))):
        private = (Room.name_key.in_(chunk), Room.deleted_at.is_(None), Room.access != Access.OPEN)
        found |= set(connection.execute(select(Room.name_key).where(*private)).scalars())
    return found


def open_room(tx: WriteTransaction, key: str) -> int | None:
    """Raises ROSTER_CHANGED if the room has become private meanwhile."""
    living = (Room.name_key == key, Room.deleted_at.is_(None))
    room = tx.execute(select(Room.id, Room.access).where(*living)).first()
    if room is not None and room.access != Access.OPEN:
        raise ChatError(ErrorCode.ROSTER_CHANGED)
    return None if room is None else int(room.id)


def _chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK))
