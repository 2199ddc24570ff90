"""Announcements: notices by a group's owner and admins for every member."""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Announcement, Event, EventKind, User
from chat.names import is_visible
from chat.ports import Store
from chat.security.limits import ANNOUNCEMENTS
from chat.services import access, paging
from chat.services.access import RoomRef, within_64_bits
from chat.services.bounds import ANNOUNCEMENTS_OF_ROOM, PersonBounds
from chat.services.paging import WHOLE, Listed, Page
from chat.services.permissions import Action, require
from chat.services.writing import require_writable

MAX_CHARS = 1000


@dataclass(frozen=True, slots=True)
class AnnouncementView:
    id: int
    content: str
    sender_name: str  # nickname
    sender: str  # username
    sender_id: int
    created_at: int  # µs


class Announcements:
    def __init__(self, store: Store, clock: Clock, bounds: PersonBounds) -> None:
        self._store = store
        self._clock = clock
        self._bounds = bounds

    def all(self, actor: Actor, ref: RoomRef, page: Page = WHOLE) -> Listed[AnnouncementView]:
        """List the announcements of a room that the actor is in, newest first. Raises ROOM_NOT_FOUND."""
        query = select(
            Announcement.id, Announcement.content, User.nickname, User.username, User.id, Announcement.created_at
        ).join(User, User.id == Announcement.sender_id)
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            query = query.where(Announcement.room_id == room.id)
            rows = paging.fetch(connection, query, [Announcement.id], page, newest_first=True)
        return rows.with_entries([AnnouncementView(*row[:6]) for row in rows])

    def post(self, actor: Actor, room_id: int, content: str) -> None:
        """Raises ROOM_NOT_FOUND, FORBIDDEN, ARCHIVED, MUTED, FIELD_INVALID, TOO_MANY (of the room), RATE_LIMITED."""
        if len(content) > MAX_CHARS or not is_visible(content):
            raise ChatError(ErrorCode.FIELD_INVALID, field="content")
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, room_id)
            require(Action.ANNOUNCE, room)
            require_writable(room, self._clock())
            self._bounds.require_fewer(tx, Announcement.room_id == room.id, ANNOUNCEMENTS_OF_ROOM)
            self._bounds.take(tx, ANNOUNCEMENTS, actor)
            row = {"room_id": room.id, "sender_id": actor.user_id, "content": content, "created_at": self._clock()}
            tx.execute(insert(Announcement).values(row))
            for kind in (EventKind.CONCERNS_MEMBERS, EventKind.ANNOUNCED):
                tx.emit(Event(kind, room.id, self._clock()))

    def delete(self, actor: Actor, announcement_id: int) -> None:
        """Raises ANNOUNCEMENT_NOT_FOUND; FORBIDDEN, also for non-members."""
        same = Announcement.id == within_64_bits(announcement_id)
        with self._store.write() as tx:
            room_id = tx.execute(select(Announcement.room_id).where(same)).scalar()
            not_found = ErrorCode.ANNOUNCEMENT_NOT_FOUND
            room = access.joined_of(tx, actor, room_id, not_found, access.joined_locked)
            require(Action.ANNOUNCE, room)
            tx.execute(delete(Announcement).where(same))
            tx.emit(Event(EventKind.ANNOUNCED, room.id, self._clock()))
