"""Who got what: losses, duplicates, disorder, latencies."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

TEXT_BYTES = 64
MARK = re.compile(rb"bench:(\d{19}):(\d{8}):")


def text(sent_ns: int, number: int) -> str:
    """A message's 64 bytes: the moment that its sending began (monotonic ns), and a number of its own."""
    return f"bench:{sent_ns:019d}:{number:08d}:".ljust(TEXT_BYTES, ".")


@dataclass(slots=True)
class Seat:
    """One member (or one held pull) in one room, and how far it has got in the room's order."""

    room: "RoomLog"
    position: int = 0
    missing: set[int] = field(default_factory=set)  # numbers that were jumped over


@dataclass(slots=True)
class RoomLog:
    """A room's messages in the order in which they came out first."""

    order: list[int] = field(default_factory=list)
    index: dict[int, int] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    seats: list[Seat] = field(default_factory=list)


class Ledger:
    """The books of one server under load. A window is the time that is measured; checks hold for all time."""

    def __init__(self, rooms: int) -> None:
        self.rooms = [RoomLog() for _ in range(rooms)]
        self.sent = 0
        self.refused = 0  # answered 503 or 429
        self.failed = 0  # connection lost, or another answer
        self.unsent = 0  # no sender was free
        self.empty = 0  # pulls answered with nothing
        self.duplicates = 0
        self.disorder = 0
        self.delivered = 0  # in all
        self.lapses = 0  # pulls refused, or cut off
        self.open_window(0)

    def open_window(self, start_ns: int) -> None:
        """From here on latencies are taken, of messages sent after this moment."""
        self._start_ns = start_ns
        self.latencies: list[int] = []  # ns

    def seat(self, room: int) -> Seat:
        seat = Seat(self.rooms[room])
        self.rooms[room].seats.append(seat)
        return seat

    def receive(self, seat: Seat, body: bytes, now_ns: int) -> int:
        """Book all messages in an answer; how many there were."""
        found = MARK.findall(body)
        for sent, raw in found:
            self._book(seat, int(raw))
            sent_ns = int(sent)
            if sent_ns >= self._start_ns:
                self.latencies.append(now_ns - sent_ns)
        self.delivered += len(found)
        return len(found)

    def _book(self, seat: Seat, number: int) -> None:
        room = seat.room
        at = room.index.get(number)
        if at is None:
            at = room.index[number] = len(room.order)
            room.order.append(number)
        if at == seat.position:
            seat.position += 1
        elif at > seat.position:
            seat.missing.update(room.order[seat.position : at])
            seat.position = at + 1
        elif number in seat.missing:
            seat.missing.remove(number)
            self.disorder += 1
        else:
            self.duplicates += 1

    def troubles(self) -> Counter[str]:
        """What servers under stress may do, counted so far."""
        return Counter(
            {
                "sends refused": self.refused,
                "sends failed": self.failed,
                "sends not begun": self.unsent,
                "pulls refused or cut off": self.lapses,
            }
        )

    @property
    def losses(self) -> int:
        """Deliveries still outstanding, of messages that were acknowledged or reached anybody."""
        lost = 0
        for room in self.rooms:
            unseen = sum(number not in room.index for number in room.acknowledged)
            lost += unseen * len(room.seats)
            lost += sum(len(room.order) - seat.position + len(seat.missing) for seat in room.seats)
        return lost

    @property
    def faults(self) -> str:
        """Describe losses, duplicates and disorder; empty without any."""
        counts = {"losses": self.losses, "duplicates": self.duplicates, "out of order": self.disorder}
        found = [f"{count} {what}" for what, count in counts.items() if count]
        lacking = self._lacking()
        return ", ".join([*found, f"of messages {min(lacking)} to {max(lacking)}"] if lacking else found)

    def _lacking(self) -> set[int]:
        """Numbers of the messages that have not reached everybody."""
        found = {number for room in self.rooms for number in room.acknowledged if number not in room.index}
        for room in self.rooms:
            for seat in room.seats:
                found.update(room.order[seat.position :], seat.missing)
        return found


def percentile(values: Sequence[float], share: float, *, of_ms: float = 1e6) -> float:
    """In ms. of_ms: how many of the values' units are one, as of ns. Infinite for an empty list."""
    if not values:
        return float("inf")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / of_ms
