"""Titles and names of rooms (docs/specification.md, "Room"): a name is unique, and is made from the title."""

from typing import Any

from sqlalchemy import Select, select, update

from chat.errors import ChatError, ErrorCode
from chat.models import Room
from chat.names import ROOM_NAME_MAX_CHARS, is_name, is_reserved_room_name, name_key, stored_name
from chat.ports import WriteTransaction


def checked_title(title: str) -> str:
    """Return a title as it is stored. Raises ROOM_NAME_INVALID."""
    if not is_name(title, ROOM_NAME_MAX_CHARS):
        raise ChatError(ErrorCode.ROOM_NAME_INVALID)
    return stored_name(title)


def lock_name(tx: WriteTransaction, name: str) -> None:
    """Let nobody else decide about a room's name until the commit."""
    tx.lock_names([f"room {name_key(name)}"])


def give_name(tx: WriteTransaction, room_id: int, title: str) -> None:
    """Give a room a unique name: its title, followed by the room's number if the title alone is taken.

    No other name can end in this room's number, because titles that end in a number get their own number appended.
    The name is locked, so no concurrent transaction can take it.
    """
    lock_name(tx, title)
    taken = living_by_name(title).where(Room.id != room_id)
    is_free = not is_reserved_room_name(title) and tx.execute(taken).first() is None
    name = title if is_free else f"{title} #{room_id}"
    tx.execute(update(Room).where(Room.id == room_id).values(name=name, name_key=name_key(name)))


def living_by_name(name: str) -> Select[Any]:
    """The query for the id of the room that has this name and is not deleted."""
    return select(Room.id).where(Room.name_key == name_key(name), Room.deleted_at.is_(None))
