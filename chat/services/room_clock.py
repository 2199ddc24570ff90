"""A room's clock: gives messages and changes their times (docs/specification.md, "The clock is the cursor").

The room's row is locked from the tick to the commit, so times are given out in the order of commits. No two entries of
a room have the same time.
"""

from sqlalchemy import bindparam, case, select, update

from chat.models import Room
from chat.ports import WriteTransaction
from chat.storage.prepared import Prepared

_now = case((Room.change_time > Room.last_time, Room.change_time), else_=Room.last_time)
_tick = Prepared(
    update(Room)
    .where(Room.id == bindparam("room"))
    .values(prev_time=Room.last_time, last_time=case((_now >= bindparam("now"), _now + 1), else_=bindparam("now")))
    .returning(Room.prev_time, Room.change_time, Room.last_time)
)


def tick_for_message(tx: WriteTransaction, room_id: int, now: int) -> tuple[int, int]:
    """Where the clock was (µs), and the time of a new message."""
    ((prev_time, change_time, time),) = tx.run(_tick, {"room": room_id, "now": now})
    return (change_time if change_time > prev_time else prev_time), time


def tick_for_change(tx: WriteTransaction, room_id: int, now: int) -> tuple[int, int]:
    """Advance the clock for a change. The times of the newest messages stay."""
    query = select(Room.last_time, Room.change_time).where(Room.id == room_id).with_for_update()
    prev_time = max(tx.execute(query).one())
    time = max(prev_time + 1, now)
    tx.execute(update(Room).where(Room.id == room_id).values(change_time=time))
    return prev_time, time
