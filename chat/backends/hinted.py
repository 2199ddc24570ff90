"""Messages inside hints, so that other processes need not read them from the database (decision 0185)."""

import json
import logging
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from chat.models import Event, EventKind, MessageType, StoredMessage

log = logging.getLogger(__name__)
MESSAGE_MAX_BYTES = 4096  # longer ones, say with an avatar in them, are read from the database
HINT_MAX_BYTES = 7900  # NOTIFY takes less than 8,000
MOST_DUE = 1000  # messages; of more, others read from the database
_LOOK = ""
_FIELDS = [each.name for each in fields(StoredMessage) if each.name != "encoded"]
_TYPE, _REACTIONS, _MENTIONS = map(_FIELDS.index, ("type", "reactions", "mentions"))
_VERSION = zlib.crc32(",".join(_FIELDS).encode())  # hints of other fields are not understood


def encode(events: Iterable[Event]) -> list[str] | None:
    """Return a text for each of a commit's events. None: they are not all short messages, so processes must look."""
    found = []
    for event in events:
        if event.kind is not EventKind.MESSAGE or event.message is None:
            return None
        values = [getattr(event.message, name) for name in _FIELDS]
        text = json.dumps([_VERSION, event.prev_time, event.rights_version, *values], separators=(",", ":"))
        if len(text) > MESSAGE_MAX_BYTES:
            return None
        found.append(text)
    return found


def heard_events(text: str) -> Sequence[Event]:
    """Return the events of a hint that was heard; none: look for them."""
    try:
        return decode(text) if text else ()
    except ValueError as error:
        log.info("a hint is taken as a wish to look: %s", error)
        return ()


def decode(text: str) -> list[Event]:
    """Return the events of a hint. Raises ValueError, also for the hint of a version with other fields."""
    try:
        return [_event(*given) for given in json.loads(text)]
    except TypeError as error:
        raise ValueError("not a hint of this version") from error


def _event(version: int, prev_time: int, rights_version: int, *values: Any) -> Event:
    if version != _VERSION or len(values) != len(_FIELDS):
        raise ValueError("a hint of other fields")
    row = list(values)
    row[_TYPE], row[_REACTIONS], row[_MENTIONS] = MessageType(row[_TYPE]), (), tuple(row[_MENTIONS])
    stored = StoredMessage(*row)
    return Event(EventKind.MESSAGE, stored.room_id, stored.time, stored, prev_time, rights_version=rights_version)


def joined(texts: Sequence[str]) -> Iterator[str]:
    """Join texts of `encode` to few hints."""
    part: list[str] = []
    size = 0
    for text in texts:
        if part and size + len(text) > HINT_MAX_BYTES:
            yield f"[{','.join(part)}]"
            part, size = [], 0
        part.append(text)
        size += len(text) + 2
    if part:
        yield f"[{','.join(part)}]"


class Outbox:
    """News that a process is about to send to the others. From any thread."""

    def __init__(self) -> None:
        self._due: deque[str] = deque(maxlen=MOST_DUE + 1)

    def add(self, events: Sequence[Event]) -> None:
        """Tell of a commit."""
        texts = encode(events)
        self._due.extend([_LOOK] if texts is None else texts)

    def look(self) -> None:
        """Have the others look."""
        self._due.append(_LOOK)

    def take(self) -> list[str]:
        """Return the hints that are due; an empty one asks to look."""
        due = [self._due.popleft() for _ in range(len(self._due))]
        if len(due) > MOST_DUE:
            return [_LOOK]
        return [*joined([text for text in due if text != _LOOK]), *([_LOOK] if _LOOK in due else [])]
