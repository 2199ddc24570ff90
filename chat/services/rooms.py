"""Rooms: making, finding, joining, leaving and deleting them (specs, "Room" and "The lobby")."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, case, delete, func, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Event, EventKind, Membership, Message, Role, Room, User
from chat.names import is_name, is_reserved_room_name, name_key
from chat.security import passwords
from chat.security.limits import WRONG_PASSWDS
from chat.services.limits import Limits
from chat.services.permissions import Action, require
from chat.services.presence import Presence
from chat.services.reading import Reading
from chat.storage.store import Store, WriteTransaction

NAME_MAX_CHARS = 60
LABEL_MAX_CHARS = 16
PASSWD_MAX_CHARS = 128
LIST_CAP = 5000  # entries (specs, "Bounds")
LOCKED_LABEL = "private"  # the one label that promises a passwd


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as one user sees it."""

    id: int
    name: str
    label: str
    locked: bool
    member_count: int
    role: Role | None  # None: not joined
    unread: int
    last_time: int  # µs; 0 without messages


@dataclass(frozen=True, slots=True)
class MemberView:
    user_id: int
    username: str
    nickname: str
    role: Role
    online: bool


class Rooms:
    def __init__(
        self, store: Store, clock: Clock, limits: Limits, presence: Presence, reading: Reading, lobby: str
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._presence = presence
        self._reading = reading
        self._lobby = lobby

    def create(self, actor: Actor, name: str, label: str, passwd: str) -> None:
        """Make a room that is addressed by its name; the actor owns it. With a passwd it is locked.

        Raises ROOM_NAME_INVALID, ROOM_NAME_RESERVED, ROOM_NAME_TAKEN, ROOM_LABEL_INVALID, ROOM_PASSWD_NEEDED.
        """
        if not is_name(name, NAME_MAX_CHARS):
            raise ChatError(ErrorCode.ROOM_NAME_INVALID)
        if is_reserved_room_name(name):
            raise ChatError(ErrorCode.ROOM_NAME_RESERVED, room=name)
        if not is_name(label, LABEL_MAX_CHARS):
            raise ChatError(ErrorCode.ROOM_LABEL_INVALID)
        if label == LOCKED_LABEL and not passwd:
            raise ChatError(ErrorCode.ROOM_PASSWD_NEEDED)
        _check_passwd_length(passwd)
        with self._store.read() as connection:  # before the hashing, which costs
            if connection.execute(_living_by_name(name)).first():
                raise ChatError(ErrorCode.ROOM_NAME_TAKEN, room=name)
        passwd_hash = passwords.hash_digest(passwd, for_room=True) if passwd else None
        try:
            with self._store.write() as tx:
                room_id = _insert(tx, name, label, self._clock(), passwd_hash=passwd_hash)
                self._admit(tx, room_id, actor.user_id, Role.OWNER)
        except IntegrityError:
            raise ChatError(ErrorCode.ROOM_NAME_TAKEN, room=name) from None

    def find(self, actor: Actor, *, unread: bool) -> list[RoomView]:
        """The rooms that the actor may see, joined ones first; how much is unread only where asked for."""
        if unread:
            self._reading.flush()
        with self._store.read() as connection:
            rows = connection.execute(_rooms_seen_by(actor.user_id, unread=unread).limit(LIST_CAP)).all()
        return [RoomView(**{**row._mapping, "role": Role(row.role) if row.role else None}) for row in rows]

    def join(self, actor: Actor, name: str, passwd: str) -> bool:
        """Become a member; False if the actor is one already.

        Raises ROOM_NOT_FOUND, ROOM_PASSWD_WRONG, RATE_LIMITED after too many wrong ones.
        """
        with self._store.read() as connection:
            room = _visible(connection, actor, name)
        if room.role is not None:
            return False
        self._check_passwd(actor, name, room.passwd_hash, passwd)
        try:
            with self._store.write() as tx:
                if _living(tx, room.id) is None:
                    raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=name)
                self._admit(tx, room.id, actor.user_id, Role.MEMBER)
        except IntegrityError:
            return False  # joined by another request meanwhile
        return True

    def leave(self, actor: Actor, name: str) -> None:
        """End the actor's membership. An owner passes the room on; the last one out deletes it.

        Raises ROOM_NOT_FOUND, also to those who are not in it.
        """
        with self._store.write() as tx:
            room = _joined(tx, actor, name)
            tx.execute(delete(Membership).where(Membership.room_id == room.id, Membership.user_id == actor.user_id))
            tx.emit(Event(EventKind.USER, actor.user_id))
            successor = _longest_standing(tx, room.id)
            if successor is None and not room.is_lobby:
                self._delete(tx, room.id)
            elif successor is not None and room.role == Role.OWNER:
                tx.execute(update(Membership).where(Membership.id == successor).values(role=Role.OWNER))

    def delete(self, actor: Actor, name: str, passwd: str) -> None:
        """Delete the room for all. A locked one asks for its passwd.

        Raises ROOM_NOT_FOUND, FORBIDDEN, ROOM_PASSWD_WRONG.
        """
        with self._store.read() as connection:
            room = _visible(connection, actor, name)
        require(Action.DELETE_ROOM, room.role)
        self._check_passwd(actor, name, room.passwd_hash, passwd)
        with self._store.write() as tx:
            still = _visible(tx, actor, name)  # things may have changed while the passwd was checked
            if still.id != room.id:
                raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=name)
            require(Action.DELETE_ROOM, still.role)
            self._delete(tx, room.id)

    def members(self, actor: Actor, name: str) -> list[MemberView]:
        """Who is in the room, longest-standing first. Raises ROOM_NOT_FOUND, also to those who are not in it."""
        with self._store.read() as connection:
            room = _joined(connection, actor, name)
            rows = connection.execute(
                select(User.id, User.username, User.nickname, Membership.role)
                .join(Membership, Membership.user_id == User.id)
                .where(Membership.room_id == room.id, User.deleted_at.is_(None))
                .order_by(Membership.id)
                .limit(LIST_CAP)
            ).all()
        online = self._presence.online(row.id for row in rows)
        return [MemberView(row.id, row.username, row.nickname, Role(row.role), row.id in online) for row in rows]

    def enter_lobby(self, tx: WriteTransaction, user_id: int) -> None:
        """Make a new account a member of the lobby, where there is one."""
        if not self._lobby:
            return
        room_id = tx.execute(select(Room.id).where(Room.is_lobby, Room.deleted_at.is_(None))).scalar()
        if room_id is not None:
            self._admit(tx, room_id, user_id, Role.MEMBER)

    def ensure_lobby(self) -> None:
        """Make the lobby, or rename it, as the setting says."""
        if not self._lobby:
            return
        with self._store.read() as connection:
            if connection.execute(select(Room.id).where(Room.is_lobby, Room.title == self._lobby)).first():
                return
        with self._store.write() as tx:
            room_id = tx.execute(select(Room.id).where(Room.is_lobby)).scalar()
            if room_id is None:
                # The name may be taken by a room made while there was no lobby: the naming rule gives it a number.
                draft = f"lobby {self._clock()}"
                room_id = _insert(tx, draft, "public", self._clock(), is_lobby=True)
            name = self._lobby
            taken = _living_by_name(name).where(Room.id != room_id)
            if is_reserved_room_name(name) or tx.execute(taken).first():
                name = f"{name} #{room_id}"
            tx.execute(
                update(Room).where(Room.id == room_id).values(name=name, name_key=name_key(name), title=self._lobby)
            )

    def _admit(self, tx: WriteTransaction, room_id: int, user_id: int, role: Role) -> None:
        now = self._clock()
        last_time = select(Room.last_time).where(Room.id == room_id).scalar_subquery()
        tx.execute(
            insert(Membership).values(room_id=room_id, user_id=user_id, role=role, joined_at=now, read_time=last_time)
        )
        tx.emit(Event(EventKind.USER, user_id))

    def _delete(self, tx: WriteTransaction, room_id: int) -> None:
        now = self._clock()
        tx.execute(delete(Membership).where(Membership.room_id == room_id))
        tx.execute(update(Room).where(Room.id == room_id).values(deleted_at=now))
        tx.emit(Event(EventKind.ROOM, room_id))

    def _check_passwd(self, actor: Actor, name: str, passwd_hash: str | None, passwd: str) -> None:
        if passwd_hash is None:
            return
        failures = (WRONG_PASSWDS, actor.user_id)
        with passwords.place(for_room=True):
            self._limits.check_shared(failures)
            if len(passwd) <= PASSWD_MAX_CHARS and passwords.verify(passwd_hash, passwd):
                return
            self._limits.take_shared(failures)
        raise ChatError(ErrorCode.ROOM_PASSWD_WRONG, room=name)


def _check_passwd_length(passwd: str) -> None:
    if len(passwd) > PASSWD_MAX_CHARS:
        raise ChatError(ErrorCode.FIELD_INVALID, field="passwd")


def _insert(
    tx: WriteTransaction, name: str, label: str, now: int, *, passwd_hash: str | None = None, is_lobby: bool = False
) -> int:
    row = {
        "name": name,
        "name_key": name_key(name),
        "title": name,
        "access": Access.OPEN,
        "label": label,
        "passwd_hash": passwd_hash,
        "is_lobby": is_lobby,
        "created_at": now,
    }
    return int(tx.execute(insert(Room).values(row).returning(Room.id)).scalar_one())


def _living_by_name(name: str) -> Select[Any]:
    return select(Room.id).where(Room.name_key == name_key(name), Room.deleted_at.is_(None))


def _living(connection: Connection | WriteTransaction, room_id: int) -> Any:
    return connection.execute(select(Room.id).where(Room.id == room_id, Room.deleted_at.is_(None))).first()


def _seen_by(user_id: int) -> Select[Any]:
    """Rooms with the user's membership beside them: open ones, and those the user is in."""
    return (
        select(Room.id)
        .join(Membership, and_(Membership.room_id == Room.id, Membership.user_id == user_id), isouter=True)
        .where(Room.deleted_at.is_(None), or_(Room.access == Access.OPEN, Membership.id.is_not(None)))
    )


def _visible(connection: Connection | WriteTransaction, actor: Actor, name: str) -> Any:
    """The room of that name, if the actor may see it. Raises ROOM_NOT_FOUND."""
    query = _seen_by(actor.user_id).add_columns(Membership.role, Room.passwd_hash, Room.is_lobby)
    room = connection.execute(query.where(Room.name_key == name_key(name))).first()
    if room is None:
        raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=name)
    return room


def _joined(connection: Connection | WriteTransaction, actor: Actor, name: str) -> Any:
    """The room of that name, if the actor is in it. Raises ROOM_NOT_FOUND."""
    room = _visible(connection, actor, name)
    if room.role is None:
        raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=name)
    return room


def _rooms_seen_by(user_id: int, *, unread: bool) -> Select[Any]:
    counts = (
        select(Membership.room_id, func.count().label("members"))
        .join(User, User.id == Membership.user_id)
        .where(User.deleted_at.is_(None))
        .group_by(Membership.room_id)
        .subquery()
    )
    others_after_the_mark = (
        select(func.count())
        .select_from(Message)
        .where(Message.room_id == Room.id, Message.time > Membership.read_time, Message.sender_id != user_id)
        .scalar_subquery()
    )
    query = (
        _seen_by(user_id)
        .join(counts, counts.c.room_id == Room.id, isouter=True)
        .add_columns(
            Room.name,
            Room.label,
            Room.passwd_hash.is_not(None).label("locked"),
            func.coalesce(counts.c.members, 0).label("member_count"),
            Membership.role,
            (others_after_the_mark if unread else literal(0)).label("unread"),
            Room.last_time,
        )
    )
    return query.order_by(Membership.id.is_(None), Room.id)


def _longest_standing(tx: WriteTransaction, room_id: int) -> int | None:
    """The membership that a leaving owner's room goes to: the first admin, else the first member."""
    admins_first = case((Membership.role == Role.ADMIN, 0), else_=1)
    return tx.execute(
        select(Membership.id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.room_id == room_id, User.deleted_at.is_(None))
        .order_by(admins_first, Membership.id)
        .limit(1)
    ).scalar()
