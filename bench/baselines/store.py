"""The baselines' database: SQLAlchemy's ORM on SQLite, with WAL and synchronous=NORMAL as Commonroom has.

`python -m bench.baselines.store FILE ROOMS MEMBERS` makes one, and prints the tokens as JSON: {room: [token, …]}.
"""
# ruff: noqa: T201

import json
import secrets
import sys
import time

from sqlalchemy import ForeignKey, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    token: Mapped[str] = mapped_column(unique=True)


class Room(Base):
    __tablename__ = "rooms"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Membership(Base):
    __tablename__ = "memberships"
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id), primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey(Room.id), primary_key=True)


class Message(Base):
    __tablename__ = "messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey(Room.id), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    time: Mapped[float]
    text: Mapped[str]


def open_store(path: str) -> sessionmaker[Session]:
    """Sessions on the database in this file; tables are made if need be."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30}, pool_size=40, max_overflow=200)
    event.listen(engine, "connect", _tune)
    Base.metadata.create_all(engine)
    return sessionmaker(engine, expire_on_commit=False)


def find_member(session: Session, token: str, room: str) -> tuple[User, Room] | None:
    """Return the token's user and the requested room; None if the user is not a member."""
    query = (
        select(User, Room)
        .join(Membership, Membership.user_id == User.id)
        .join(Room, Room.id == Membership.room_id)
        .where(User.token == token, Room.name == room)
    )
    row = session.execute(query).first()
    return None if row is None else (row[0], row[1])


def add_message(session: Session, user: User, room: Room, words: str) -> Message:
    """Store and commit it."""
    message = Message(room_id=room.id, user_id=user.id, time=time.time(), text=words)
    session.add(message)
    session.commit()
    return message


def shown(message: Message, user_name: str) -> dict[str, object]:
    """As clients see it."""
    return {"id": message.id, "user": user_name, "time": message.time, "text": message.text}


def fill(path: str, rooms: int, members: int) -> dict[str, list[str]]:
    """Rooms and their members; the members' tokens by room."""
    tokens: dict[str, list[str]] = {}
    with open_store(path)() as session:
        for room_number in range(rooms):
            room = Room(name=f"room-{room_number:04d}")
            users = [User(name=f"user-{room_number}-{n}", token=secrets.token_urlsafe(24)) for n in range(members)]
            session.add_all([room, *users])
            session.flush()
            session.add_all(Membership(user_id=user.id, room_id=room.id) for user in users)
            tokens[room.name] = [user.token for user in users]
        session.commit()
    return tokens


def _tune(connection: object, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


if __name__ == "__main__":
    print(json.dumps(fill(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
