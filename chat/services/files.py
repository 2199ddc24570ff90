"""Files: taken in and read back in pieces, so that none is ever in memory whole (specs, "tcp")."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from chat.clock import SECOND, Clock
from chat.errors import ChatError, ErrorCode
from chat.models import (
    IS_FILE,
    Actor,
    Attachment,
    AttachmentChunk,
    Membership,
    Message,
    MessageType,
    Room,
    StoredMessage,
    User,
)
from chat.names import is_visible
from chat.security.limits import MESSAGES
from chat.services import friendships, lookups, paging
from chat.services.attachments import Attached, chunks, new_name
from chat.services.limits import Limits
from chat.services.lookups import LIST_CAP, RoomRef
from chat.services.messages import Draft, Messages
from chat.services.paging import WHOLE, Listed, Page
from chat.services.quota import Quota
from chat.storage.store import Store, WriteTransaction

FILENAME_MAX_CHARS = 200
LEASE = 45 * SECOND  # µs; an upload of which nothing has come for so long is given up (its connection gives up before)
MEDIA_TYPE = "application/octet-stream"  # whatever it is: nobody is to open it in a browser
_NAMELESS = "file"


@dataclass(slots=True)
class Upload:
    """A file that is coming in."""

    room_id: int
    attached: Attached
    position: int = 0  # of the next chunk


@dataclass(frozen=True, slots=True)
class FileView:
    """A file as the members of its room see it."""

    id: int
    filename: str
    size: int  # bytes
    uploader: str  # username
    uploaded_at: int  # µs
    name: str = field(repr=False)  # unguessable


class Files:
    def __init__(
        self, store: Store, clock: Clock, limits: Limits, quota: Quota, messages: Messages, max_bytes: int
    ) -> None:
        self._store = store
        self._quota = quota
        self._clock = clock
        self._limits = limits
        self._messages = messages
        self.max_bytes = max_bytes

    def begin(self, actor: Actor, ref: RoomRef, filename: str, size: int) -> Upload:
        """Make place for a file in a room that the actor is in. Goes with finish or abandon.

        All its bytes count from here on, until it is abandoned. Raises ROOM_NOT_FOUND, NOT_FRIENDS, FIELD_INVALID
        (file_size), FILE_TOO_LARGE, RATE_LIMITED, QUOTA_USED, STORAGE_FULL.
        """
        if size < 0:
            raise ChatError(ErrorCode.FIELD_INVALID, field="file_size")
        if size > self.max_bytes:
            raise ChatError(ErrorCode.FILE_TOO_LARGE, limit=self.max_bytes)
        self._limits.take(MESSAGES, actor.user_id)
        name, filename = new_name(), clean_filename(filename)
        now = self._clock()
        row = {"name": name, "media_type": MEDIA_TYPE, "size": size, "filename": filename}
        row["uploader_id"] = actor.user_id
        times = {"created_at": now, "upload_ends": now + LEASE}
        with self._store.write() as tx:
            room = lookups.joined(tx, actor, ref)
            friendships.require_open(tx, room)
            self._quota.take(tx, actor.user_id, size)
            statement = insert(Attachment).values(row | times).returning(Attachment.id)
            attachment_id: int = tx.execute(statement).scalar_one()
        return Upload(room.id, Attached(attachment_id, name, size, MessageType.FILE, filename))

    def add(self, upload: Upload, piece: bytes) -> None:
        """Store the next bytes of the file. Raises FILE_NOT_FOUND where it was given up meanwhile, STORAGE_FULL."""
        with self._store.write() as tx:
            self._quota.require_room(tx, len(piece))
            self._prolong(tx, upload, self._clock() + LEASE)
            row = {"attachment_id": upload.attached.id, "position": upload.position, "data": piece}
            tx.execute(insert(AttachmentChunk).values(row))
        upload.position += 1

    def finish(self, actor: Actor, upload: Upload) -> StoredMessage:
        """All of it is here: store the message that carries it.

        Raises ROOM_NOT_FOUND where the actor is in the room no more, NOT_FRIENDS, FILE_NOT_FOUND, RATE_LIMITED.
        """
        with self._store.write() as tx:
            friendships.require_open(tx, lookups.joined(tx, actor, upload.room_id))
            if self._limits.over_workers:
                self._limits.take_within(tx, MESSAGES, actor.user_id)
            self._prolong(tx, upload, None)
            return self._messages.insert(tx, actor, upload.room_id, Draft(), upload.attached)

    def abandon(self, upload: Upload) -> None:
        """It does not come after all: leave nothing of it."""
        with self._store.write() as tx:
            self._remove(tx, [upload.attached.id])

    def purge(self) -> None:
        """Remove what is left of uploads that nobody has abandoned, as after a crash."""
        now = self._clock()
        with self._store.read() as connection:
            left = select(Attachment.id).where(Attachment.upload_ends < now).limit(LIST_CAP)
            ids = list(connection.execute(left).scalars())
        for attachment_id in ids:  # one at a time, so that others can write in between
            with self._store.write() as tx:
                again = select(Attachment.id).where(Attachment.id == attachment_id, Attachment.upload_ends < now)
                self._remove(tx, list(tx.execute(again).scalars()))

    def listed(self, actor: Actor, ref: RoomRef, page: Page = WHOLE) -> tuple[int, Listed[FileView]]:
        """The room's id, and its files, oldest first; a page has the newest first. Raises ROOM_NOT_FOUND."""
        with self._store.read() as connection:
            room = lookups.joined(connection, actor, ref)
            query = _files.where(Message.room_id == room.id)
            if page.search:
                query = query.where(func.lower(Attachment.filename).contains(page.search.lower(), autoescape=True))
            rows = paging.fetch(connection, query, [Message.time], page, newest_first=page.limit is not None)
        return room.id, Listed([FileView(*row[:6]) for row in rows], rows.next)

    def find(self, actor: Actor, file_id: int) -> FileView:
        """A file of a room that the actor is in. Raises FILE_NOT_FOUND."""
        found = _files.join(Membership, Membership.room_id == Message.room_id).where(
            Attachment.id == lookups.within_64_bits(file_id), Membership.user_id == actor.user_id
        )
        return self._one(found)

    def named(self, name: str) -> FileView:
        """The file of that unguessable name. Raises FILE_NOT_FOUND."""
        return self._one(_files.where(Attachment.name == name))

    def pieces(self, file: FileView) -> Iterator[bytes]:
        """Its bytes. No transaction is held between two pieces; raises FILE_NOT_FOUND where it is removed meanwhile."""
        return chunks(self._store, file.id, file.size)

    def _one(self, query: Any) -> FileView:
        with self._store.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise ChatError(ErrorCode.FILE_NOT_FOUND)
        return FileView(*row)

    def _remove(self, tx: WriteTransaction, attachment_ids: list[int]) -> None:
        """Uploads that have not come to their end: their bytes do not count."""
        lost = select(Attachment.uploader_id, Attachment.size, Attachment.created_at)
        for row in tx.execute(lost.where(Attachment.id.in_(attachment_ids))).all():
            if row.uploader_id is not None:
                self._quota.give_back(tx, row.uploader_id, row.size, row.created_at)
        tx.execute(delete(AttachmentChunk).where(AttachmentChunk.attachment_id.in_(attachment_ids)))
        tx.execute(delete(Attachment).where(Attachment.id.in_(attachment_ids)))

    def _prolong(self, tx: WriteTransaction, upload: Upload, until: int | None) -> None:
        coming = update(Attachment).where(Attachment.id == upload.attached.id, Attachment.upload_ends.is_not(None))
        if not tx.execute(coming.values(upload_ends=until)).rowcount:
            raise ChatError(ErrorCode.FILE_NOT_FOUND)


_files = (
    select(Attachment.id, Attachment.filename, Attachment.size, User.username, Message.time, Attachment.name)
    .join(Message, Message.attachment_id == Attachment.id)
    .join(User, User.id == Message.sender_id)
    .join(Room, Room.id == Message.room_id)
    .where(IS_FILE, Room.deleted_at.is_(None))
)


def clean_filename(filename: str) -> str:
    """A filename without folders, and without what does not show or would turn the text around it."""
    last = re.split(r"[/\\]", filename)[-1]
    shown = "".join(char for char in last if _is_kept(char)).strip()
    if not is_visible(shown.strip(" .")):  # no name consists of dots
        return _NAMELESS
    stem, dot, suffix = shown.rpartition(".")
    if len(shown) > FILENAME_MAX_CHARS:  # what kind of file it is, the end says
        keep = FILENAME_MAX_CHARS - len(suffix) - 1
        shown = f"{stem[:keep]}.{suffix}" if dot and keep > 0 else shown[:FILENAME_MAX_CHARS]
    return shown


def _is_kept(char: str) -> bool:
    """Not Cc, Cf, Cs (controls, direction marks, lone surrogates), Zl, Zp (line ends).

    But for joiners, which Persian, Indian scripts and emoji are written with, tags, of which some flags are made, and
    the Arabic number signs, which show.
    """
    kept = char in "\u200c\u200d" or "\U000e0020" <= char <= "\U000e007f" or "\u0600" <= char <= "\u0605"
    return kept or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
