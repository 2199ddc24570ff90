"""Messages and their attachments."""

from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Id, Microseconds, partial_index


class MessageType(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    FILE = "file"


# A literal instead of a parameter, so that the database can use the partial index on files.
IS_FILE = text("messages.type = 'file'")


class Message(db.Model):
    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("room_id", "time"),
        UniqueConstraint("room_id", "sender_id", "client_message_id"),
        # Only few messages have these; the index costs nothing for the others.
        partial_index("ix_messages_attachment_id", "attachment_id", where="attachment_id IS NOT NULL"),
        partial_index("ix_messages_reply_to_id", "reply_to_id", where="reply_to_id IS NOT NULL"),
        partial_index("ix_messages_files", "room_id", "time", where="type = 'file'"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"))
    sender_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    time: Mapped[int] = mapped_column(Microseconds)  # strictly increasing within a room
    type: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)  # "" if there is an attachment
    attachment_id: Mapped[int | None] = mapped_column(ForeignKey("attachments.id"))
    reply_to_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))
    client_message_id: Mapped[str | None] = mapped_column(Text)
    edited_at: Mapped[int | None] = mapped_column(Microseconds)  # time of the last edit, by the room's clock
    # So that reading the others costs nothing: whether there are rows in these tables, or once were.
    has_reactions: Mapped[bool] = mapped_column(server_default=false())
    has_mentions: Mapped[bool] = mapped_column(server_default=false())
    # Deleted for all: the content is removed. The row stays, so that a retry does not store the message again.
    deleted_at: Mapped[int | None] = mapped_column(Microseconds)


class Mention(db.Model):
    """That a message names a member of its room, or all of them."""

    __tablename__ = "mentions"
    __table_args__ = (Index("ix_mentions_message_id", "message_id"),)

    # In this order, so that a member's mentions after a time are a range. No foreign key on the user: 0 is everybody.
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    time: Mapped[int] = mapped_column(Microseconds, primary_key=True, autoincrement=False)  # of the message
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"))


EVERYBODY = 0  # a mention's user


class Attachment(db.Model):
    """A picture or file. Its bytes are stored in chunks, which allows streaming and belongs to the message's
    transaction.
    """

    __tablename__ = "attachments"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    # unguessable: knowing it is the permission to load the attachment
    name: Mapped[str] = mapped_column(Text, unique=True)
    media_type: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(Id)  # bytes
    filename: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))  # of a file; pictures have none
    width: Mapped[int | None]  # of a picture, upright, in px
    height: Mapped[int | None]
    thumbnail: Mapped[bytes | None] = mapped_column(LargeBinary)  # of a large still picture: JPEG or PNG
    created_at: Mapped[int] = mapped_column(Microseconds)
    # of an upload: the user whose quota is refunded if it is abandoned
    uploader_id: Mapped[int | None] = mapped_column(Id)
    # Set during an upload: without further bytes until this time it is abandoned. No message refers to it yet.
    upload_ends: Mapped[int | None] = mapped_column(Microseconds, index=True)


class AttachmentChunk(db.Model):
    __tablename__ = "attachment_chunks"

    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachments.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


Reactions = tuple[tuple[str, tuple[str, ...]], ...]  # emoji, and the usernames of who put it there


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as read from the database, with everything that any protocol shows. Shared between threads."""

    id: int
    room_id: int
    time: int  # µs
    sender_id: int
    username: str
    nickname: str
    avatar: str
    type: MessageType
    content: str
    attachment_name: str | None
    attachment_size: int  # bytes; 0 if there is no attachment
    reply_to_id: int | None
    client_message_id: str | None
    attachment_id: int | None = None
    filename: str = ""  # of a file
    width: int | None = None  # of a picture, px
    height: int | None = None
    edited_at: int | None = None  # µs
    reactions: Reactions = ()
    mentions: tuple[str, ...] = ()  # usernames
    mentions_all: bool = False
    is_teachers: bool = False  # whether the sender is a teacher
    # Encoded forms by protocol format, so that answers to many readers are encoded once.
    encoded: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)
