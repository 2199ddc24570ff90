"""Tells of changed names, avatars and badges in the transaction that changes them."""

from collections.abc import Collection

from sqlalchemy import select

from chat.models import Event, EventKind, Membership, Room
from chat.ports import WriteTransaction

MOST_ROOMS = 100  # that are told at once; readers of others look from time to time


def tell_profiles(tx: WriteTransaction, user_ids: Collection[int], now: int) -> None:
    """Renew these users' cached names and avatars, and tell the members of their most active rooms. `now` in µs."""
    if not user_ids:
        return
    for user_id in user_ids:
        tx.emit(Event(EventKind.PROFILE, user_id))
    rooms = (
        select(Room.id)
        .where(Room.deleted_at.is_(None))
        .where(Room.id.in_(select(Membership.room_id).where(Membership.user_id.in_(user_ids))))
        .order_by(Room.last_time.desc(), Room.id)
        .limit(MOST_ROOMS)
    )
    for room_id in tx.execute(rooms).scalars().all():
        tx.emit(Event(EventKind.MEMBERS, room_id, now))
