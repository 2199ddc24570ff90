"""The tail of one room's timeline, in memory."""

import itertools
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, NamedTuple

from chat.models import ChangeKind, Entry, StoredChange, StoredMessage
from chat.storage.extras import with_reaction
from chat.storage.timeline import in_order

MOST_MESSAGES = 256  # a room; and as many changes
_EMPTY_FEED_COST = 1024  # bytes, about
OF_TEXT = frozenset({ChangeKind.EDITED, ChangeKind.DELETED})
OF_CONTENT = OF_TEXT | {ChangeKind.REACTIONS}  # of the content of a message
_time = attrgetter("time")
_versions = itertools.count(1)


class Tail(NamedTuple):
    """All messages of a room with floor < time <= end (µs), and all changes with changes_floor < time <= end.

    Immutable, so readers need no lock. The changes have been applied to the messages.
    """

    floor: int
    end: int
    messages: tuple[StoredMessage, ...]
    version: int  # grows with each change
    changes_floor: int
    changes: tuple[StoredChange, ...] = ()


class Feed:
    """The tail of one room, with the state needed to keep it complete."""

    def __init__(self, room_id: int, max_bytes: int) -> None:
        self.room_id = room_id
        self._max_bytes = max_bytes
        self.lock = threading.Lock()  # held for changes and during a fetch, so that no entry is missed in between
        self.tail: Tail | None = None  # None until opened
        self.cost = self.counted = _EMPTY_FEED_COST  # counted: the part included in the total of Feeds

    def open(self, last_time: int, change_time: int = 0) -> Tail:
        """Start empty, where the room's clock is: the times (µs) of its newest message and of its newest change."""
        self.tail = Tail(last_time, max(last_time, change_time), (), next(_versions), change_time)
        return self.tail

    def extend(self, tail: Tail, messages: Sequence[StoredMessage], changes: Sequence[StoredChange] = ()) -> None:
        """Append messages and changes that directly follow the tail's end."""
        floor, held = tail.floor, (*tail.messages, *messages)
        self.cost += sum(map(message_cost, messages))
        end = messages[-1].time if messages else tail.end
        changes_floor, held_changes = tail.changes_floor, tail.changes
        if changes:
            end = max(end, changes[-1].time)
            for change in changes:
                held = self._changed(held, change)
                held_changes = _with(held_changes, change)
            if len(held_changes) > MOST_MESSAGES:
                changes_floor = held_changes[-MOST_MESSAGES - 1].time
                held_changes = held_changes[-MOST_MESSAGES:]
            self.cost += sum(map(message_cost, held_changes)) - sum(map(message_cost, tail.changes))
        dropped = 0
        while len(held) - dropped > MOST_MESSAGES or (self.cost > self._max_bytes and dropped < len(held)):
            floor = held[dropped].time
            self.cost -= message_cost(held[dropped])
            dropped += 1
        self.tail = Tail(floor, end, held[dropped:], next(_versions), changes_floor, held_changes)

    def renew_sender(self, tail: Tail, user_id: int, shown: dict[str, Any]) -> None:
        """Update the user's data in their messages and changes."""
        old = [message for message in tail.messages if message.sender_id == user_id]
        if old or any(_names(change, user_id) for change in tail.changes):
            new = {message.time: replace(message, **shown, encoded={}) for message in old}
            self.cost += sum(map(message_cost, new.values())) - sum(map(message_cost, old))
            held = tuple(new.get(message.time, message) for message in tail.messages)
            changes = tuple(
                _renamed(change, user_id, shown["username"]) if _names(change, user_id) else change
                for change in tail.changes
            )
            self.tail = tail._replace(messages=held, changes=changes, version=next(_versions))

    def restart(self, messages: Sequence[StoredMessage], changes: Sequence[StoredChange]) -> None:
        """Hold only these, the newest of the room: the gap to the previous ones is too large.

        Fewer than MOST_MESSAGES are all that exist.
        """
        self.cost = _EMPTY_FEED_COST
        floor, changes_floor = (
            entries[0].time - 1 if len(entries) == MOST_MESSAGES else 0 for entries in (messages, changes)
        )
        self.extend(Tail(floor, 0, (), 0, changes_floor), messages, changes)

    def reach_back(self, tail: Tail, cursor: int, found: Sequence[Entry], *, changes: bool) -> None:
        """Extend the tail back to the cursor if the database, queried with this tail, has no entries in between.

        This happens when messages were deleted; without it, every reader at that cursor would query the database each
        time.
        """
        with self.lock:
            now = self.tail
            if now is None or (now.floor, now.changes_floor) != (tail.floor, tail.changes_floor):
                return
            first = found[0].time if found else now.end + 1
            if cursor < now.floor < first:
                now = now._replace(floor=cursor, version=next(_versions))
            if changes and cursor < now.changes_floor < first:
                now = now._replace(changes_floor=cursor, version=next(_versions))
            self.tail = now

    def since(self, cursor: int, limit: int, *, changes: bool = False) -> Sequence[Entry] | None:
        """Return up to `limit` messages newer than the cursor (µs), oldest first; None if the feed does not reach back
        far enough. With `changes`, changes are among them.
        """
        tail = self.tail
        if tail is None or cursor < tail.floor or (changes and cursor < tail.changes_floor):
            return None
        if cursor >= tail.end:
            return ()
        first = bisect_right(tail.messages, cursor, key=_time)
        found = tail.messages[first : first + limit]
        if changes and tail.changes:
            first = bisect_right(tail.changes, cursor, key=_time)
            return in_order(found, tail.changes[first : first + limit])[:limit]
        return found

    def _changed(self, held: tuple[StoredMessage, ...], change: StoredChange) -> tuple[StoredMessage, ...]:
        """Apply the change to the messages."""
        if change.kind not in OF_CONTENT:
            return held
        at = bisect_left(held, change.message_time, key=_time)
        if at == len(held) or held[at].time != change.message_time:
            return held
        message = held[at]
        new: tuple[StoredMessage, ...] = ()
        if change.kind is ChangeKind.EDITED:
            mentions: dict[str, Any] = {"mentions": change.mentions, "mentions_all": change.mentions_all}
            new = (replace(message, content=change.content, edited_at=change.time, **mentions, encoded={}),)
        elif change.kind is ChangeKind.REACTIONS:
            reactions = with_reaction(message.reactions, change.emoji, change.username, change.is_on)
            new = (replace(message, reactions=reactions, encoded={}),)
        self.cost += sum(map(message_cost, new)) - message_cost(held[at])
        return (*held[:at], *new, *held[at + 1 :])


def message_cost(entry: Entry) -> int:
    """Return the approximate bytes an entry occupies with its encoded forms (a picture's Base64, twice)."""
    cost = 1024 + 6 * len(entry.content) + 4 * len(entry.avatar) + entry.attachment_size * 8 // 3
    return cost + 512 * len(entry.members) if isinstance(entry, StoredChange) else cost


def _names(change: StoredChange, user_id: int) -> bool:
    return change.actor_id == user_id or any(member.user_id == user_id for member in change.members)


def _renamed(change: StoredChange, user_id: int, username: str) -> StoredChange:
    """Return the change with the new username of a user that it names."""
    members = tuple(
        member._replace(username=username) if member.user_id == user_id else member for member in change.members
    )
    actor = username if change.actor_id == user_id else change.username
    return replace(change, username=actor, members=members, encoded={})


def _with(held: tuple[StoredChange, ...], change: StoredChange) -> tuple[StoredChange, ...]:
    """Append a change. Earlier edits of the same message get its current text."""
    edited = ChangeKind.EDITED
    if change.kind in OF_TEXT and any(each.message_id == change.message_id and each.kind is edited for each in held):
        held = tuple(
            replace(each, content=change.content, encoded={})
            if each.message_id == change.message_id and each.kind is edited
            else each
            for each in held
        )
    return (*held, change)
