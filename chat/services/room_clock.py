"""A room's clock: gives messages and changes their times (docs/specification.md, "The clock is the cursor").

The room's row is locked from the tick to the commit, so times are given out in the order of commits. No two entries of
a room have the same time.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, case, select, update

from chat.models import Room
from chat.ports import WriteTransaction
from chat.storage.prepared import Prepared

_now = case((Room.change_time > Room.last_time, Room.change_time), else_=Room.last_time)
# Advances the clock by a message. Parameter now: µs; the condition is the caller's.
advance = update(Room).values(
    prev_time=Room.last_time, last_time=case((_now >= bindparam("now"), _now + 1), else_=bindparam("now"))
)
_before = case((Room.change_time > Room.prev_time, Room.change_time), else_=Room.prev_time)
TICK = (_before, Room.last_time, Room.rights_version)  # the columns of a Tick, after `advance`
_tick = Prepared(advance.where(Room.id == bindparam("room")).returning(*TICK))


class Tick(NamedTuple):
    """One step of the clock."""

    prev_time: int  # where the clock was, µs
    time: int  # of the new entry, µs
    rights_version: int


def tick_for_message(tx: WriteTransaction, room_id: int, now: int) -> Tick:
    """Advance the clock for a new message."""
    (row,) = tx.run(_tick, {"room": room_id, "now": now})
    return Tick(*row)


_ticks = (
    update(Room)
    .where(Room.id.in_(bindparam("rooms", expanding=True)))
    .values(change_time=case((_now >= bindparam("now"), _now + 1), else_=bindparam("now")))
    .returning(Room.id, Room.change_time, Room.rights_version)
)


def ticks_for_changes(tx: WriteTransaction, room_ids: Sequence[int], now: int) -> dict[int, Tick]:
    """Advance the clocks of several rooms, whose rows are locked. Their prev_time is not known: 0."""
    rows = tx.execute(_ticks, {"rooms": list(room_ids), "now": now}).all()
    return {row.id: Tick(0, row.change_time, row.rights_version) for row in rows}


def tick_for_change(tx: WriteTransaction, room_id: int, now: int) -> Tick:
    """Advance the clock for a change. The times of the newest messages stay."""
    query = select(Room.last_time, Room.change_time, Room.rights_version).where(Room.id == room_id)
    room = tx.execute(query.with_for_update(key_share=True)).one()
    prev_time = max(room.last_time, room.change_time)
    time = max(prev_time + 1, now)
    tx.execute(update(Room).where(Room.id == room_id).values(change_time=time))
    return Tick(prev_time, time, room.rights_version)
