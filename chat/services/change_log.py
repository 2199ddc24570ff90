"""Storing changes as entries of a room's timeline (docs/decisions/0120)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import insert, select

from chat.models import Actor, Change, ChangeKind, Event, EventKind, Membership, Room, StoredChange
from chat.ports import WriteTransaction
from chat.services.room_clock import tick_for_change, ticks_for_changes

Member = tuple[int, str | None, int]  # a user's id, role (None: not a member any more), muted_until in µs


def record(
    tx: WriteTransaction,
    now: int,
    actor: Actor | None,
    room_id: int,
    kind: ChangeKind,
    stored: Mapping[str, Any],
    **shown: Any,
) -> StoredChange:
    """Store a change, and notify readers of changes. actor None: the administrator, by a command.

    stored: values of the row; shown: those of the record. `now` in µs. The room's row is locked.
    """
    prev_time, time, rights_version = tick_for_change(tx, room_id, now)
    actor_id = actor.user_id or None if actor is not None else None
    tx.execute(insert(Change).values(room_id=room_id, time=time, kind=kind.value, actor_id=actor_id, **stored))
    change = StoredChange(
        room_id=room_id,
        time=time,
        kind=kind,
        actor_id=actor_id or 0,
        username=actor.username if actor is not None else "",
        **shown,
    )
    event = Event(EventKind.CHANGE, room_id, time, prev_time=prev_time, change=change)
    tx.emit(replace(event, rights_version=rights_version))
    return change


def record_members(
    tx: WriteTransaction, now: int, actor_id: int | None, changed: Mapping[int, Sequence[Member]]
) -> None:
    """Store the changed members of rooms, by room, in two statements. The rooms' rows are locked. `now` in µs."""
    if not changed:
        return
    rows = []
    for room_id, (_, time, rights_version) in ticks_for_changes(tx, list(changed), now).items():
        about = {"room_id": room_id, "time": time, "kind": ChangeKind.MEMBERS.value, "actor_id": actor_id or None}
        rows.append({**about, "data": json.dumps(changed[room_id])})
        # Without the change itself, so that processes with readers in the room fetch it.
        tx.emit(Event(EventKind.CHANGE, room_id, time, rights_version=rights_version))
    tx.execute(insert(Change), rows)


def record_account(tx: WriteTransaction, now: int, user_id: int, *, is_gone: bool) -> None:
    """Store that a user is gone from the members of all their rooms, or is back."""
    query = select(Membership.room_id, Membership.role, Membership.muted_until)
    query = query.join(Room, Room.id == Membership.room_id)
    own = query.where(Membership.user_id == user_id, Room.deleted_at.is_(None))
    tx.lock_rooms(tx.execute(own).scalars())
    states = {
        row.room_id: [(user_id, None if is_gone else row.role, 0 if is_gone else row.muted_until)]
        for row in tx.execute(own)
    }
    record_members(tx, now, user_id, states)
