"""The two statements of a send: advance the room's clock for a member, and store the message if they still are one.

On PostgreSQL the first one may wait for the room's row, and then sees the row as it is, but memberships as they were.
The second one therefore compares the membership with the result of the first one (decision 0101).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, insert, literal_column, select

from chat.models import Actor, EventKind, EventRow, Membership, Message, Room, User
from chat.names import name_key
from chat.ports import WriteTransaction
from chat.services.access import FoundRoom, RoomRef, found_room, room_columns, within_64_bits
from chat.services.room_clock import TICK, Tick, advance
from chat.storage.prepared import Prepared

_COLUMNS = (
    *("room_id", "sender_id", "time", "type", "content"),
    *("attachment_id", "reply_to_id", "client_message_id", "has_mentions"),
)
# By the table's name: in RETURNING, SQLAlchemy leaves it out on SQLite, where "id" is then the membership's.
_own = (Membership.room_id == literal_column("rooms.id"), Membership.user_id == bindparam("user"))
_role = select(Membership.role).where(*_own).scalar_subquery()
_muted_until = select(Membership.muted_until).where(*_own).scalar_subquery()
_as_member = advance.where(Room.deleted_at.is_(None), exists().where(*_own)).returning(
    *room_columns(_role, _muted_until), *TICK
)
_begin_by_id = Prepared(_as_member.where(Room.id == bindparam("ref")))
_begin_by_name = Prepared(_as_member.where(Room.name_key == bindparam("ref")))

_avatar = select(User.avatar).where(User.id == bindparam("sender")).scalar_subquery()
_insert = Prepared(insert(Message).returning(Message.id, _avatar), list(_COLUMNS))
_still_member = select(*(bindparam(name, type_=Message.__table__.c[name].type) for name in _COLUMNS)).where(
    Membership.room_id == bindparam("room_id"),
    Membership.user_id == bindparam("sender_id"),
    Membership.role == bindparam("role"),
    Membership.muted_until == bindparam("muted_until"),
)
_insert_as_member = insert(Message).from_select(_COLUMNS, _still_member, include_defaults=False)
_insert_if_member = Prepared(_insert_as_member.returning(Message.id, _avatar))
_stored = _insert_as_member.returning(Message.id).cte("stored")
_event = select(
    literal_column(f"'{EventKind.MESSAGE}'"),
    bindparam("room_id", type_=EventRow.subject_id.type),
    bindparam("time", type_=EventRow.time.type),
    bindparam("written_at", type_=EventRow.written_at.type),
).select_from(_stored)
_told = insert(EventRow).from_select(["kind", "subject_id", "time", "written_at"], _event, include_defaults=False)
_insert_and_tell = Prepared(select(_stored.c.id, _avatar).add_cte(_told.returning(EventRow.id).cte("told")))


class Begun(NamedTuple):
    """A send in a room whose clock has advanced, so it must store its message or roll back."""

    room: FoundRoom
    tick: Tick
    now: int  # µs, as the transaction began


class Inserted(NamedTuple):
    id: int
    avatar: str  # the sender's
    has_event: bool  # whether the message's event is stored, too


class MembershipChanged(Exception):  # noqa: N818
    """The sender's membership has changed since the send began: it has to begin again."""


def begin(tx: WriteTransaction, actor: Actor, ref: RoomRef, now: int) -> Begun | None:
    """Lock a room that the actor is a member of, and advance its clock. None: not a member, or no such room."""
    statement, key = (_begin_by_id, within_64_bits(ref)) if isinstance(ref, int) else (_begin_by_name, name_key(ref))
    rows = tx.run(statement, {"user": actor.user_id, "ref": key, "now": now})
    if not rows:
        return None
    return Begun(found_room(rows[0][: -len(TICK)], actor), Tick(*rows[0][-len(TICK) :]), now)


def store(tx: WriteTransaction, row: Mapping[str, Any], now: int, member: FoundRoom | None) -> Inserted:
    """Store a message, by the columns of its row.

    member: the room as `begin` returned it; None if it was looked up after it was locked. Raises MembershipChanged.
    """
    if member is None:
        ((message_id, avatar),) = tx.run(_insert, {**row, "sender": row["sender_id"]})
        return Inserted(message_id, avatar, has_event=False)
    values = {**row, "sender": row["sender_id"], "role": member.role, "muted_until": member.muted_until}
    if tx.chains_inserts:
        rows = tx.run(_insert_and_tell, {**values, "written_at": now})
    else:
        rows = tx.run(_insert_if_member, values)
    if not rows:
        raise MembershipChanged
    ((message_id, avatar),) = rows
    return Inserted(message_id, avatar, has_event=tx.chains_inserts)
