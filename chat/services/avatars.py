"""Avatars: pictures are scaled down and served by address; short texts pass unchanged
(docs/specification.md, "ims").
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from chat import pictures
from chat.errors import ChatError, ErrorCode
from chat.models import Avatar, Event, EventKind, Room, User
from chat.ports import Store, WriteTransaction
from chat.services.attachments import BUSY_SECONDS, new_name

URL_PREFIX = "/avatars/"  # the route of chat.web, followed by the avatar's name
TEXT_MAX_CHARS = 2048
GIVEN_MAX_CHARS = 2 * 1024 * 1024  # for a picture in Base64 or a data URL
_PIECE_BYTES = 64 * 1024
_ADDRESS = re.compile(rf"(?:https?://[^/\s]+)?({URL_PREFIX}[\w-]+)", re.ASCII)
_AT_ONCE = 8  # long texts converted per run of housekeeping


@dataclass(frozen=True, slots=True)
class NewAvatar:
    """The avatar text as others see it, and the scaled picture it refers to."""

    text: str
    picture: bytes | None = None

    @property
    def size(self) -> int:
        """Stored bytes."""
        return len(self.text.encode() if self.picture is None else self.picture)


@dataclass(frozen=True, slots=True)
class StoredAvatar:
    name: str
    size: int  # bytes
    media_type: str


class Avatars:
    def __init__(self, store: Store, decoder: pictures.Decoder) -> None:
        self._store = store
        self._decoder = decoder
        self._has_old = True

    def prepare(self, given: str) -> NewAvatar:
        """Scale down a picture given as Base64 or a data URL; return other texts of up to TEXT_MAX_CHARS unchanged.

        Call this outside of transactions. Raises FIELD_INVALID (avatar), UNAVAILABLE.
        """
        try:
            small = self._decoder.shrink(pictures.rewritten(pictures.from_text(given)).data)
            return NewAvatar(URL_PREFIX + new_name(), small)
        except pictures.NotAPicture:
            if len(given) <= TEXT_MAX_CHARS:
                return NewAvatar(given)
        except pictures.DecoderUnavailable:
            raise ChatError(ErrorCode.UNAVAILABLE, retry_after=BUSY_SECONDS) from None
        raise ChatError(ErrorCode.FIELD_INVALID, field="avatar")

    def store(self, tx: WriteTransaction, new: NewAvatar, owner: type[User] | type[Room], owner_id: int) -> None:
        """Replace the avatar of a user or room. The address of the current avatar leaves it unchanged."""
        old = tx.execute(select(owner.avatar).where(owner.id == owner_id)).scalar() or ""
        address = _ADDRESS.fullmatch(new.text) if new.picture is None else None
        # clients that send a whole profile back include the current address
        if address is not None and address[1] == old:
            return
        remove(tx, old, owner, owner_id)
        if new.picture is not None:
            row = {"name": new.text.removeprefix(URL_PREFIX), "owner": _key(owner, owner_id), "data": new.picture}
            tx.execute(insert(Avatar).values(row))
        tx.execute(update(owner).where(owner.id == owner_id).values(avatar=new.text))

    def find(self, name: str) -> StoredAvatar | None:
        """Return the picture with this name, unless its room is deleted. Deleted accounts keep theirs: they may be
        restored.
        """
        with self._store.read() as connection:
            found = connection.execute(_described.where(Avatar.name == name)).first()
            if found is None or _is_of_deleted_room(connection, found.owner):
                return None
        return StoredAvatar(name, found.size, "image/jpeg" if found.begins == b"\xff\xd8" else "image/png")

    def pieces(self, avatar: StoredAvatar) -> Iterator[bytes]:
        """Yield the picture's bytes. No transaction stays open between chunks. Raises FILE_NOT_FOUND if it is removed
        meanwhile.
        """
        for at in range(0, avatar.size, _PIECE_BYTES):
            piece = select(func.substr(Avatar.data, at + 1, _PIECE_BYTES)).where(Avatar.name == avatar.name)
            with self._store.read() as connection:
                found: bytes | None = connection.execute(piece).scalar()
            if found is None:
                raise ChatError(ErrorCode.FILE_NOT_FOUND)
            yield found

    def convert_old(self) -> None:
        """Convert some of the long texts stored by earlier versions to pictures; remove those that are no pictures."""
        if not self._has_old:
            return
        found = 0
        for owner in (User, Room):
            long = select(owner.id, owner.avatar).where(func.length(owner.avatar) > TEXT_MAX_CHARS).limit(_AT_ONCE)
            with self._store.read() as connection:
                rows = connection.execute(long).all()
            for row in rows:
                self._convert(owner, row.id, row.avatar)
            found += len(rows)
        self._has_old = found > 0

    def _convert(self, owner: type[User] | type[Room], owner_id: int, text: str) -> None:
        try:
            new = self.prepare(text)
        except ChatError as error:
            if error.code is ErrorCode.UNAVAILABLE:
                return
            new = NewAvatar("")
        with self._store.write() as tx:
            if tx.execute(select(owner.avatar).where(owner.id == owner_id)).scalar() == text:
                self.store(tx, new, owner, owner_id)
                if owner is User:
                    tx.emit(Event(EventKind.PROFILE, owner_id))  # cached messages contain the long text


_described = select(
    Avatar.owner, func.length(Avatar.data).label("size"), func.substr(Avatar.data, 1, 2).label("begins")
)


def remove(tx: WriteTransaction, text: str, owner: type[User] | type[Room], owner_id: int) -> None:
    """Remove the picture that this avatar text refers to, if it belongs to that user or room."""
    if text.startswith(URL_PREFIX):
        mine = (Avatar.name == text.removeprefix(URL_PREFIX), Avatar.owner == _key(owner, owner_id))
        tx.execute(delete(Avatar).where(*mine))


def _is_of_deleted_room(connection: Connection, owner: str) -> bool:
    kind, _, owner_id = owner.partition("/")
    if kind != Room.__tablename__:
        return False
    living = select(Room.id).where(Room.id == int(owner_id), Room.deleted_at.is_(None))
    return connection.execute(living).first() is None


def _key(owner: type[User] | type[Room], owner_id: int) -> str:
    return f"{owner.__tablename__}/{owner_id}"
