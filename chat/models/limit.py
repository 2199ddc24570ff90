"""Rate limits that hold over all worker processes and over restarts."""

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Microseconds


class RateLimit(db.Model):
    __tablename__ = "rate_limits"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    full_at: Mapped[int] = mapped_column(Microseconds, index=True)  # security.limits: the bucket's state
