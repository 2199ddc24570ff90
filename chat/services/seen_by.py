"""Readers of a message (docs/specification.md, "Reading"; decision 0140)."""

from typing import Any, NamedTuple

from sqlalchemy import func, select

from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Membership, Message, Room, User
from chat.ports import Store
from chat.services import access, paging
from chat.services.access import RoomRef
from chat.services.paging import Listed, Page
from chat.services.read_marks import ReadMarks
from chat.services.user_directory import called


class Readers(NamedTuple):
    total: int
    page: Listed[Any]  # rows of username, nickname


class SeenBy:
    def __init__(self, store: Store, reading: ReadMarks) -> None:
        self._store = store
        self._reading = reading

    def readers(self, actor: Actor, ref: RoomRef, message_id: int, page: Page) -> Readers:
        """Return the members whose read mark has reached a message, without its sender, longest-standing first.

        Other processes' marks follow within 5 s. Raises ROOM_NOT_FOUND, SEEN_BY_OFF, MESSAGE_NOT_FOUND.
        """
        self._reading.flush()
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            if not connection.execute(select(Room.seen_by).where(Room.id == room.id)).scalar():
                raise ChatError(ErrorCode.SEEN_BY_OFF)
            query = select(Message.time, Message.sender_id).where(access.is_message_of(room.id, message_id))
            message = connection.execute(query).first()
            if message is None:
                raise ChatError(ErrorCode.MESSAGE_NOT_FOUND)
            # Joining sets the read mark to the newest message, which is no reading of the older ones.
            has_read = (Membership.read_time >= message.time, Membership.joined_at < message.time)
            found = (
                select(User.username, User.nickname)
                .join(Membership, Membership.user_id == User.id)
                .where(Membership.room_id == room.id, *has_read)
                .where(User.id != message.sender_id, User.deleted_at.is_(None))
            )
            count: int = connection.execute(found.with_only_columns(func.count())).scalar_one()
            return Readers(count, paging.fetch(connection, found, [Membership.id], page, search=called))
