"""Pictures: taken in once, verified, and read back (specs, "Message")."""

import base64
import binascii
import io
import re
import secrets
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError
from sqlalchemy import insert, select

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Attachment, AttachmentChunk, Message, MessageType, Room
from chat.storage.store import Store, WriteTransaction

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
# MPO is what Pillow calls a JPEG with further pictures behind it, as some phones make them.
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
MAX_PIXELS = 40_000_000
CHUNK_BYTES = 256 * 1024
URL_PREFIX = "/attachments/"  # and its name: where chat.web serves it
_DATA_URL = re.compile(r"\Adata:[\w.+/-]*(?:;[\w.+=-]+)*;base64,", re.ASCII)


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes that have been verified to be a picture of that type."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class StoredPicture:
    id: int
    size: int  # bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Attached:
    """What a message carries."""

    id: int
    name: str  # unguessable
    size: int  # bytes
    type: MessageType
    filename: str = ""


def new_name() -> str:
    """An attachment's name, which is all that it takes to load it."""
    return secrets.token_urlsafe(24)


class Attachments:
    def __init__(self, store: Store, clock: Clock, image_max_bytes: int) -> None:
        self._store = store
        self._clock = clock
        self._image_max_bytes = image_max_bytes

    def picture(self, image: str | bytes) -> Picture:
        """Verify a picture: Base64, a data URL, or its bytes. Raises IMAGE_INVALID, IMAGE_TOO_LARGE."""
        return self._verified(self._decoded(image) if isinstance(image, str) else image)

    def _decoded(self, text: str) -> bytes:
        prefix = _DATA_URL.match(text[:200])
        encoded = "".join(text[prefix.end() if prefix else 0 :].split())
        if len(encoded) // 4 * 3 > self._image_max_bytes + 3:
            raise ChatError(ErrorCode.IMAGE_TOO_LARGE, limit=self._image_max_bytes)
        try:
            # Some encoders leave the padding out.
            return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise ChatError(ErrorCode.IMAGE_INVALID) from None

    def _verified(self, data: bytes) -> Picture:
        if len(data) > self._image_max_bytes:
            raise ChatError(ErrorCode.IMAGE_TOO_LARGE, limit=self._image_max_bytes)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's own size warning: the limit below is ours
                with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                    width, height = image.size
                    media_type = MEDIA_TYPES[image.format or ""]
                    if width * height <= MAX_PIXELS:
                        image.verify()
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError, KeyError):
            raise ChatError(ErrorCode.IMAGE_INVALID) from None
        if width * height > MAX_PIXELS:
            raise ChatError(ErrorCode.IMAGE_INVALID)
        return Picture(data, media_type)

    def store(self, tx: WriteTransaction, picture: Picture) -> Attached:
        """Store it with the message that carries it."""
        name = new_name()
        row = {
            "name": name,
            "media_type": picture.media_type,
            "size": len(picture.data),
            "created_at": self._clock(),
        }
        attachment_id: int = tx.execute(insert(Attachment).values(row).returning(Attachment.id)).scalar_one()
        chunks = [
            {"attachment_id": attachment_id, "position": position, "data": picture.data[start : start + CHUNK_BYTES]}
            for position, start in enumerate(range(0, len(picture.data), CHUNK_BYTES))
        ]
        tx.execute(insert(AttachmentChunk), chunks)
        return Attached(attachment_id, name, len(picture.data), MessageType.IMAGE)

    def find(self, name: str) -> StoredPicture | None:
        """The picture of that name, while its message can be seen; None otherwise."""
        with self._store.read() as connection:
            found = connection.execute(_pictures.where(Attachment.name == name)).first()
        return None if found is None else StoredPicture(*found)

    def pieces(self, picture: StoredPicture) -> Iterator[bytes]:
        """Its bytes. No transaction is held between two pieces; raises FILE_NOT_FOUND where it is removed meanwhile."""
        return chunks(self._store, picture.id, picture.size)

    def load(self, name: str) -> Picture | None:
        """The whole picture of that name, while its message can be seen; None otherwise."""
        with self._store.read() as connection:
            found = connection.execute(_pictures.where(Attachment.name == name)).first()
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


def chunks(store: Store, attachment_id: int, size: int) -> Iterator[bytes]:
    """An attachment's bytes, each chunk in a transaction of its own. Raises FILE_NOT_FOUND where one is gone."""
    position = sent = 0
    while sent < size:
        with store.read() as connection:
            piece: bytes | None = connection.execute(
                select(AttachmentChunk.data).where(
                    AttachmentChunk.attachment_id == attachment_id, AttachmentChunk.position == position
                )
            ).scalar()
        if piece is None:
            raise ChatError(ErrorCode.FILE_NOT_FOUND)
        position += 1
        sent += len(piece)
        yield piece
