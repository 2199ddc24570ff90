"""Waiting and sending members at a given message rate, with measured figures."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from bench import clients
from bench.ledger import Ledger, percentile
from bench.servers import Server, core_seconds
from bench.wire import Reactor

OTHERS_BUSY = 0.05  # a share of the server's core from which other programs spoil the figures
GENERATOR_BUSY = 0.8  # a share of its core above which the generator may be the bottleneck


@dataclass
class Figures:
    """One measurement."""

    offered: float  # messages a second
    deliveries: float  # a second
    p50: float  # ms
    p99: float  # ms
    cpu_per_10k: float  # server CPU seconds per 10,000 deliveries
    cpu_share: float  # of the server's core
    rss: int  # bytes
    generator: float  # its share of its core
    others: float  # the server core's share used by other programs
    note: str = ""
    faults: str = ""  # losses, duplicates, disorder: must be empty
    parts: dict[str, float] = field(default_factory=dict)  # cpu_per_10k by program

    def line(self) -> str:
        """For the terminal."""
        text = (
            f"{self.offered:7.0f} msg/s {self.deliveries:8.0f} deliveries/s  p50 {self.p50:8.1f} ms  "
            f"p99 {self.p99:8.1f} ms  CPU {self.cpu_per_10k:6.2f} s/10k ({self.cpu_share:4.0%} of a core)  "
            f"RSS {self.rss / 2**20:4.0f} MiB  generator {self.generator:4.0%}"
        )
        if self.generator > GENERATOR_BUSY:
            text += "  WARNING: the generator may be the bottleneck"
        if self.others > OTHERS_BUSY:
            text += f"  WARNING: other programs took {self.others:.0%} of the server's core"
        return "  ".join(part for part in (text, self.note, self.faults and f"FAULTS: {self.faults}") if part)


def medians(several: Sequence[Figures]) -> Figures:
    """Return the median of each figure over measurements of the same programs, and all remarks."""
    numbers = {
        each.name: statistics.median(getattr(figures, each.name) for figures in several)
        for each in fields(Figures)
        if each.type in {"float", "int", float, int}
    }
    texts = {name: ", ".join(filter(None, (getattr(each, name) for each in several))) for name in ("note", "faults")}
    parts = {name: statistics.median(each.parts[name] for each in several) for name in several[0].parts}
    return Figures(**numbers, **texts, parts=parts)  # type: ignore[arg-type]


class Load:
    """All members of all rooms of one server."""

    def __init__(
        self, server: Server, member: type[clients.Member] | None = None, pulls_each: int = 1, port: int = 0
    ) -> None:
        """port: of a proxy in front of the server."""
        self.server = server
        self.reactor = Reactor()
        self.ledger = Ledger(len(server.tokens))
        make = member or server.member
        self.rooms = [
            [
                make(self.reactor, port or server.port, self.ledger, self.ledger.seat(number), room, token)
                for token in tokens
                for _ in range(pulls_each)
            ]
            for number, (room, tokens) in enumerate(server.tokens.items())
        ]
        # Everyone of the first rank, then of the second: a few at first are of many rooms.
        self.members = [member for rank in zip(*self.rooms, strict=True) for member in rank]
        self._number = 0
        self._turns = [0] * len(self.rooms)
        self._pending = 0
        self._due = 0.0

    def arrive(self, members: list[clients.Member], settle_limit: float = 3) -> None:
        """Start them, at a pace that servers can take, and wait until all are there and the server is quiet."""
        for member in members:
            member.start()
            self.reactor.run(0.002)
        self.reactor.run(60, lambda: all(member.ready for member in members))
        self.settle(settle_limit)

    def first_round(self) -> None:
        """A message to every room, unmeasured: the first pull with a cursor is new to a server, and may cost more."""
        for room in range(len(self.rooms)):
            self.send(room)
        self.drain()
        self.settle(3)

    def settle(self, limit: float) -> None:
        """Wait until the server uses less than a twentieth of its core, at most `limit` seconds."""
        end = time.monotonic() + limit
        quiet = 0
        while quiet < 2 and time.monotonic() < end:
            before = self.server.cpu_seconds()
            self.reactor.run(0.5)
            quiet = quiet + 1 if self.server.cpu_seconds() - before <= 0.025 else 0

    def offer(self, rate: float, seconds: float) -> None:
        """Send at this rate from now on for so long, while the reactor runs."""
        self._due = time.monotonic()
        stop = self._due + seconds

        def tick() -> None:
            now = time.monotonic()
            while self._due <= now and self._due < stop:
                self.send(self._number % len(self.rooms))
                self._due += 1 / rate
            if self._due < stop:
                self.reactor.later(self._due - now, tick)

        tick()

    def send(self, room: int) -> None:
        """Send one message to a room, from its next idle member."""
        number = self._number
        self._number += 1
        members = self.rooms[room]
        for _ in members:
            self._turns[room] += 1
            if members[self._turns[room] % len(members)].send(number, lambda s: self._sent(room, number, s)):
                self._pending += 1
                self.ledger.sent += 1
                return
        self.ledger.unsent += 1

    def _sent(self, room: int, number: int, status: int) -> None:
        self._pending -= 1
        if status == 200:
            self.ledger.rooms[room].acknowledged.add(number)
        elif status in (429, 503):
            self.ledger.refused += 1
        else:
            self.ledger.failed += 1

    def drain(self, limit: float = 15) -> None:
        """Until all sends are answered and all deliveries made."""
        self.reactor.run(limit, lambda: not self._pending and not self.ledger.losses)

    def measure(self, rate: float, warm: float, seconds: float) -> Figures:
        """Send at this rate, first unmeasured, then measured, then wait for the rest."""
        ledger, server = self.ledger, self.server
        before = ledger.troubles()
        self.offer(rate, warm + seconds)
        self.reactor.run(warm)
        ledger.open_window(time.monotonic_ns())
        start, delivered = time.monotonic(), ledger.delivered
        parts, core, own = server.cpu_parts(), core_seconds(), time.process_time()
        self.reactor.run(seconds)
        took, delivered = time.monotonic() - start, ledger.delivered - delivered
        used = {name: after - parts[name] for name, after in server.cpu_parts().items()}
        cpu, core, own = sum(used.values()), core_seconds() - core, time.process_time() - own
        rss = server.rss_bytes()
        self.drain()
        note = ", ".join(f"{count} {what}" for what, count in (ledger.troubles() - before).items())
        return Figures(
            offered=rate,
            deliveries=delivered / took,
            p50=percentile(ledger.latencies, 0.5),
            p99=percentile(ledger.latencies, 0.99),
            cpu_per_10k=cpu / delivered * 10_000 if delivered else float("inf"),
            parts={name: each / delivered * 10_000 for name, each in used.items()} if delivered else {},
            cpu_share=cpu / took,
            rss=rss,
            generator=own / took,
            others=max(0.0, core - cpu) / took,
            note=note,
            faults=ledger.faults,
        )

    def close(self) -> None:
        for member in self.members:
            member.close()
