"""Imports of rosters."""

from sqlalchemy import Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Microseconds


class RosterImport(db.Model):
    """The progress of an import, for all processes. It contains no names or passwords."""

    __tablename__ = "roster_imports"

    id: Mapped[str] = mapped_column(Text, primary_key=True)  # random
    state: Mapped[str] = mapped_column(Text)  # services.roster_imports.ImportState
    total: Mapped[int] = mapped_column()  # number of people
    done: Mapped[int] = mapped_column(default=0, server_default="0")  # number of hashed passwords
    reason: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))  # an ErrorCode's name
    moved_at: Mapped[int] = mapped_column(Microseconds)  # last progress, by the clock
