"""The data of a user as a ZIP of JSON files, for download by that user."""

import json
import tempfile
import time
import zipfile
from collections.abc import Iterator
from typing import IO, Any

from sqlalchemy import select

from chat.clock import to_iso
from chat.lanes import Lane, enter_lane
from chat.models import Actor, Attachment, LoginSession, Membership, Message, Room, User
from chat.ports import Store
from chat.security.limits import OWN_DATA
from chat.services.attachments import URL_PREFIX
from chat.services.rate_limits import Limits

_PIECE_BYTES = 128 * 1024
_BATCH = 1000  # messages per query: memory stays constant


class OwnData:
    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits

    def pieces(self, actor: Actor) -> "Pieces":
        """Build the ZIP, for chunked sending. Raises RATE_LIMITED, UNAVAILABLE."""
        enter_lane(Lane.LONG)
        self._limits.take_shared((OWN_DATA, actor.user_id))
        file = tempfile.TemporaryFile()  # noqa: SIM115 - Pieces closes it
        try:
            self._write(actor, file)
        except BaseException:
            file.close()
            raise
        return Pieces(file)

    def _write(self, actor: Actor, file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("account.json", _json(self._account(actor)))
            archive.writestr("rooms.json", _json(self._rooms(actor)))
            archive.writestr("sessions.json", _json(self._sessions(actor)))
            entry = zipfile.ZipInfo("messages.json", time.localtime()[:6])  # by its name alone it would be of 1980
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as messages:
                messages.write(b"[")
                for number, message in enumerate(self._messages(actor)):
                    messages.write((b",\n" if number else b"\n") + _json(message))
                messages.write(b"\n]\n")

    def _account(self, actor: Actor) -> dict[str, Any]:
        columns = (User.username, User.nickname, User.email, User.profile, User.avatar, User.is_teacher)
        with self._store.read() as connection:
            row = connection.execute(select(*columns, User.created_at).where(User.id == actor.user_id)).one()
        shown = dict(row._mapping)
        return shown | {"id": actor.user_id, "created_at": to_iso(row.created_at)}

    def _rooms(self, actor: Actor) -> list[dict[str, Any]]:
        query = (
            select(Room.id, Room.name, Membership.role, Membership.joined_at)
            .join(Membership, Membership.room_id == Room.id)
            .where(Membership.user_id == actor.user_id, Room.deleted_at.is_(None))
            .order_by(Membership.id)
        )
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        return [{"id": row.id, "name": row.name, "role": row.role, "joined_at": to_iso(row.joined_at)} for row in rows]

    def _sessions(self, actor: Actor) -> list[dict[str, Any]]:
        columns = (LoginSession.protocol, LoginSession.address, LoginSession.created_at, LoginSession.expires_at)
        query = select(*columns).where(LoginSession.user_id == actor.user_id).order_by(LoginSession.created_at)
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        return [
            {
                "protocol": row.protocol,
                "address": row.address,
                "created_at": to_iso(row.created_at),
                "expires_at": to_iso(row.expires_at),
            }
            for row in rows
        ]

    def _messages(self, actor: Actor) -> Iterator[dict[str, Any]]:
        """Yield the messages of the actor, oldest first, including those in rooms they have left."""
        query = (
            select(Message.id, Room.name, Message.time, Message.type, Message.content)
            .add_columns(Attachment.name.label("attachment"), Attachment.filename)
            .join(Room, Room.id == Message.room_id)
            .join(Attachment, Attachment.id == Message.attachment_id, isouter=True)
            .where(Message.sender_id == actor.user_id, Message.deleted_at.is_(None), Room.deleted_at.is_(None))
            .order_by(Message.id)
            .limit(_BATCH)
        )
        last = 0
        while True:
            with self._store.read() as connection:
                rows = connection.execute(query.where(Message.id > last)).all()
            for row in rows:
                shown = {"id": row.id, "room": row.name, "time": to_iso(row.time), "type": row.type}
                if row.attachment is None:
                    yield shown | {"content": row.content}
                else:
                    yield shown | {"address": URL_PREFIX + row.attachment, "filename": row.filename}
            if len(rows) < _BATCH:
                return
            last = rows[-1].id


class Pieces:
    """The content of a file in pieces. The file is closed after the last one, or by close()."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.tell()
        file.seek(0)

    def __iter__(self) -> "Pieces":
        return self

    def __next__(self) -> bytes:
        piece = self._file.read(_PIECE_BYTES)
        if not piece:
            self.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        self._file.close()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
