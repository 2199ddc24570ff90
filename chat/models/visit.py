"""Users present in rooms by socket, over all processes."""

import json
from dataclasses import asdict, dataclass

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Id, Microseconds


class Process(db.Model):
    """A server process with visits, which stay valid while it renews its lease."""

    __tablename__ = "processes"

    id: Mapped[str] = mapped_column(Text, primary_key=True)  # random
    alive_until: Mapped[int] = mapped_column(Microseconds)


class VisitRow(db.Model):
    """One socket in one room."""

    __tablename__ = "visits"
    __table_args__ = (Index("ix_visits_room_id_user_id", "room_id", "user_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    process_id: Mapped[str] = mapped_column(ForeignKey("processes.id"), index=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))


@dataclass(frozen=True, slots=True)
class Visitor:
    """The subject of an ENTERED or LEFT event, stored as its data."""

    user_id: int
    username: str
    nickname: str

    def dump(self) -> str:
        """Serialise for Event.data."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, data: str) -> "Visitor":
        return cls(**json.loads(data))
