"""Settings of a room: topic, read-only, slow mode, archived, seen by (docs/specification.md, "Order")."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from sqlalchemy import select, update

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, AuditAction, ChangeKind, Room
from chat.names import is_name, stored_name
from chat.ports import Store
from chat.security.limits import ACTS
from chat.services import access, audit, change_log
from chat.services.access import SLOW_MODE, AnyConnection, RoomRef
from chat.services.audit import differing
from chat.services.permissions import Action, require
from chat.services.rate_limits import Limits

TOPIC_MAX_CHARS = 250
SLOW_MODE_MAX = 3600  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSettings:
    version: int  # the number of changes
    topic: str  # roomapi's description
    read_only: bool
    slow_mode: int  # seconds
    slow_mode_is_default: bool  # whether slow_mode is the site's
    archived: bool
    seen_by: bool  # whether members see the readers of a message


class Changed(NamedTuple):
    before: RoomSettings
    after: RoomSettings


class RoomSettingsService:
    def __init__(self, store: Store, clock: Clock, limits: Limits) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits

    def get(self, actor: Actor, ref: RoomRef) -> RoomSettings:
        """Return the settings of a room that the actor is in. Raises ROOM_NOT_FOUND."""
        with self._store.read() as connection:
            return settings_of(connection, access.joined(connection, actor, ref).id)

    def change(self, actor: Actor, ref: RoomRef, changes: Mapping[str, Any], *, version: int | None = None) -> Changed:
        """Change settings by name, all or none. slow_mode None: the site's default.

        version: the settings' version that the actor has seen; None: overwrite any. Raises ROOM_NOT_FOUND, FORBIDDEN,
        FIELD_INVALID, RATE_LIMITED; SETTINGS_CHANGED after a change by somebody else.
        """
        changes = _checked(changes)
        self._limits.take(ACTS, actor.user_id)
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, ref)
            require(Action.SETTINGS, room)
            if "archived" in changes:
                require(Action.ARCHIVE, room)
            before = settings_of(tx, room.id)
            if version is not None and version != before.version:
                raise ChatError(ErrorCode.SETTINGS_CHANGED)
            values = _columns(changes, before, self._clock())
            if not values:
                return Changed(before, before)
            values["settings_version"] = before.version + 1
            tx.execute(update(Room).where(Room.id == room.id).values(values))
            after = settings_of(tx, room.id)
            changes_made = differing(asdict(before), asdict(after))
            state = json.dumps(asdict(after))
            change_log.record(tx, self._clock(), actor, room.id, ChangeKind.ROOM, {"data": state}, settings=state)
            audit.record(tx, self._clock(), actor, AuditAction.ROOM_SETTINGS, *changes_made, room_id=room.id)
        return Changed(before, after)


def settings_of(connection: AnyConnection, room_id: int) -> RoomSettings:
    """Return the settings of a room whose access has been checked."""
    query = select(
        *(Room.settings_version, Room.description, Room.read_only, SLOW_MODE, Room.slow_mode, Room.archived_at),
        Room.seen_by,
    )
    row: Any = connection.execute(query.where(Room.id == room_id)).one()
    version, topic, read_only, slow_mode, own, archived_at, seen_by = row
    return RoomSettings(
        version=version,
        topic=topic,
        read_only=read_only,
        slow_mode=slow_mode,
        slow_mode_is_default=own is None,
        archived=archived_at is not None,
        seen_by=seen_by,
    )


def _checked(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the changes as they are stored. Raises FIELD_INVALID."""
    if changes.get("topic"):
        if not is_name(changes["topic"], TOPIC_MAX_CHARS):
            raise ChatError(ErrorCode.FIELD_INVALID, field="topic")
        changes = {**changes, "topic": stored_name(changes["topic"])}
    slow_mode = changes.get("slow_mode")
    if slow_mode is not None and not 0 <= slow_mode <= SLOW_MODE_MAX:
        raise ChatError(ErrorCode.FIELD_INVALID, field="slow_mode")
    return changes


def _columns(changes: Mapping[str, Any], before: RoomSettings, now: int) -> dict[str, Any]:
    """Return the columns of what differs."""
    own_pause = None if before.slow_mode_is_default else before.slow_mode
    values: dict[str, Any] = {}
    if changes.get("read_only", before.read_only) != before.read_only:
        values["read_only"] = changes["read_only"]
    if changes.get("slow_mode", own_pause) != own_pause:
        values["slow_mode"] = changes["slow_mode"]
    if changes.get("seen_by", before.seen_by) != before.seen_by:
        values["seen_by"] = changes["seen_by"]
    if changes.get("topic", before.topic) != before.topic:
        values |= {"description": changes["topic"], "updated_at": now}
    if changes.get("archived", before.archived) != before.archived:
        values["archived_at"] = now if changes["archived"] else None
    return values
