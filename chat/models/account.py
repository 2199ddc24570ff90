"""Accounts and their sessions."""

from dataclasses import dataclass

from sqlalchemy import ForeignKey, LargeBinary, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Id, Microseconds


class User(db.Model):
    """One account, for all protocols (docs/specification.md, "Account")."""

    __tablename__ = "users"
    __table_args__ = {"sqlite_autoincrement": True}  # ids are never reused

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(Text)
    username_key: Mapped[str] = mapped_column(Text, unique=True)  # names.name_key(username)
    nickname: Mapped[str] = mapped_column(Text)
    # names.name_key(nickname)
    nickname_key: Mapped[str] = mapped_column(Text, default="", server_default=text("''"), index=True)
    # names.skeleton of both: their looks
    username_skeleton: Mapped[str] = mapped_column(Text, default="", server_default=text("''"), index=True)
    nickname_skeleton: Mapped[str] = mapped_column(Text, default="", server_default=text("''"), index=True)
    email: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    # names.name_key(email); None if there is no address
    email_key: Mapped[str | None] = mapped_column(Text, index=True, unique=True)
    profile: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))  # a short text about the user
    avatar: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    # argon2id over the SHA-1 and over the MD5 of the password, because realtime's clients send such digests.
    password_sha1: Mapped[str] = mapped_column(Text)
    password_md5: Mapped[str] = mapped_column(Text)
    # µs by the wall clock, as in a session's token; 0 if unknown
    password_changed_at: Mapped[int] = mapped_column(Microseconds, default=0, server_default="0")
    # A one-time password, to be changed at the next log-in in the page.
    must_change_password: Mapped[bool] = mapped_column(default=False, server_default=false())
    is_teacher: Mapped[bool] = mapped_column(default=False, server_default=false())
    disabled_at: Mapped[int | None] = mapped_column(Microseconds)  # by a teacher: logins are refused
    created_at: Mapped[int] = mapped_column(Microseconds)
    updated_at: Mapped[int] = mapped_column(Microseconds, server_default="0")  # last change of the public data
    deleted_at: Mapped[int | None] = mapped_column(Microseconds)


class Avatar(db.Model):
    """A scaled-down picture, referenced by the address in its owner's `avatar`."""

    __tablename__ = "avatars"

    name: Mapped[str] = mapped_column(Text, primary_key=True)  # unguessable
    owner: Mapped[str] = mapped_column(Text)  # users/ID or rooms/ID
    data: Mapped[bytes] = mapped_column(LargeBinary)


class LoginSession(db.Model):
    """One login. Deleting the row ends the session: its token becomes invalid."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(Text, primary_key=True)  # random, 128 bits
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[int] = mapped_column(Microseconds)
    expires_at: Mapped[int] = mapped_column(Microseconds, index=True)
    # The session counts as online until this time; written in batches by services.presence.
    online_until: Mapped[int] = mapped_column(Microseconds, default=0, server_default="0", index=True)
    # Shown to the session's user.
    protocol: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    address: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    program: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))  # its User-Agent, for teachers


class KnownAddress(db.Model):
    """An address from which a user has logged in to the account (services.password_guessing)."""

    __tablename__ = "known_addresses"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    mark: Mapped[str] = mapped_column(Text, primary_key=True)  # security.devices: a keyed hash
    seen_at: Mapped[int] = mapped_column(Microseconds, index=True)


class ErasedName(db.Model):
    """A login name of an erased account: it stays taken. Nothing readable is kept (services.erased_names)."""

    __tablename__ = "erased_names"

    digest: Mapped[str] = mapped_column(Text, primary_key=True)  # a keyed hash


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller: a user, authenticated by one of their sessions."""

    user_id: int
    username: str
    nickname: str
    email: str
    session_id: str
    session_ends: int  # µs
    created_at: int  # µs; creation of the account
    is_teacher: bool = False
