"""Picture attachments: verification, removal of metadata, storage, and reading (docs/specification.md, "Message")."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from chat import pictures
from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Attachment, AttachmentChunk, Message, MessageType, Room
from chat.ports import Store, WriteTransaction

THUMBNAIL_FROM = 640  # px: smaller pictures have none
CHUNK_BYTES = 256 * 1024
BUSY_SECONDS = 2  # for Retry-After
URL_PREFIX = "/attachments/"  # the route of chat.web, followed by the attachment's name


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes verified to be a picture of this media type."""

    data: bytes
    media_type: str
    width: int | None = None  # upright, px
    height: int | None = None
    thumbnail: bytes | None = (
        None  # at most 640 x 640 px, upright; None: the picture itself is small, animated, or huge
    )

    @property
    def bytes_stored(self) -> int:
        return len(self.data) + len(self.thumbnail or b"")


@dataclass(frozen=True, slots=True)
class StoredPicture:
    id: int
    size: int  # bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Attached:
    """The attachment of a message."""

    id: int
    name: str  # unguessable
    size: int  # bytes
    type: MessageType
    filename: str = ""
    width: int | None = None
    height: int | None = None


def new_name() -> str:
    """Return a new attachment name, which is a capability: knowing it is enough to load the attachment."""
    return secrets.token_urlsafe(24)


def store_bytes(tx: WriteTransaction, attachment_id: int, data: bytes) -> None:
    """Store all bytes of an attachment that has none."""
    chunks = [
        {"attachment_id": attachment_id, "position": position, "data": data[start : start + CHUNK_BYTES]}
        for position, start in enumerate(range(0, len(data), CHUNK_BYTES))
    ]
    tx.execute(insert(AttachmentChunk), chunks)


class Attachments:
    def __init__(self, store: Store, clock: Clock, decoder: pictures.Decoder, image_max_bytes: int) -> None:
        self._store = store
        self._clock = clock
        self._decoder = decoder
        self.image_max_bytes = image_max_bytes

    def picture(self, image: str | bytes) -> Picture:
        """Verify and rewrite a picture given as Base64, a data URL, or bytes.

        Decoding happens in a child process, so call this outside of transactions. Raises IMAGE_INVALID,
        IMAGE_TOO_LARGE, UNAVAILABLE.
        """
        try:
            data = pictures.from_text(image) if isinstance(image, str) else image
            if len(data) > self.image_max_bytes:
                raise ChatError(ErrorCode.IMAGE_TOO_LARGE, limit=self.image_max_bytes)
            rewritten = pictures.rewritten(data)
            thumbnail = self._thumbnail(rewritten)
        except pictures.NotAPicture:
            raise ChatError(ErrorCode.IMAGE_INVALID) from None
        except pictures.DecoderUnavailable:
            raise ChatError(ErrorCode.UNAVAILABLE, retry_after=BUSY_SECONDS) from None
        return Picture(rewritten.data, rewritten.media_type, *rewritten.upright_size, thumbnail)

    def _thumbnail(self, picture: pictures.Picture) -> bytes | None:
        """Check that the picture decodes, and return a smaller version of a large one."""
        if picture.is_animated or not max(picture.width, picture.height) > THUMBNAIL_FROM:
            self._decoder.check(picture.data)
            return None
        if picture.width * picture.height > pictures.MOST_PIXELS_DECODED:
            self._decoder.check(picture.data)
            return None
        thumbnail = self._decoder.thumbnail(picture.data)
        return thumbnail if len(thumbnail) < len(picture.data) else None

    def store(self, tx: WriteTransaction, picture: Picture) -> Attached:
        """Store the picture in the transaction of the message that carries it."""
        name = new_name()
        row = {
            "name": name,
            "media_type": picture.media_type,
            "size": len(picture.data),
            "width": picture.width,
            "height": picture.height,
            "thumbnail": picture.thumbnail,
            "created_at": self._clock(),
        }
        attachment_id: int = tx.execute(insert(Attachment).values(row).returning(Attachment.id)).scalar_one()
        store_bytes(tx, attachment_id, picture.data)
        return Attached(
            attachment_id, name, len(picture.data), MessageType.IMAGE, width=picture.width, height=picture.height
        )

    def find(self, name: str) -> StoredPicture | None:
        """Return the picture with this name while its message is visible, else None."""
        with self._store.read() as connection:
            return _find(connection, name)

    def pieces(self, picture: StoredPicture) -> "Chunks":
        """Return the picture's bytes, to be iterated. No transaction stays open between chunks. Raises FILE_NOT_FOUND
        if it is removed meanwhile.
        """
        return Chunks(self._store, picture.id, picture.size)

    def thumbnail(self, name: str) -> bytes | None:
        """Return the thumbnail of the picture with this name while its message is visible; None if it has none."""
        with self._store.read() as connection:
            query = _pictures.with_only_columns(Attachment.thumbnail).where(Attachment.name == name)
            found: bytes | None = connection.execute(query).scalar()
            return found

    def load(self, name: str) -> Picture | None:
        """Return the whole picture with this name while its message is visible, else None."""
        with self._store.read() as connection:
            found = _find(connection, name)
            if found is None:
                return None
            data = connection.execute(
                select(AttachmentChunk.data)
                .where(AttachmentChunk.attachment_id == found.id)
                .order_by(AttachmentChunk.position)
            ).scalars()
            return Picture(b"".join(data), found.media_type)


_pictures = (
    select(Attachment.id, Attachment.size, Attachment.media_type)
    .join(Message, Message.attachment_id == Attachment.id)
    .join(Room, Room.id == Message.room_id)
    .where(Message.type == MessageType.IMAGE, Room.deleted_at.is_(None))
)


def _find(connection: Connection, name: str) -> StoredPicture | None:
    found = connection.execute(_pictures.where(Attachment.name == name)).first()
    return None if found is None else StoredPicture(*found)


class Chunks:
    """An attachment's bytes. Each chunk is read in its own transaction; raises FILE_NOT_FOUND if one is missing."""

    def __init__(self, store: Store, attachment_id: int, size: int) -> None:
        self._store = store
        self._id = attachment_id
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        return self.from_byte(0)

    def from_byte(self, start: int) -> Iterator[bytes]:
        """Yield the bytes from `start` on, without reading the chunks before it."""
        position, at = self._chunk_with(start)
        same = AttachmentChunk.attachment_id == self._id
        while at < self._size:
            wanted = select(AttachmentChunk.data).where(same, AttachmentChunk.position == position)
            with self._store.read() as connection:
                piece: bytes | None = connection.execute(wanted).scalar()
            if piece is None:
                raise ChatError(ErrorCode.FILE_NOT_FOUND)
            yield piece[max(0, start - at) :]
            position += 1
            at += len(piece)

    def _chunk_with(self, byte: int) -> tuple[int, int]:
        """Return the position of the chunk with this byte, and the chunk's first byte."""
        if byte == 0:
            return 0, 0
        sizes = select(AttachmentChunk.position, func.length(AttachmentChunk.data))
        with self._store.read() as connection:
            rows = connection.execute(
                sizes.where(AttachmentChunk.attachment_id == self._id).order_by(AttachmentChunk.position)
            ).all()
        at = 0
        for position, length in rows:
            if at + length > byte:
                return position, at
            at += length
        raise ChatError(ErrorCode.FILE_NOT_FOUND)
