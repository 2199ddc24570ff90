"""Permission to write in a room now (docs/specification.md, "Order")."""

from sqlalchemy import select

from chat.clock import SECOND
from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Friendship, Message
from chat.ports import WriteTransaction
from chat.services.access import AnyConnection, FoundRoom
from chat.services.permissions import Action, allows


def require_writable(room: FoundRoom, now: int) -> None:
    """Raise ARCHIVED, MUTED, READ_ONLY unless the caller may write in the room, in any way. `now` in µs."""
    if room.is_archived:
        raise ChatError(ErrorCode.ARCHIVED)
    if room.muted_until > now:
        raise ChatError(ErrorCode.MUTED, retry_after=(room.muted_until - now) / SECOND)
    if room.is_read_only and not allows(Action.WRITE_ANYTIME, room):
        raise ChatError(ErrorCode.READ_ONLY)


def require_open(connection: AnyConnection, room: FoundRoom) -> None:
    """Raise NOT_FRIENDS for the direct conversation of former friends, which is read-only."""
    if room.access is Access.DIRECT:
        query = select(Friendship.id).where(Friendship.room_id == room.id, Friendship.ended_at.is_(None))
        if connection.execute(query).first() is None:
            raise ChatError(ErrorCode.NOT_FRIENDS)


def require_sendable(tx: WriteTransaction, actor: Actor, room: FoundRoom, now: int) -> None:
    """Raise like require_open and require_writable, and SLOW_MODE unless the caller's last message is long enough ago.

    For transactions that store a message in the room, whose row is locked. No statement without slow mode.
    """
    require_open(tx, room)
    require_writable(room, now)
    if not room.slow_mode or room.access is Access.DIRECT or allows(Action.WRITE_ANYTIME, room):
        return
    pause = room.slow_mode * SECOND
    # By time, as the window is short while a person's messages may be many: the sum hides them from the planner.
    recent = select(Message.time).where(Message.room_id == room.id, Message.time > now - pause)
    own = recent.where(Message.sender_id + 0 == actor.user_id).order_by(Message.time.desc()).limit(1)
    last = tx.execute(own).scalar()
    if last is not None:
        raise ChatError(ErrorCode.SLOW_MODE, retry_after=min(last + pause - now, pause) / SECOND)
