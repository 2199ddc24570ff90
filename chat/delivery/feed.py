"""Feeds: the most recent messages of each room with waiting clients, in memory."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, overload

from chat.delivery.tail import MOST_MESSAGES, Feed, Tail
from chat.models import Entry, StoredChange, StoredMessage
from chat.ports import Store
from chat.storage import timeline


class Taken(NamedTuple):
    """Which waiters have news."""

    messages: bool
    changes: bool


_MESSAGES, _CHANGES, _BOTH = Taken(True, False), Taken(False, True), Taken(True, True)


def _known(tail: Tail, time: int) -> Taken:
    """Return the news of an entry that the tail reaches: nothing, because its waiters have been notified, unless the
    feed was opened after it; waiters registered earlier have not been notified then.
    """
    return Taken(time <= tail.floor, time <= tail.changes_floor)


class Feeds:
    """The feeds of this process; the least recently used are dropped if they exceed max_bytes in total."""

    def __init__(self, store: Store, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._feeds: OrderedDict[int, Feed] = OrderedDict()
        self._cost = 0
        self.changes = 0  # the number of changes in all feeds, a cheap check before `version`

    def publish(self, message: StoredMessage, prev_time: int) -> Taken:
        """Add a committed message, if the room has a feed.

        prev_time: the room's clock before it (µs). Commits are ordered by time, calls of `publish` are not: an entry is
        appended only if it directly follows the feed's end; otherwise the range in between is fetched.
        """
        return self._publish(message, prev_time, (message,), (), _MESSAGES)

    def publish_change(self, change: StoredChange, prev_time: int) -> Taken:
        """Add a committed change in the same way."""
        return self._publish(change, prev_time, (), (change,), _CHANGES)

    def catch_up(self, room_id: int, time: int, *, is_change: bool = False) -> Taken:
        """Fetch entries up to the one with this time, a message or a change, which was stored, possibly by another
        process.
        """
        feed = self._feeds.get(room_id)
        if feed is None:
            return _CHANGES if is_change else _BOTH
        with feed.lock:
            tail = feed.tail
            if tail is None:
                return _CHANGES if is_change else _BOTH
            if tail.end >= time:
                return _known(tail, time)
            taken = self._fetch(feed, tail, time)
        self._settle(feed)
        return taken

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

    @overload
    def since(
        self, room_id: int, cursor: int, limit: int, *, changes: Literal[False] = False
    ) -> Sequence[StoredMessage]: ...
    @overload
    def since(self, room_id: int, cursor: int, limit: int, *, changes: bool) -> Sequence[Entry]: ...
    def since(self, room_id: int, cursor: int, limit: int, *, changes: bool = False) -> Sequence[Entry]:
        """Return up to `limit` messages newer than the cursor (µs), oldest first, from memory if it reaches back far
        enough. With `changes`, changes are among them.
        """
        feed = self._use(room_id)
        tail = feed.tail
        if tail is None:
            with feed.lock, self._store.read_each() as connection:
                tail = feed.tail or feed.open(*timeline.ends(connection, room_id))
            self._settle(feed)
        found = feed.since(cursor, limit, changes=changes)
        if found is None:
            with self._store.read() as connection:
                found = timeline.after(connection, room_id, cursor, limit)
                if changes:
                    found = timeline.in_order(found, timeline.changes_after(connection, room_id, cursor, limit))[:limit]
            feed.reach_back(tail, cursor, found, changes=changes)
            self._settle(feed)
        return found

    def open_at(self, positions: Iterable[tuple[int, int, int]]) -> None:
        """Open missing feeds at the rooms' clocks as just read, without a query.

        positions: room ids, with the times (µs) of the newest message and the newest change.

        The caller must read these times once more afterwards, to find messages stored before the feed was open.
        """
        for room_id, last_time, change_time in positions:
            if self.end(room_id) is None:
                feed = self._use(room_id)
                with feed.lock:
                    if feed.tail is None:
                        feed.open(last_time, change_time)
                self._settle(feed)

    @overload
    def since_in_memory(
        self, room_id: int, cursor: int, limit: int, *, changes: Literal[False] = False
    ) -> Sequence[StoredMessage] | None: ...
    @overload
    def since_in_memory(self, room_id: int, cursor: int, limit: int, *, changes: bool) -> Sequence[Entry] | None: ...
    def since_in_memory(
        self, room_id: int, cursor: int, limit: int, *, changes: bool = False
    ) -> Sequence[Entry] | None:
        """Return messages from memory without blocking; None if memory does not reach back far enough."""
        feed = self._feeds.get(room_id)
        return None if feed is None else feed.since(cursor, limit, changes=changes)

    def end(self, room_id: int) -> int | None:
        """The time (µs) up to which memory is complete; None without a feed."""
        feed = self._feeds.get(room_id)
        return None if feed is None or feed.tail is None else feed.tail.end

    def newest(self, room_id: int) -> int | None:
        """The time (µs) of the newest message in memory, or where memory begins; None without a feed."""
        feed = self._feeds.get(room_id)
        tail = None if feed is None else feed.tail
        if tail is None:
            return None
        return tail.messages[-1].time if tail.messages else tail.floor

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

    def _publish(
        self,
        entry: Entry,
        prev_time: int,
        messages: Sequence[StoredMessage],
        changes: Sequence[StoredChange],
        taken: Taken,
    ) -> Taken:
        feed = self._feeds.get(entry.room_id)
        if feed is None:
            return taken
        with feed.lock:
            tail = feed.tail
            if tail is None:
                return taken
            if entry.time <= tail.end:
                return _known(tail, entry.time)
            if prev_time == tail.end:
                feed.extend(tail, messages, changes)
            else:
                found = self._fetch(feed, tail, entry.time)
                taken = Taken(taken.messages or found.messages, taken.changes or found.changes)
        self._settle(feed)
        return taken

    def _fetch(self, feed: Feed, tail: Tail, until: int) -> Taken:
        """Fetch up to that time (µs): the rights of readers are known as of then, and no later."""
        with self._store.read() as connection:
            missing = timeline.after(connection, feed.room_id, tail.end, MOST_MESSAGES + 1)
            changes = timeline.changes_after(connection, feed.room_id, tail.end, MOST_MESSAGES + 1)
            if max(len(missing), len(changes)) > MOST_MESSAGES:
                feed.restart(
                    timeline.newest(connection, feed.room_id, MOST_MESSAGES, until + 1),
                    timeline.newest_changes(connection, feed.room_id, MOST_MESSAGES, until + 1),
                )
                return _BOTH
        missing = [message for message in missing if message.time <= until]
        changes = [change for change in changes if change.time <= until]
        if missing or changes:
            feed.extend(tail, missing, changes)
        return Taken(bool(missing), bool(changes))

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
