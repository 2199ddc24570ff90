"""File transfers: stored and read in chunks, so that no file is in memory whole (docs/specification.md, "tcp")."""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sqlalchemy import delete, insert, select, update

from chat import pictures
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
from chat.ports import Store, WriteTransaction
from chat.security.limits import MESSAGES
from chat.services import access, paging
from chat.services.access import LIST_CAP, FoundRoom, RoomRef
from chat.services.attachments import Attached, Chunks, new_name, store_bytes
from chat.services.messages import Draft, Messages
from chat.services.paging import WHOLE, Listed, Page
from chat.services.quota import Quota
from chat.services.rate_limits import Limits
from chat.services.writing import require_sendable
from chat.storage.texts import contains

FILENAME_MAX_CHARS = 200
LEASE = 45 * SECOND  # µs; an upload without progress for this long is abandoned (its connection times out earlier)
MEDIA_TYPE = "application/octet-stream"  # for every file, so that no browser opens it
_NAMELESS = "file"


@dataclass(slots=True)
class Upload:
    """A file being uploaded."""

    room_id: int | None  # None: known when it is finished
    attached: Attached  # its size: as reserved
    position: int = 0  # index of the next chunk
    received: int = 0  # bytes
    is_picture: bool = False  # by its first bytes


@dataclass(frozen=True, slots=True)
class FileView:
    """A file as members of its room see it."""

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

    def begin(self, actor: Actor, ref: RoomRef | None, filename: str, size: int) -> Upload:
        """Reserve space for a file in a room that the actor is in. Ends with `finish` or `abandon`.

        All its bytes, or as many as it may have, count against the quota from here on. Without a room, `finish` needs
        one. Raises ROOM_NOT_FOUND, NOT_FRIENDS, ARCHIVED, MUTED, READ_ONLY, SLOW_MODE, FIELD_INVALID (file_size),
        FILE_TOO_LARGE, RATE_LIMITED, QUOTA_USED, STORAGE_FULL.
        """
        if size < 0:
            raise ChatError(ErrorCode.FIELD_INVALID, field="file_size")
        if size > self.max_bytes:
            raise ChatError(ErrorCode.FILE_TOO_LARGE, limit=self.max_bytes)
        self._limits.take_often(MESSAGES, actor.user_id)
        name, filename = new_name(), clean_filename(filename)
        row = {"name": name, "media_type": MEDIA_TYPE, "size": size, "filename": filename}
        row["uploader_id"] = actor.user_id
        with self._store.write() as tx:
            room_id = None if ref is None else self._room(tx, actor, ref).id
            self._quota.take(tx, actor.user_id, size)
            now = self._clock()  # after the quota's clock, which may begin a day by it
            times = {"created_at": now, "upload_ends": now + LEASE}
            statement = insert(Attachment).values(row | times).returning(Attachment.id)
            attachment_id: int = tx.execute(statement).scalar_one()
        return Upload(room_id, Attached(attachment_id, name, size, MessageType.FILE, filename))

    def add(self, upload: Upload, piece: bytes) -> None:
        """Store the next bytes. Raises FILE_NOT_FOUND if the upload was abandoned meanwhile, FILE_TOO_LARGE,
        STORAGE_FULL.
        """
        if upload.received == 0:
            upload.is_picture = pictures.is_begun_by(piece)
        upload.received += len(piece)
        if upload.received > self.max_bytes:
            raise ChatError(ErrorCode.FILE_TOO_LARGE, limit=self.max_bytes)
        with self._store.write() as tx:
            self._quota.require_room(tx, len(piece))
            self._prolong(tx, upload, self._clock() + LEASE)
            row = {"attachment_id": upload.attached.id, "position": upload.position, "data": piece}
            tx.execute(insert(AttachmentChunk).values(row))
        upload.position += 1

    def sent_before(self, actor: Actor, ref: RoomRef, client_message_id: str) -> StoredMessage | None:
        """Return the message that an upload with this id would be a retry of. Raises ROOM_NOT_FOUND."""
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            return self._messages.earlier(connection, actor, room.id, Draft(client_message_id=client_message_id))

    def finish(self, actor: Actor, upload: Upload) -> StoredMessage:
        """Complete the upload by storing the message that carries the file; a picture is without metadata.

        Raises ROOM_NOT_FOUND if the actor has left the room, NOT_FRIENDS, ARCHIVED, MUTED, READ_ONLY, SLOW_MODE,
        FILE_NOT_FOUND, RATE_LIMITED.
        """
        assert upload.room_id is not None  # noqa: S101
        if upload.is_picture and upload.received <= self._messages.image_max_bytes:
            self._remove_metadata(upload)
        with self._store.write() as tx:
            room = self._room(tx, actor, upload.room_id)
            return self._store_message(tx, actor, upload, room.id, Draft())

    def send(self, actor: Actor, upload: Upload, ref: RoomRef, client_message_id: str | None) -> StoredMessage:
        """Complete the upload by storing a message: of a picture that verifies, a picture; of others, a file.

        A retry returns the earlier message. May raise what `finish` and Messages.send raise, and FILE_EMPTY. Decodes
        pictures: call it in Lane.PICTURES.
        """
        draft = Draft(client_message_id=client_message_id)
        self._messages.require_id(draft)
        if upload.received == 0:
            raise ChatError(ErrorCode.FILE_EMPTY)
        if upload.is_picture:
            return self._send_picture(actor, upload, ref, draft)
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, ref)
            earlier = self._messages.earlier(tx, actor, room.id, draft)
            if earlier is None:
                require_sendable(tx, actor, room, self._clock())
                return self._store_message(tx, actor, upload, room.id, draft)
            self._remove(tx, [upload.attached.id])
            return earlier

    def _send_picture(self, actor: Actor, upload: Upload, ref: RoomRef, draft: Draft) -> StoredMessage:
        """Send the stored bytes as a picture, without its metadata; the bytes as they came are removed."""
        data = b""
        if upload.received <= self._messages.image_max_bytes:
            data = b"".join(Chunks(self._store, upload.attached.id, upload.received))
        self.abandon(upload)
        if not data:
            raise ChatError(ErrorCode.IMAGE_TOO_LARGE, limit=self._messages.image_max_bytes)
        return self._messages.send(actor, ref, replace(draft, image=data))

    def _remove_metadata(self, upload: Upload) -> None:
        """Replace the stored bytes of a picture. A file that only begins like one, or is cut off, stays as it came."""
        try:
            kept = pictures.rewritten(b"".join(Chunks(self._store, upload.attached.id, upload.received))).data
        except pictures.NotAPicture:
            return
        with self._store.write() as tx:
            self._prolong(tx, upload, self._clock() + LEASE)
            tx.execute(delete(AttachmentChunk).where(AttachmentChunk.attachment_id == upload.attached.id))
            store_bytes(tx, upload.attached.id, kept)
        upload.received = len(kept)

    def _room(self, tx: WriteTransaction, actor: Actor, ref: RoomRef) -> FoundRoom:
        room = access.joined_locked(tx, actor, ref)
        require_sendable(tx, actor, room, self._clock())
        return room

    def _store_message(
        self, tx: WriteTransaction, actor: Actor, upload: Upload, room_id: int, draft: Draft
    ) -> StoredMessage:
        if self._limits.over_workers:
            self._limits.take_within(tx, MESSAGES, actor.user_id)
        self._prolong(tx, upload, None)
        attached = replace(upload.attached, size=upload.received)
        if attached.size != upload.attached.size:
            size = update(Attachment).where(Attachment.id == attached.id).values(size=attached.size)
            created_at = tx.execute(size.returning(Attachment.created_at)).scalar_one()
            self._quota.give_back(tx, actor.user_id, upload.attached.size - attached.size, created_at)
        return self._messages.insert(tx, actor, room_id, draft, attached)

    def abandon(self, upload: Upload) -> None:
        """Remove an incomplete upload."""
        with self._store.write() as tx:
            self._remove(tx, [upload.attached.id])

    def purge(self) -> None:
        """Remove stale uploads, such as those of a crashed process."""
        now = self._clock()
        with self._store.read() as connection:
            left = select(Attachment.id).where(Attachment.upload_ends < now).limit(LIST_CAP)
            ids = list(connection.execute(left).scalars())
        for attachment_id in ids:  # one transaction each, so that other writers run in between
            with self._store.write() as tx:
                again = select(Attachment.id).where(Attachment.id == attachment_id, Attachment.upload_ends < now)
                self._remove(tx, list(tx.execute(again.with_for_update()).scalars()))

    def listed(self, actor: Actor, ref: RoomRef, page: Page = WHOLE) -> tuple[int, Listed[FileView]]:
        """Return the room's id and its files, oldest first; a page contains the newest. Raises ROOM_NOT_FOUND."""
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            query, newest_first = _files.where(Message.room_id == room.id), page.limit is not None
            named = partial(contains, Attachment.filename)
            rows = paging.fetch(connection, query, [Message.time], page, newest_first=newest_first, search=named)
        return room.id, rows.with_entries([FileView(*row[:6]) for row in rows])

    def find(self, actor: Actor, file_id: int) -> FileView:
        """Return a file of a room that the actor is in. Raises FILE_NOT_FOUND."""
        found = _files.join(Membership, Membership.room_id == Message.room_id).where(
            Attachment.id == access.within_64_bits(file_id), Membership.user_id == actor.user_id
        )
        return self._one(found)

    def named(self, name: str) -> FileView:
        """Return the file with this unguessable name. Raises FILE_NOT_FOUND."""
        return self._one(_files.where(Attachment.name == name))

    def pieces(self, file: FileView) -> Chunks:
        """Return the file's bytes, to be iterated. No transaction stays open between chunks. Raises FILE_NOT_FOUND if
        it is removed meanwhile.
        """
        return Chunks(self._store, file.id, file.size)

    def _one(self, query: Any) -> FileView:
        with self._store.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise ChatError(ErrorCode.FILE_NOT_FOUND)
        return FileView(*row)

    def _remove(self, tx: WriteTransaction, attachment_ids: list[int]) -> None:
        """Remove incomplete uploads; their bytes no longer count."""
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
    """Return the filename without folders, invisible characters, and marks that change text direction."""
    last = re.split(r"[/\\]", filename)[-1]
    shown = "".join(char for char in last if _is_kept(char)).strip()
    if not is_visible(shown.strip(" .")):  # reject names that consist of dots
        return _NAMELESS
    stem, dot, suffix = shown.rpartition(".")
    if len(shown) > FILENAME_MAX_CHARS:  # keep the extension
        keep = FILENAME_MAX_CHARS - len(suffix) - 1
        shown = f"{stem[:keep]}.{suffix}" if dot and keep > 0 else shown[:FILENAME_MAX_CHARS]
    return shown


def _is_kept(char: str) -> bool:
    """Whether to keep the character: not Cc, Cf, Cs (controls, direction marks, lone surrogates), Zl, Zp (line ends).

    Exceptions: joiners, needed by Persian, Indian scripts and emoji; tags, used by some flags; and the Arabic number
    signs, which are visible.
    """
    kept = char in "\u200c\u200d" or "\U000e0020" <= char <= "\U000e007f" or "\u0600" <= char <= "\u0605"
    return kept or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
