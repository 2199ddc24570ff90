"""Feeds: the most recent messages of each room with waiting clients, in memory."""

import itertools
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, NamedTuple

from chat.models import StoredMessage
from chat.ports import Store
from chat.storage import timeline

MOST_MESSAGES = 256  # per room
_EMPTY_FEED_COST = 1024  # approximate bytes
_time = attrgetter("time")
_versions = itertools.count(1)


class Tail(NamedTuple):
    """All messages of a room with floor < time <= end (µs). Immutable, so readers need no lock."""

    floor: int
    end: int
    messages: tuple[StoredMessage, ...]
    version: int  # increases with each change


class Feed:
    """The tail of one room, with the state needed to keep it complete."""

    def __init__(self, room_id: int, max_bytes: int) -> None:
        self.room_id = room_id
        self._max_bytes = max_bytes
        self.lock = threading.Lock()  # held for changes and during a fetch, so that no message is missed in between
        self.tail: Tail | None = None  # None until opened
        self.deleted: set[int] = set()  # times beyond the tail's end of messages that are already deleted
        self.cost = self.counted = _EMPTY_FEED_COST  # counted: the part included in the total of Feeds

    def open(self, last_time: int) -> Tail:
        """Start empty, at the room's current position."""
        self.tail = Tail(last_time, last_time, (), next(_versions))
        return self.tail

    def extend(self, tail: Tail, messages: Sequence[StoredMessage]) -> None:
        """Append messages that directly follow the tail's end."""
        end = messages[-1].time
        if self.deleted:
            messages = [message for message in messages if message.time not in self.deleted]
            self.deleted = {time for time in self.deleted if time > end}
        floor, held = tail.floor, (*tail.messages, *messages)
        self.cost += sum(map(message_cost, messages))
        dropped = 0
        while len(held) - dropped > MOST_MESSAGES or (self.cost > self._max_bytes and dropped < len(held)):
            floor = held[dropped].time
            self.cost -= message_cost(held[dropped])
            dropped += 1
        self.tail = Tail(floor, end, held[dropped:], next(_versions))

    def remove(self, tail: Tail, time: int) -> None:
        """Remove the message with this time (µs), also if it is not published yet."""
        if time > tail.end:
            self.deleted.add(time)
            return
        kept = tuple(message for message in tail.messages if message.time != time)
        self.cost -= sum(message_cost(message) for message in tail.messages if message.time == time)
        self.tail = Tail(tail.floor, tail.end, kept, next(_versions))

    def renew_sender(self, tail: Tail, user_id: int, shown: dict[str, Any]) -> None:
        """Update the sender's data in the user's messages."""
        old = [message for message in tail.messages if message.sender_id == user_id]
        if old:
            new = {message.time: replace(message, **shown, encoded={}) for message in old}
            self.cost += sum(map(message_cost, new.values())) - sum(map(message_cost, old))
            held = tuple(new.get(message.time, message) for message in tail.messages)
            self.tail = Tail(tail.floor, tail.end, held, next(_versions))

    def restart(self, messages: Sequence[StoredMessage]) -> None:
        """Hold only these messages, the newest of the room: the gap to the previous ones is too large."""
        self.cost = _EMPTY_FEED_COST
        before = messages[0].time - 1
        self.extend(Tail(before, before, (), 0), messages)

    def reach_back(self, floor: int, cursor: int, found: Sequence[StoredMessage]) -> None:
        """Extend the tail back to the cursor if the database, queried with this floor, has no messages in between.

        This happens when messages were deleted; without it, every reader at that cursor would query the database each
        time.
        """
        with self.lock:
            tail = self.tail
            if tail is not None and tail.floor == floor > cursor and not (found and found[0].time <= floor):
                self.tail = tail._replace(floor=cursor, version=next(_versions))

    def since(self, cursor: int, limit: int) -> Sequence[StoredMessage] | None:
        """Return up to `limit` messages newer than the cursor (µs), oldest first; None if the feed does not reach back
        far enough.
        """
        tail = self.tail
        if tail is None or cursor < tail.floor:
            return None
        if cursor >= tail.end:
            return ()
        first = bisect_right(tail.messages, cursor, key=_time)
        return tail.messages[first : first + limit]


def message_cost(message: StoredMessage) -> int:
    """Return the approximate bytes a message occupies with its encoded forms (a picture's Base64, twice)."""
    return 1024 + 6 * len(message.content) + 4 * len(message.avatar) + message.attachment_size * 8 // 3


class Feeds:
    """The feeds of this process; the least recently used are dropped if they exceed max_bytes in total."""

    def __init__(self, store: Store, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._feeds: OrderedDict[int, Feed] = OrderedDict()
        self._cost = 0
        self.changes = 0  # the number of changes in all feeds, a cheap check before `version`

    def publish(self, message: StoredMessage, prev_time: int) -> None:
        """Add a message that this process has just committed, if the room has a feed.

        Commits are ordered by time, calls of `publish` are not: a message is appended only if it directly follows the
        feed's end; otherwise the range in between is fetched.
        """
        feed = self._feeds.get(message.room_id)
        if feed is None:
            return
        with feed.lock:
            tail = feed.tail
            if tail is None or message.time <= tail.end:
                return
            if prev_time == tail.end:
                feed.extend(tail, (message,))
            else:
                self._fetch(feed, tail)
        self._settle(feed)

    def catch_up(self, room_id: int, time: int) -> bool:
        """Fetch messages up to the one with this time, which was stored, possibly by another process.

        Returns False if the feed already contained it, so its waiters have been notified. If the feed was opened after
        that message, waiters registered earlier have not been notified: returns True.
        """
        feed = self._feeds.get(room_id)
        if feed is None:
            return True
        with feed.lock:
            tail = feed.tail
            if tail is None:
                return True
            if tail.end >= time:
                return time <= tail.floor
            self._fetch(feed, tail)
        self._settle(feed)
        return True

    def remove(self, room_id: int, time: int) -> None:
        """Remove a deleted message, by its time (µs), from memory."""
        feed = self._feeds.get(room_id)
        if feed is None:
            return
        with feed.lock:
            if feed.tail is not None:
                feed.remove(feed.tail, time)
        self._settle(feed)

    def renew_sender(self, user_id: int) -> None:
        """Update a user's changed name or avatar in memory."""
        with self._store.read() as connection:
            shown = timeline.sender(connection, user_id)
        with self._lock:
            feeds = list(self._feeds.values())
        for feed in feeds:
            with feed.lock:
                if feed.tail is not None:
                    feed.renew_sender(feed.tail, user_id, shown)
            self._settle(feed)

    def since(self, room_id: int, cursor: int, limit: int) -> Sequence[StoredMessage]:
        """Return up to `limit` messages newer than the cursor (µs), oldest first, from memory if it reaches back far
        enough.
        """
        feed = self._use(room_id)
        tail = feed.tail
        if tail is None:
            with feed.lock, self._store.read() as connection:
                tail = feed.tail or feed.open(timeline.last_time(connection, room_id))
            self._settle(feed)
        found = feed.since(cursor, limit)
        if found is None:
            with self._store.read() as connection:
                found = timeline.after(connection, room_id, cursor, limit)
            feed.reach_back(tail.floor, cursor, found)
            self._settle(feed)
        return found

    def open_at(self, positions: Iterable[tuple[int, int]]) -> None:
        """Open missing feeds at the rooms' last times (µs) as just read, without a query.

        The caller must read these times once more afterwards, to find messages stored before the feed was open.
        """
        for room_id, last_time in positions:
            if self.end(room_id) is None:
                feed = self._use(room_id)
                with feed.lock:
                    if feed.tail is None:
                        feed.open(last_time)
                self._settle(feed)

    def since_in_memory(self, room_id: int, cursor: int, limit: int) -> Sequence[StoredMessage] | None:
        """Return messages from memory without blocking; None if memory does not reach back far enough."""
        feed = self._feeds.get(room_id)
        return None if feed is None else feed.since(cursor, limit)

    def end(self, room_id: int) -> int | None:
        """The time (µs) up to which memory is complete; None without a feed."""
        feed = self._feeds.get(room_id)
        return None if feed is None or feed.tail is None else feed.tail.end

    def version(self, room_ids: Iterable[int]) -> int | None:
        """A number that is constant while the feeds of these rooms do not change; None if one is not in memory."""
        total = 0  # a sum rather than a maximum: of two concurrent changes, the later one may have the lower version
        for room_id in room_ids:
            feed = self._feeds.get(room_id)
            tail = None if feed is None else feed.tail
            if tail is None:
                return None
            total += tail.version
        return total

    def forget(self) -> None:
        """Drop all feeds; they are opened again on demand."""
        with self._lock:
            self._feeds.clear()
            self._cost = 0
            self.changes += 1

    def cost(self) -> int:
        """Approximate bytes held."""
        return self._cost

    def _use(self, room_id: int) -> Feed:
        with self._lock:
            feed = self._feeds.get(room_id)
            if feed is None:
                feed = self._feeds[room_id] = Feed(room_id, self._max_bytes // 4)
                self._cost += feed.counted
                self._evict()
            self._feeds.move_to_end(room_id)
            return feed

    def _fetch(self, feed: Feed, tail: Tail) -> None:
        with self._store.read() as connection:
            missing = timeline.after(connection, feed.room_id, tail.end, MOST_MESSAGES + 1)
            if len(missing) > MOST_MESSAGES:
                feed.restart(timeline.newest(connection, feed.room_id, MOST_MESSAGES))
                return
        if missing:
            feed.extend(tail, missing)

    def _settle(self, feed: Feed) -> None:
        with self._lock:
            self.changes += 1
            if self._feeds.get(feed.room_id) is not feed:
                return  # dropped meanwhile
            self._cost += feed.cost - feed.counted
            feed.counted = feed.cost
            self._evict()

    def _evict(self) -> None:
        while self._cost > self._max_bytes and len(self._feeds) > 1:
            _, dropped = self._feeds.popitem(last=False)
            self._cost -= dropped.counted
            self.changes += 1
