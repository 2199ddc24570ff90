"""Rate limits shared by all worker processes and kept across restarts."""

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Id, Microseconds


class RateLimit(db.Model):
    __tablename__ = "rate_limits"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    full_at: Mapped[int] = mapped_column(Microseconds, index=True)  # security.limits: the bucket's state


class StoredBytes(db.Model):
    """Bytes that a user has stored in the 24 hours that began with the first of them."""

    __tablename__ = "stored_bytes"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, autoincrement=False)
    since: Mapped[int] = mapped_column(Microseconds)
    bytes: Mapped[int] = mapped_column(Id)
