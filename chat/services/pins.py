"""Pinned messages of a room."""

from sqlalchemy import delete, insert, select

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, AuditAction, ChangeKind, Message, Pin, StoredMessage
from chat.ports import Store
from chat.security.limits import ACTS
from chat.services import access, audit, change_log
from chat.services.access import RoomRef
from chat.services.permissions import Action, require
from chat.services.rate_limits import Limits
from chat.services.writing import require_writable
from chat.storage import timeline

MOST_PINS = 10  # of a room


class Pins:
    def __init__(self, store: Store, clock: Clock, limits: Limits) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits

    def pin(self, actor: Actor, ref: RoomRef, message_id: int, *, is_on: bool) -> None:
        """Pin a message of the room, or unpin it. Repetitions change nothing.

        Raises ROOM_NOT_FOUND, FORBIDDEN, ARCHIVED, MUTED, MESSAGE_NOT_FOUND, PINS_TOO_MANY, RATE_LIMITED.
        """
        self._limits.take(ACTS, actor.user_id)
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, ref)
            require(Action.PIN, room)
            require_writable(room, self._clock())
            query = select(Message.id, Message.time).where(access.is_message_of(room.id, message_id))
            message = tx.execute(query).first()
            if message is None:
                raise ChatError(ErrorCode.MESSAGE_NOT_FOUND)
            pinned = set(tx.execute(select(Pin.message_id).where(Pin.room_id == room.id)).scalars())
            if (message.id in pinned) == is_on:
                return
            if is_on and len(pinned) >= MOST_PINS:
                raise ChatError(ErrorCode.PINS_TOO_MANY, limit=MOST_PINS)
            stored = {"message_id": message.id, "is_on": is_on}
            shown = {"message_id": message.id, "message_time": message.time, "is_on": is_on}
            change = change_log.record(tx, self._clock(), actor, room.id, ChangeKind.PINNED, stored, **shown)
            if is_on:
                tx.execute(insert(Pin).values(room_id=room.id, message_id=message.id, time=change.time))
            else:
                tx.execute(delete(Pin).where(Pin.room_id == room.id, Pin.message_id == message.id))
            states = ({"pinned": not is_on}, {"pinned": is_on})
            about = {"room_id": room.id, "message_id": message.id}
            audit.record(tx, self._clock(), actor, AuditAction.MESSAGE_PINNED, *states, **about)

    def all(self, actor: Actor, ref: RoomRef) -> list[StoredMessage]:
        """Return the pinned messages of a room, the last pinned first. Raises ROOM_NOT_FOUND."""
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            query = select(Pin.message_id).where(Pin.room_id == room.id).order_by(Pin.time.desc())
            ids = list(connection.execute(query).scalars())
            return sorted(timeline.by_ids(connection, ids), key=lambda message: ids.index(message.id))
