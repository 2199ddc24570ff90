"""A user's conversations: every room they are in, with its last message and the user's preferences."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select, update

from chat.models import Actor, Attachment, Friendship, Membership, Message, Room, User
from chat.ports import Store
from chat.services import access, friendships, paging
from chat.services.paging import PAGE_MAX_BYTES, WHOLE, Listed, Page
from chat.services.read_marks import UNREAD_REACH, ReadMarks, unread_count
from chat.services.room_views import IS_CURRENT, UNREAD_MOST
from chat.storage.avatars import TOTAL_MAX_BYTES, avatars_of


class ConversationView(NamedTuple):
    id: int
    name: str  # of a direct conversation: the friend's nickname
    avatar: str
    friend_id: int | None  # None unless it is a direct conversation
    last_text: str  # shortened if it is long and far down the list
    last_attachment: str | None  # of the last message, by name
    last_time: int | None  # µs; None if there are no messages
    is_pinned: bool
    may_remind: bool
    unread: int


@dataclass(frozen=True, slots=True)
class Preferences:
    unread: int  # at most UNREAD_REACH
    may_remind: bool
    is_pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPreferences:
    """Changes to preferences; None leaves a value unchanged."""

    unread: int | None = None  # mark this many of the newest messages by others as unread; at most UNREAD_REACH
    may_remind: bool | None = None
    is_pinned: bool | None = None


# 5,000 texts of 4,000 characters could take a hundred megabytes.
SHORT_CHARS = 255  # characters of the last message shown for every conversation
MOST_LONG = 250  # conversations that show a longer last message in full
LONG_AT_ONCE = 25  # of a page, which is cut by its size

# For the room in the enclosing query, as seen by its member.
_living = and_(Message.room_id == Room.id, Message.deleted_at.is_(None))
_newest_time = (
    select(Message.time).where(_living).order_by(Message.time.desc()).limit(1).correlate(Room).scalar_subquery()
)
_unread = unread_count(UNREAD_MOST)


def _is_called(actor: Actor, search: str) -> ColumnElement[bool]:
    """Whether the text is part of the room's name or, in a direct conversation, of the friend's."""
    friends = (
        select(Friendship.room_id)
        .join(User, User.id == friendships.other(actor.user_id))
        .where(friendships.of(actor.user_id), paging.matches(User.nickname_key, search))
    )
    return or_(paging.matches(Room.name_key, search), Room.id.in_(friends))


def _oldest_unread(actor: Actor, room_id: int, count: int) -> Select[tuple[int]]:
    """The time (µs) of the oldest of the `count` newest messages by others, within the room's newest UNREAD_REACH
    messages.
    """
    newest = (
        select(Message.time, Message.sender_id, Message.deleted_at)
        .where(Message.room_id == room_id)
        .order_by(Message.time.desc())
        .limit(UNREAD_REACH)
        .subquery()
    )
    others = (newest.c.sender_id != actor.user_id, newest.c.deleted_at.is_(None))
    count = max(0, min(count, UNREAD_REACH))
    unread = select(newest.c.time).where(*others).order_by(newest.c.time.desc()).limit(count).subquery()
    return select(func.min(unread.c.time))


def _long_texts(connection: Connection, message_ids: Sequence[int], page: Page) -> dict[int, str]:
    """Return the first MOST_LONG texts, or, of a page, as many as it has place for."""
    texts: dict[int, str] = {}
    step = MOST_LONG if page.limit is None else LONG_AT_ONCE
    for start in range(0, min(len(message_ids), MOST_LONG), step):
        query = select(Message.id, Message.content).where(Message.id.in_(message_ids[start : start + step]))
        texts |= {row.id: row.content for row in connection.execute(query)}
        if page.limit is not None and sum(map(len, texts.values())) > PAGE_MAX_BYTES:
            break
    return texts


def _friend_id(actor: Actor) -> ColumnElement[int | None]:
    """Of the room at hand, where it is a direct conversation."""
    return case((Friendship.id.is_not(None), friendships.other(actor.user_id)))


def _views(connection: Connection, rows: Sequence[Any], page: Page) -> list[ConversationView]:
    friend_ids, other_ids, long_ids = [], [], []
    for id_, _, friend_id, _, message_id, _, text, *_ in rows:  # a Row takes 0.3 µs to look up a column by name
        if friend_id is None:
            other_ids.append(id_)
        else:
            friend_ids.append(friend_id)
        if len(text or "") == SHORT_CHARS:
            long_ids.append(message_id)
    texts = _long_texts(connection, long_ids, page)
    faces = avatars_of(connection, User, friend_ids, TOTAL_MAX_BYTES // 2)
    signs = avatars_of(connection, Room, other_ids, TOTAL_MAX_BYTES // 2)
    return [
        ConversationView(
            id=id_,
            name=title if friend_id is None else nickname,
            avatar=signs.get(id_, "") if friend_id is None else faces.get(friend_id, ""),
            friend_id=friend_id,
            last_text=texts.get(message_id, text or ""),
            last_attachment=attachment,
            last_time=time,
            is_pinned=is_pinned,
            may_remind=may_remind,
            unread=unread,
        )
        for (
            id_, title, friend_id, nickname, message_id, time, text, attachment, is_pinned, may_remind, unread, *_
        ) in rows
    ]  # fmt: skip


class Conversations:
    def __init__(self, store: Store, reading: ReadMarks) -> None:
        self._store = store
        self._reading = reading

    def all(self, actor: Actor, page: Page = WHOLE) -> Listed[ConversationView]:
        """List conversations: pinned first, then by newest message."""
        self._reading.flush()
        is_pinned = case((Membership.is_pinned, 1), else_=0)
        newest = func.coalesce(_newest_time, Room.created_at)
        ended = select(Friendship.room_id).where(friendships.of(actor.user_id), Friendship.ended_at.is_not(None))
        wanted = (
            select(Room.id.label("room_id"))
            .join(Membership, Membership.room_id == Room.id)
            # Skips conversations with former friends until the friendship is renewed.
            .where(Membership.user_id == actor.user_id, Room.deleted_at.is_(None), IS_CURRENT, Room.id.not_in(ended))
        )
        keys = (is_pinned, newest, Room.id)
        part = paging.limited(wanted, keys, page, newest_first=True, search=partial(_is_called, actor)).subquery()
        query = (
            select(Room.id, Room.title, _friend_id(actor).label("friend_id"), User.nickname)
            .add_columns(Message.id.label("message_id"), Message.time)
            .add_columns(func.substr(Message.content, 1, SHORT_CHARS).label("text"), Attachment.name)
            .add_columns(Membership.is_pinned, Membership.may_remind, _unread)
            .add_columns(part.c.key_0, part.c.key_1, part.c.key_2)
            .join(part, part.c.room_id == Room.id)
            .join(Membership, and_(Membership.room_id == Room.id, Membership.user_id == actor.user_id))
            .join(Friendship, Friendship.room_id == Room.id, isouter=True)
            .join(User, and_(Friendship.id.is_not(None), User.id == friendships.other(actor.user_id)), isouter=True)
            .join(Message, and_(_living, Message.time == part.c.key_1), isouter=True)
            .join(Attachment, Attachment.id == Message.attachment_id, isouter=True)
            .order_by(part.c.key_0.desc(), part.c.key_1.desc(), part.c.key_2.desc())
        )
        with self._store.read() as connection:
            rows = paging.listed(connection.execute(query).all(), page, newest_first=True)
            return rows.with_entries(_views(connection, rows, page))

    def preferences(self, actor: Actor, room_id: int) -> Preferences:
        """Return the actor's preferences for a room. Raises ROOM_NOT_FOUND."""
        self._reading.flush()
        query = select(unread_count(UNREAD_REACH), Membership.may_remind, Membership.is_pinned)
        query = query.select_from(Room).join(Membership, Membership.room_id == Room.id)
        with self._store.read() as connection:
            room = access.entered(connection, actor, room_id)
            row = connection.execute(query.where(Room.id == room.id, Membership.user_id == actor.user_id)).one()
            return Preferences(*row)

    def set(self, actor: Actor, room_id: int, new: NewPreferences) -> None:
        """Change the actor's preferences for a room; the read mark may move back. Raises ROOM_NOT_FOUND."""
        self._reading.flush()  # pending read marks must not overwrite the new one
        values: dict[str, object] = {}
        if new.may_remind is not None:
            values["may_remind"] = new.may_remind
        if new.is_pinned is not None:
            values["is_pinned"] = new.is_pinned
        with self._store.write() as tx:
            room = access.entered(tx, actor, room_id, access.joined_locked)
            if new.unread is not None:
                found = tx.execute(_oldest_unread(actor, room.id, new.unread)).scalar()
                last_time = select(Room.last_time).where(Room.id == room.id).scalar_subquery()
                values["read_time"] = last_time if found is None else found - 1
            if values:
                own = (Membership.room_id == room.id, Membership.user_id == actor.user_id)
                tx.execute(update(Membership).where(*own).values(values))
