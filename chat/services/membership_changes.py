"""Changes of memberships in the transaction that locked the room and checked the permission."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import case, delete, insert, select, update

from chat.models import (
    Event,
    EventKind,
    Membership,
    Restriction,
    Role,
    Room,
    User,
)
from chat.ports import WriteTransaction
from chat.services.change_log import record_account, record_members


def barred_among(tx: WriteTransaction, room_id: int, user_ids: Collection[int]) -> set[int]:
    """Return those of the users that are barred from the room."""
    restricted = restrictions(tx, room_id)
    return {user_id for user_id in user_ids if user_id in restricted and restricted[user_id].is_barred}


def restrict(tx: WriteTransaction, room_id: int, user_id: int, **values: Any) -> None:
    """Set the restrictions of a user, member or not, in a room whose row is locked."""
    same = (Restriction.room_id == room_id, Restriction.user_id == user_id)
    if not tx.execute(update(Restriction).where(*same).values(**values)).rowcount:
        tx.execute(insert(Restriction).values(room_id=room_id, user_id=user_id, **values))


def restrictions(tx: WriteTransaction, room_id: int) -> dict[int, Any]:
    columns = (Restriction.user_id, Restriction.is_barred, Restriction.muted_until)
    return {row.user_id: row for row in tx.execute(select(*columns).where(Restriction.room_id == room_id))}


def end_memberships(
    tx: WriteTransaction, user_id: int, room_ids: Sequence[int], now: int, *, by_id: int | None = None
) -> None:
    """End a user's memberships in rooms whose rows are locked. `now` in µs. by_id: somebody else who ends them."""
    if not room_ids:
        return
    tx.execute(delete(Membership).where(Membership.user_id == user_id, Membership.room_id.in_(room_ids)))
    tx.revoke_rights(room_ids)
    tx.emit(Event(EventKind.USER, user_id))
    for room_id in room_ids:
        tx.emit(Event(EventKind.MEMBERS, room_id, now))
    record_members(
        tx, now, user_id if by_id is None else by_id, {room_id: [(user_id, None, 0)] for room_id in room_ids}
    )


def accept_within(tx: WriteTransaction, room_id: int, user_id: int) -> None:
    """Record that a member added by another user has entered the room, so it no longer counts as a stranger's room."""
    mine = (Membership.room_id == room_id, Membership.user_id == user_id)
    tx.execute(update(Membership).where(*mine, Membership.added_by_id.is_not(None)).values(added_by_id=None))


def end_room(tx: WriteTransaction, room_id: int, now: int) -> None:
    """Delete a room in the transaction that locked it and checked the permission. `now` in µs."""
    tx.execute(delete(Membership).where(Membership.room_id == room_id))
    tx.execute(update(Room).where(Room.id == room_id).values(deleted_at=now))
    tx.emit(Event(EventKind.ROOM, room_id))


def pass_on_rooms(tx: WriteTransaction, user_id: int, now: int) -> None:
    """Transfer ownership of a user's rooms in the transaction that deletes the user's account. `now` in µs.

    The user remains a member. A room without other members stays until the account is restored.
    """
    record_account(tx, now, user_id, is_gone=True)  # locks all rooms of the user
    owned = (Membership.user_id == user_id, Membership.role == Role.OWNER)
    for membership in tx.execute(select(Membership.id, Membership.room_id, Membership.user_id).where(*owned)).all():
        successor = longest_standing(tx, membership.room_id)
        if successor is not None:
            set_role(tx, membership.room_id, user_id, Role.MEMBER, now, by_id=user_id)
            set_role(tx, membership.room_id, successor.user_id, Role.OWNER, now, by_id=user_id)


def set_role(tx: WriteTransaction, room_id: int, user_id: int, role: Role, now: int, *, by_id: int) -> None:
    """Change the role of a member in a room whose row is locked. `now` in µs."""
    same = (Membership.room_id == room_id, Membership.user_id == user_id)
    tx.execute(update(Membership).where(*same).values(role=role))
    until: int = tx.execute(select(Membership.muted_until).where(*same)).scalar_one()
    tx.emit(Event(EventKind.USER, user_id))
    record_members(tx, now, by_id, {room_id: [(user_id, role, until)]})


def longest_standing(tx: WriteTransaction, room_id: int) -> Any | None:
    """Return the membership (id, user_id) that inherits the room: the longest-standing admin, else member."""
    admins_first = case((Membership.role == Role.ADMIN, 0), else_=1)
    return tx.execute(
        select(Membership.id, Membership.user_id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.room_id == room_id, User.deleted_at.is_(None))
        .order_by(admins_first, Membership.id)
        .limit(1)
    ).first()
