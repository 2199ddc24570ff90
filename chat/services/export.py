"""Export of a room as a ZIP, for its owner and teachers: built while it is sent (docs/export.md, docs/decisions/0126).

Messages are read in small batches, each in its own transaction, so a slow reader holds no transaction open, and memory
stays the same for any number of messages.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from sqlalchemy import select

from chat.clock import Clock, to_datetime, to_iso
from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane
from chat.models import Access, Actor, Attachment, AuditRow, Membership, Room, StoredMessage, User
from chat.names import name_key
from chat.ports import Store
from chat.security.limits import EXPORTS
from chat.services import access, attachments
from chat.services.access import RoomRef
from chat.services.export_html import HtmlPage, Item, Words
from chat.services.export_names import attachment_path, file_stem
from chat.services.permissions import Action, require
from chat.services.rate_limits import Limits
from chat.services.roster_parsing import FORMULA_SIGNS
from chat.storage import timeline

FORMAT_VERSION = 1
BATCH = 200  # messages per transaction
_MESSAGES = ("id", "time", "user", "nickname", "type", "content", "attachment", "reply_to", "edited")
_MEMBERS = ("user", "nickname", "role", "joined")
_AUDIT = ("id", "time", "actor", "action", "subject", "message_id", "before", "after")
_HARMFUL = (*FORMULA_SIGNS, "\t", "\r")


@dataclass(frozen=True, slots=True)
class ExportedRoom:
    id: int
    name: str
    description: str
    created_at: int  # µs
    until: int  # µs: the newest message that is included

    @property
    def file_name(self) -> str:
        """A name for the ZIP that every system accepts."""
        return f"{file_stem(self.name) or 'room'}-{self.id}.zip"


class Export:
    def __init__(self, store: Store, clock: Clock, limits: Limits) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits

    def room(self, actor: Actor, ref: RoomRef) -> ExportedRoom:
        """Return a room that the actor may export. Raises ROOM_NOT_FOUND, FORBIDDEN, RATE_LIMITED."""
        enter_lane(Lane.LONG)
        with self._store.read() as connection:
            found = access.joined(connection, actor, ref)
            require(Action.EXPORT, found)
            room = _exported(connection.execute(_rooms.where(Room.id == found.id)).one())
        self._limits.take_shared((EXPORTS, actor.user_id))
        return room

    def rooms(self, name: str | None) -> list[ExportedRoom]:
        """Return a room by its name, or all but direct conversations; for the administrator. Raises ROOM_NOT_FOUND."""
        wanted = Room.access != Access.DIRECT if name is None else Room.name_key == name_key(name)
        with self._store.read() as connection:
            found = [_exported(row) for row in connection.execute(_rooms.where(wanted).order_by(Room.id))]
        if not found and name is not None:
            raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=name)
        return found

    def pieces(self, room: ExportedRoom, zone: tzinfo | None, words: Words) -> Iterator[bytes]:
        """Yield the ZIP's bytes; b"" while more is being made, so that other work gets its turn.

        zone and words: for messages.html.
        """
        sink = _Sink()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, parts in self._files(room, zone, words):
                entry = zipfile.ZipInfo(name, to_datetime(self._clock(), zone).timetuple()[:6])
                is_attachment = name.startswith("attachments/")
                entry.compress_type = zipfile.ZIP_STORED if is_attachment else zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                with archive.open(entry, "w", force_zip64=True) as file:
                    for part in parts:
                        file.write(part)
                        yield sink.take()
        yield sink.take()

    def _files(self, room: ExportedRoom, zone: tzinfo | None, words: Words) -> Iterator[tuple[str, Iterable[bytes]]]:
        yield "messages.html", HtmlPage(room.name, zone, words, self._clock()).parts(self._batches(room))
        yield "messages.json", self._json(room)
        rows = (list(map(_cells, batch)) for batch in self._batches(room))
        yield "messages.csv", _csv(_MESSAGES, rows)
        yield "members.csv", _csv(_MEMBERS, self._members(room))
        yield "audit.csv", _csv(_AUDIT, self._audit(room))
        for batch in self._batches(room):
            for item in batch:
                if item.path is not None:
                    yield item.path, self._attachment(item.message)

    def _batches(self, room: ExportedRoom) -> Iterator[list[Item]]:
        """Yield all messages, oldest first. No transaction is open meanwhile."""
        cursor = 0
        while True:
            with self._store.read() as connection:
                found = timeline.after(connection, room.id, cursor, BATCH)
                media_types = _media_types(connection, found)
            batch = [Item(message, _path(message, media_types)) for message in found if message.time <= room.until]
            yield batch
            if len(batch) < BATCH:
                return
            cursor = batch[-1].message.time

    def _json(self, room: ExportedRoom) -> Iterator[bytes]:
        about = {"id": room.id, "name": room.name, "description": room.description, "created": to_iso(room.created_at)}
        head = {
            "format": "commonroom-room",
            "version": FORMAT_VERSION,
            "exported": to_iso(self._clock()),
            "room": about,
        }
        yield json.dumps(head | {"room": about}, ensure_ascii=False)[:-1].encode() + b', "messages": ['
        separator = "\n"
        for batch in self._batches(room):
            shown = [json.dumps(_shown(item), ensure_ascii=False) for item in batch]
            yield (separator + ",\n".join(shown)).encode() if shown else b""
            separator = ",\n"
        yield b"\n]}\n"

    def _members(self, room: ExportedRoom) -> Iterator[list[list[Any]]]:
        query = (
            select(Membership.id, User.username, User.nickname, Membership.role, Membership.joined_at)
            .join(User, User.id == Membership.user_id)
            .where(Membership.room_id == room.id, User.deleted_at.is_(None))
            .order_by(Membership.id)
        )
        for rows in self._pages(query, Membership.id):
            yield [[row.username, row.nickname, row.role, to_iso(row.joined_at)] for row in rows]

    def _audit(self, room: ExportedRoom) -> Iterator[list[list[Any]]]:
        query = select(AuditRow.id, AuditRow.time, AuditRow.actor, AuditRow.action, AuditRow.subject)
        query = query.add_columns(AuditRow.message_id, AuditRow.before, AuditRow.after)
        for rows in self._pages(query.where(AuditRow.room_id == room.id).order_by(AuditRow.id), AuditRow.id):
            yield [[row.id, to_iso(row.time), *row[2:]] for row in rows]

    def _pages(self, query: Any, key: Any) -> Iterator[Sequence[Any]]:
        last = 0
        while True:
            with self._store.read() as connection:
                rows = connection.execute(query.where(key > last).limit(BATCH)).all()
            yield rows
            if len(rows) < BATCH:
                return
            last = rows[-1].id

    def _attachment(self, message: StoredMessage) -> Iterator[bytes]:
        """Yield the bytes; fewer if the message is deleted meanwhile."""
        assert message.attachment_id is not None  # noqa: S101
        try:
            yield from attachments.Chunks(self._store, message.attachment_id, message.attachment_size)
        except ChatError as error:
            if error.code is not ErrorCode.FILE_NOT_FOUND:
                raise


_rooms: Any = select(Room.id, Room.name, Room.description, Room.created_at, Room.last_time).where(
    Room.deleted_at.is_(None)
)


def _exported(row: Any) -> ExportedRoom:
    return ExportedRoom(row.id, row.name, row.description, row.created_at, row.last_time)


class _Sink(io.RawIOBase):
    """Collects the bytes of the ZIP."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Return the bytes written since the last call."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _media_types(connection: Any, messages: Sequence[StoredMessage]) -> dict[int, str]:
    ids = [message.attachment_id for message in messages if message.attachment_id is not None]
    query = select(Attachment.id, Attachment.media_type).where(Attachment.id.in_(ids))
    return {row.id: row.media_type for row in connection.execute(query)} if ids else {}


def _path(message: StoredMessage, media_types: Mapping[int, str]) -> str | None:
    if message.attachment_id is None:
        return None
    return attachment_path(message, media_types.get(message.attachment_id, ""))


def _shown(item: Item) -> dict[str, Any]:
    message = item.message
    shown: dict[str, Any] = {
        "id": message.id,
        "time": to_iso(message.time),
        "user": message.username,
        "user_id": message.sender_id,
        "nickname": message.nickname,
        "type": message.type.value,
        "content": message.content,
        "reply_to": message.reply_to_id,
        "edited": to_iso(message.edited_at) if message.edited_at else None,
        "reactions": dict(message.reactions),
        "mentions": list(message.mentions),
        "mentions_all": message.mentions_all,
    }
    if item.path is not None:
        shown["attachment"] = {"path": item.path, "name": message.filename, "size": message.attachment_size}
    return shown


def _cells(item: Item) -> list[Any]:
    message = item.message
    edited = to_iso(message.edited_at) if message.edited_at else ""
    about = [message.id, to_iso(message.time), message.username, message.nickname, message.type.value, message.content]
    return [*about, item.path or "", message.reply_to_id or "", edited]


def _csv(head: Sequence[str], batches: Iterable[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """Yield a table in UTF-8 with a BOM, as spreadsheets expect, without formulas."""
    yield b"\xef\xbb\xbf" + _csv_rows([head])
    for batch in batches:
        yield _csv_rows(batch)


def _csv_rows(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[_harmless(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def _harmless(cell: Any) -> Any:
    """Put an apostrophe before a cell that a spreadsheet would calculate."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_HARMFUL) else cell
