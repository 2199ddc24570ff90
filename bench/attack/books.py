"""Messages sent and received by the class: latencies, losses, duplicates."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench import ledger

INTRUSION = "from a page of another site"  # must reach nobody
MARK = re.compile(r"attack:(\d{8}):")


def words(number: int) -> str:
    """The text of a message, with its number in it."""
    return f"attack:{number:08d}: may I ask something?"


@dataclass
class Phase:
    """The figures of one stretch of time; latencies in seconds."""

    sends: list[float] = field(default_factory=list)
    deliveries: list[float] = field(default_factory=list)
    by_protocol: dict[str, list[float]] = field(default_factory=dict)  # the deliveries again
    lateness: list[float] = field(default_factory=list)  # of the class's own clock: part of all latencies above
    refused: int = 0  # sends that were not acknowledged
    lapses: int = 0  # connections of the class that broke
    intrusions: int = 0  # messages that a page of another site sent


class Books:
    """One for the whole run. A message belongs to the phase in which its sending began."""

    def __init__(self, protocols: Iterable[str]) -> None:
        """protocols: one for each member."""
        self._protocols = list(protocols)
        self.phase = Phase()
        self._next = 0
        self._began: dict[int, tuple[float, Phase]] = {}
        self._acknowledged: set[int] = set()
        self._received: list[set[int]] = [set() for _ in self._protocols]
        self.duplicates = 0

    def begin(self, now: float) -> int:
        """The number of a new message whose sending begins now (monotonic s)."""
        self._next += 1
        self._began[self._next] = (now, self.phase)
        return self._next

    def acknowledge(self, number: int, now: float) -> None:
        began, phase = self._began[number]
        phase.sends.append(now - began)
        self._acknowledged.add(number)

    def refuse(self, number: int) -> None:
        self._began[number][1].refused += 1

    def receive(self, member: int, text: str, now: float, *, again: bool = False) -> None:
        """A message reached a member; again: by a way that may show it more than once."""
        found = MARK.match(text)
        if found is None:
            self.phase.intrusions += text == INTRUSION
            return
        number = int(found[1])
        if number in self._received[member]:
            self.duplicates += not again
            return
        self._received[member].add(number)
        began, phase = self._began[number]
        phase.deliveries.append(now - began)
        phase.by_protocol.setdefault(self._protocols[member], []).append(now - began)

    @property
    def acknowledged(self) -> frozenset[int]:
        return frozenset(self._acknowledged)

    @property
    def outstanding(self) -> int:
        """Deliveries of acknowledged messages that have not been made."""
        return sum(len(self._acknowledged - received) for received in self._received)


def percentile(values: list[float], share: float) -> float:
    """In ms, of seconds; infinite for an empty list."""
    return ledger.percentile(values, share, of_ms=1e-3)
