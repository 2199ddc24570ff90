"""The audit log: acts of owners, admins and teachers, and earlier wordings of messages (docs/decisions/0121).

Nothing deletes its rows. Words of a message are removed from them when the message is purged, and names with their
account (services.erasing).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, insert, or_, select, update

from chat.clock import SECOND, Clock
from chat.models import Access, Actor, AuditAction, AuditRow, Membership, Message, Role, Room, User
from chat.ports import Store, WriteTransaction
from chat.services import access, paging
from chat.services.access import RoomRef
from chat.services.paging import Listed, Page
from chat.services.permissions import Action, require, require_teacher
from chat.storage.texts import contains

KEPT_S = 43200  # words of a deleted message; with the housekeeping they are gone within a day
PURGED_AT_ONCE = 500  # rows looked at per round of housekeeping


@dataclass(frozen=True, slots=True)
class AuditEntry:
    id: int
    time: int  # µs
    actor: str  # username; "": the administrator, by a command
    action: AuditAction
    room: str  # name at that time; "" if it is about no room
    subject: str  # username at that time
    message_id: int | None
    before: dict[str, Any]
    after: dict[str, Any]


def record(
    tx: WriteTransaction,
    now: int,
    actor: Actor | None,
    action: AuditAction,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    *,
    room_id: int | None = None,
    subject_id: int | None = None,
    message_id: int | None = None,
) -> None:
    """Add a row in the transaction that does it. actor None: the administrator, by a command. `now` in µs."""
    row: dict[str, Any] = {"time": now, "action": action.value, "message_id": message_id}
    row |= {"actor_id": actor.user_id or None, "actor": actor.username} if actor is not None else {"actor": ""}
    row |= {"before": _json(before), "after": _json(after)}
    if room_id is not None:
        room = tx.execute(select(Room.name, Room.access).where(Room.id == room_id)).one()
        row |= {"room_id": room_id, "room": room.name, "is_private": room.access != Access.OPEN}
    if subject_id is not None:
        subject = tx.execute(select(User.username).where(User.id == subject_id)).scalar()
        row |= {"subject_id": subject_id, "subject": subject or ""}
    tx.execute(insert(AuditRow).values(row))


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return before and after of the settings that differ, without the version."""
    names = [name for name, value in after.items() if value != before[name] and name != "version"]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


class AuditLog:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._purged_to = 0  # id

    def of_room(self, actor: Actor, ref: RoomRef, page: Page) -> Listed[AuditEntry]:
        """Return the entries of a room, newest first. Raises ROOM_NOT_FOUND, FORBIDDEN."""
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            require(Action.AUDIT, room)
            return _found(connection, _entries.where(AuditRow.room_id == room.id), page)

    def of_site(self, actor: Actor | None, page: Page) -> Listed[AuditEntry]:
        """Return the entries of the whole site, newest first; of private rooms only those the actor moderates.

        actor None: the administrator, who sees all. Raises NOT_TEACHER.
        """
        require_teacher(actor)
        query: Any = _entries
        if actor is not None:
            own = select(Membership.room_id).where(
                Membership.user_id == actor.user_id, Membership.role.in_([Role.OWNER, Role.ADMIN])
            )
            query = query.where(or_(AuditRow.is_private.is_(False), AuditRow.room_id.in_(own)))
        with self._store.read() as connection:
            return _found(connection, query, page)

    def purge(self) -> None:
        """Remove the words of messages that are gone, or were deleted half a day ago, from some of the rows.

        Each round continues where the last one ended, and starts over after the last row.
        """
        has_words = (AuditRow.message_id.is_not(None), or_(AuditRow.before != "", AuditRow.after != ""))
        query = (
            select(AuditRow.id, Message.id.label("found"), Message.deleted_at)
            .join(Message, Message.id == AuditRow.message_id, isouter=True)
            .where(*has_words, AuditRow.id > self._purged_to)
            .order_by(AuditRow.id)
            .limit(PURGED_AT_ONCE)
        )
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        self._purged_to = rows[-1].id if len(rows) == PURGED_AT_ONCE else 0
        due = self._clock() - KEPT_S * SECOND
        gone = [row.id for row in rows if row.found is None or (row.deleted_at or due) < due]
        if gone:
            with self._store.write() as tx:
                tx.execute(update(AuditRow).where(AuditRow.id.in_(gone)).values(before="", after=""))


_entries: Any = select(
    *(AuditRow.id, AuditRow.time, AuditRow.actor, AuditRow.action, AuditRow.room, AuditRow.subject),
    *(AuditRow.message_id, AuditRow.before, AuditRow.after),
)


def _found(connection: Any, query: Any, page: Page) -> Listed[AuditEntry]:
    rows = paging.fetch(connection, query, [AuditRow.id], page, newest_first=True, search=_is_about)
    return rows.with_entries([_entry(row) for row in rows])


def _is_about(text: str) -> ColumnElement[bool]:
    return or_(*(contains(name, text) for name in (AuditRow.actor, AuditRow.subject, AuditRow.room, AuditRow.action)))


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        time=row.time,
        actor=row.actor,
        action=AuditAction(row.action),
        room=row.room,
        subject=row.subject,
        message_id=row.message_id,
        before=json.loads(row.before or "{}"),
        after=json.loads(row.after or "{}"),
    )


def _json(values: Mapping[str, Any] | None) -> str:
    return json.dumps(values, ensure_ascii=False) if values else ""
