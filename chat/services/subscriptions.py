"""Subscriptions: new messages for one reader, in one room or all of theirs, while a socket is open."""

import sys
from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select

from chat.delivery import Key
from chat.errors import ChatError, ErrorCode
from chat.models import ROOM_SIGNALS, Actor, Event, Membership, Room, StoredMessage
from chat.ports import Moment
from chat.services.readers import Reader, Sources, not_woken, stored_by

LOOK_MOST = 64  # messages per look
MOST = 1_000_000  # sockets; file descriptors run out first
_rooms_of_member = (
    select(Room.id, Room.name, Room.last_time, Membership.id.label("membership_id"), Membership.read_time)
    .add_columns(Room.change_time)
    .join(Membership, Membership.room_id == Room.id)
    .where(Membership.user_id == bindparam("user"), Room.deleted_at.is_(None))
    .order_by(Membership.id)  # without the cap on lists, because rooms beyond it would never be pushed
)
_room_of_member = _rooms_of_member.where(Room.id == bindparam("room"))


class _Followed:
    """A followed room: its name, the membership, and the time (µs) of the last message taken."""

    __slots__ = ("cursor", "membership_id", "name")

    def __init__(self, membership_id: int, cursor: int) -> None:
        self.membership_id = membership_id
        self.cursor = cursor
        self.name = ""


NOWHERE: Mapping[int, int] = {}  # no room's time is known


class Subscription(Reader[list[StoredMessage]]):
    """A reader of one room, or of all of the actor's rooms. `leave_out` and `close` may be called at any time."""

    __slots__ = ("_followed", "_left_out", "_only", "_signals_from", "_since", "most")

    def __init__(self, sources: Sources, actor: Actor, only: int | None) -> None:
        super().__init__(sources, actor, [("user", actor.user_id)], not_woken)
        self.most = LOOK_MOST
        self._only = only
        self._followed: dict[int, _Followed] = {}
        self._left_out: set[int] | None = None  # message ids
        self._signals_from: Moment | None = None  # signals committed by then are not delivered
        self._since: Mapping[int, int] | None = None  # where to begin, until then

    def room_name(self, room_id: int) -> str:
        """The name of a followed room; "" for another room."""
        followed = self._followed.get(room_id)
        return followed.name if followed else ""

    def _in_memory(self) -> list[StoredMessage] | None:
        """Return about `most` new messages."""
        feeds = self._sources.hub.feeds
        found: list[StoredMessage] = []
        for room_id, followed in self._followed.items():
            newest = feeds.newest(room_id)
            if newest is not None and newest <= followed.cursor:
                continue
            messages = feeds.since_in_memory(room_id, followed.cursor, self.most - len(found))
            if messages is None:
                return None
            found += messages
            if len(found) >= self.most:
                break
        return found

    def _in_database(self) -> list[StoredMessage]:
        """Return about `most` new messages. Rooms joined meanwhile are followed from the time of joining.

        Raises ROOM_NOT_FOUND if a single room is followed and the reader is no longer in it.
        """
        since, self._since = self._since, None
        if since is not None and self.signals is not None:
            self._signals_from = self._sources.store.moment()
        feeds = self._sources.hub.feeds
        found: list[StoredMessage] = []
        for room_id, _, last_time, *_ in self._resolve(since):
            cursor = self._followed[room_id].cursor
            # Also if this only reopens a dropped feed: the next message is then found in memory.
            if (last_time > cursor or feeds.end(room_id) is None) and len(found) < self.most:
                found += stored_by(last_time, feeds.since(room_id, cursor, self.most - len(found)))
        return found

    def take(self, message: StoredMessage) -> bool:
        """Advance past a message that was found. Returns whether to deliver it to this reader."""
        followed = self._followed.get(message.room_id)
        if followed is None or message.time <= followed.cursor:
            return False
        followed.cursor = message.time
        if self._left_out and message.id in self._left_out:
            self._left_out.discard(message.id)
            return False
        return True

    def concerns(self, signal: Event) -> bool:
        """Whether to deliver a signal: it is about the reader or one of their rooms, and was emitted after the
        subscription.
        """
        if self._signals_from is not None and self._signals_from.shows(signal):
            return False
        if signal.kind in ROOM_SIGNALS:
            return signal.subject_id in self._followed
        return signal.subject_id == self.actor.user_id

    def leave_out(self, message: StoredMessage) -> None:
        """Do not push this message, because the reader received it otherwise. Call it before the next look."""
        followed = self._followed.get(message.room_id)
        if followed is not None and message.time > followed.cursor:
            self._left_out = self._left_out or set()
            self._left_out.add(message.id)

    def cursor(self, room_id: int) -> int | None:
        """The time (µs) of the last message taken in a followed room; None for another room."""
        followed = self._followed.get(room_id)
        return followed.cursor if followed else None

    def is_past(self, message: StoredMessage) -> bool:
        """Whether no further look will find the message. Like `leave_out`, call it before the next look."""
        followed = self._followed.get(message.room_id)
        return followed is not None and message.time <= followed.cursor

    def close(self) -> None:
        """End the subscription. Call it once; a look in progress is safe."""
        super().close()
        self._sources.presence.wait_ended(self.actor.session_id)

    def begin(self, since: Mapping[int, int]) -> None:
        """Follow the rooms from these times (µs, by membership) on, and rooms without one from now on."""
        self._since = since
        self.start(MOST)  # the first look finds its news again
        self._sources.presence.wait(self.actor.session_id, self.actor.user_id)

    def _resolve(self, since: Mapping[int, int] | None = None) -> list[Any]:
        """Resolve the reader's rooms through their memberships, after the waiter is registered for all of them.

        `since`: where to begin, on the first call. Rows are unpacked because a column read by name takes 0.3 µs, and
        some readers have thousands of rooms.
        """
        while True:
            rows = self._read()
            keys: list[Key] = [("user", self.actor.user_id), *(("room", row[0]) for row in rows)]
            is_new = set(keys) != set(self.keys)
            for room_id, name, last_time, membership_id, read_time, _ in rows:
                followed = self._followed.get(room_id)
                # A different membership: the reader left and joined again. Joining set the read mark to the room's last
                # message.
                if followed is None or followed.membership_id != membership_id:
                    cursor = read_time if since is None else since.get(membership_id, last_time)
                    followed = self._followed[room_id] = _Followed(membership_id, cursor)
                followed.name = sys.intern(name)  # one string shared by all readers of the room
            for room_id in self._followed.keys() - {row[0] for row in rows}:
                del self._followed[room_id]
            if not is_new:
                return rows
            if since is not None:
                # Open the feeds so that the next message is found in memory. The rooms are read once more afterwards,
                # which finds messages that arrived before the feeds were open.
                self._sources.hub.feeds.open_at((row[0], row[2], row[5]) for row in rows)
            # Messages stored between the reading and this point wake nobody; the second reading finds them.
            self._sources.hub.notifier.change(self, keys)
            if not self.keys:
                return rows  # closed meanwhile

    def _read(self) -> list[Any]:
        with self._sources.store.read_each() as connection:
            if self._only is None:
                return list(connection.execute(_rooms_of_member, {"user": self.actor.user_id}).all())
            values = {"user": self.actor.user_id, "room": self._only}
            rows = list(connection.execute(_room_of_member, values).all())
        if not rows:
            raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=str(self._only))
        return rows


class Subscriptions:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def open(
        self,
        actor: Actor,
        room_id: int | None = None,
        *,
        signals: bool = False,
        since: Mapping[int, int] = NOWHERE,
    ) -> Subscription:
        """Follow one or all of the actor's rooms and mark the actor as online, until `close`.

        It keeps signals, if `signals`. Set `wake` before the first look, as news may have come. `since`: times (µs) of
        the last messages that are not wanted, by membership; now for others.

        Raises NOT_SIGNED_IN, ROOM_NOT_FOUND (the actor is not in the single room), UNAVAILABLE.
        """
        subscription = Subscription(self._sources, actor, room_id)
        subscription.signals = [] if signals else None
        subscription.begin(since)
        return subscription
