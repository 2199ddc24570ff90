"""Scenarios: every function starts a server of the given kind, measures, and stops it."""

import time
from dataclasses import dataclass

from bench import clients
from bench.ledger import percentile
from bench.load import Figures, Load
from bench.servers import Commonroom, Server

P99_LIMIT = 50.0  # ms
PULLS_EACH = 10


@dataclass
class Ceiling:
    """The highest rate with p99 within the limit (None: none at all), and twice that rate."""

    best: Figures | None
    overload: Figures | None

    @property
    def kept(self) -> float:
        """The share of the best rate that is still delivered when twice as much is offered."""
        return self.overload.deliveries / self.best.deliveries if self.best and self.overload else 0.0


@dataclass
class Idle:
    """Pulls held while nothing happens, then a message to some of the rooms, one after the other."""

    pulls: int
    early: int  # answered early, though nothing was there
    bytes_each: float
    cpu_share: float  # of a core
    p50: float  # ms
    slowest: float  # ms
    faults: str

    def line(self) -> str:
        return (
            f"{self.pulls} pulls held, {self.early} answered early  {self.bytes_each / 1024:.1f} KiB each  "
            f"CPU {self.cpu_share:.2%} of a core  a message: p50 {self.p50:.1f} ms, slowest {self.slowest:.1f} ms  "
            f"{self.faults and f'FAULTS: {self.faults}'}"
        )


@dataclass
class Churn:
    """Clients that hang up in mid-pull and come back."""

    clients: int
    not_served: int
    sockets_left: int
    faults: str

    def line(self) -> str:
        return (
            f"{self.clients} clients hung up and came back  {self.not_served} not served  "
            f"{self.sockets_left} sockets left  {self.faults and f'FAULTS: {self.faults}'}"
        )


def steady(kind: type[Server], rooms: int, members: int, rate: float, quick: bool) -> Figures:
    """Measure cost and latency at a rate that a server handles easily."""
    with kind(rooms, members) as server:
        load = Load(server)
        load.arrive(load.members)
        load.first_round()
        figures = load.measure(rate, 2, 3 if quick else 10)
        load.close()
    return figures


def ceiling(kind: type[Server], quick: bool) -> Ceiling:
    """10 rooms of 30 at rising rates, until p99 is past the limit; then twice the highest good one."""
    with kind(10, 30) as server:
        load = Load(server)
        load.arrive(load.members)
        load.first_round()
        rate, best = 20.0, None
        while (figures := _attempt(load, rate, quick)) is not None:
            best, rate = figures, rate * 1.5
        for _ in range(0 if best is None else 1 if quick else 3):
            between = (best.offered * rate) ** 0.5
            figures = _attempt(load, between, quick)
            best, rate = (figures, rate) if figures else (best, between)
        overload = load.measure(2 * best.offered, 0.5, 3 if quick else 5) if best else None
        load.close()
    return Ceiling(best, overload)


def _attempt(load: Load, rate: float, quick: bool) -> Figures | None:
    """The figures at this rate if they are good; a second try is given, for machines with other things to do."""
    for _ in range(2):
        figures = load.measure(rate, 0.5, 1.5 if quick else 4)
        if figures.p99 <= P99_LIMIT and figures.deliveries >= 0.9 * rate * len(load.rooms[0]):
            return figures
    return None


def idle(quick: bool) -> Idle:
    """5,000 held pulls (1,000 if quick), ten for each of 500 users in rooms of their own."""
    few, total = 200, 1000 if quick else 5000
    with Commonroom(total // PULLS_EACH, 1) as server:
        load = Load(server, clients.IdlePolling, PULLS_EACH)
        load.arrive(load.members[:few], 10)
        rss = server.rss_bytes()
        load.arrive(load.members[few:], 20)
        bytes_each = (server.rss_bytes() - rss) / (total - few)
        seconds = 5 if quick else 10
        cpu = server.cpu_seconds()
        load.reactor.run(seconds)
        share = (server.cpu_seconds() - cpu) / seconds
        early = load.ledger.empty + load.ledger.lapses
        for room in range(0, len(load.rooms), len(load.rooms) // 20):
            load.send(room)
            load.reactor.run(0.2)
        load.drain(5)
        latencies = load.ledger.latencies
        load.close()
    # Clients that were answered early do not pull again here, which is not a loss.
    faults = "" if early else load.ledger.faults
    return Idle(total, early, bytes_each, share, percentile(latencies, 0.5), percentile(latencies, 1), faults)


def churn(quick: bool) -> Churn:
    """1,000 clients in 10 rooms; half of them hang up with a FIN, half with a RST; they come back at once."""
    with Commonroom(10, 100) as server:
        load = Load(server)
        before = server.sockets()
        load.arrive(load.members, 10)
        for _ in range(2 if quick else 5):
            for number, member in enumerate(load.members):
                member.receiver.close(reset=number % 2 == 0)
                member.start()
            load.reactor.run(1)
        load.settle(10)
        for room in range(len(load.rooms)):
            load.send(room)
        load.drain(10)
        not_served = load.ledger.losses
        load.close()
        end = time.monotonic() + 10
        while (left := server.sockets() - before) > 0 and time.monotonic() < end:
            time.sleep(0.1)
    return Churn(len(load.members), not_served, max(0, left), load.ledger.faults)
