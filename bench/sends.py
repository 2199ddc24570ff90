"""Sending without waiting clients: the cost of storing a message, and of durability."""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from bench.ledger import percentile, text
from bench.load import OTHERS_BUSY, Figures, Load
from bench.servers import Bare, Commonroom, FullSync, Server, core_seconds
from bench.wire import Connection, Reactor, head, post

MANY = 20  # senders, two in each room
_ROOMS = 10


class Sender:
    """One connection that sends to one room; with `on`, each message as soon as the last one is answered."""

    def __init__(self, reactor: Reactor, port: int, room: str, token: str, target: str = "/chat/send") -> None:
        self._connection = Connection(reactor, port, self._answered, self._lost)
        self._head = head("POST", target, {"Authorization": token, "Content-Type": "application/json"})
        self._room = room
        self._began = 0
        self.number = 0
        self.on = False
        self.latencies: list[int] = []  # ns, from the request to its answer
        self.failed = 0

    @property
    def busy(self) -> bool:
        return self._connection.busy

    def send(self) -> None:
        """One message. Not while `busy`."""
        self.number += 1
        self._began = time.monotonic_ns()
        message = {"type": "text", "content": text(self._began, self.number)}
        body = {"roomname": self._room, "new_message": message}
        self._connection.request(post(self._head, json.dumps(body).encode()))

    def close(self) -> None:
        self._connection.close()

    def _answered(self, status: int, _body: bytes, now_ns: int) -> None:
        if status == 200:
            self.latencies.append(now_ns - self._began)
        else:
            self.failed += 1
        if self.on:
            self.send()

    def _lost(self) -> None:
        self.failed += 1


@dataclass
class Sends:
    """Senders who each send as soon as the last message is answered."""

    senders: int
    rate: float  # stored a second
    p50: float  # ms, from the request to its answer
    p99: float
    cpu_ms: float  # of all of the server's processes, per send
    others: float  # the server core's share used by other programs
    failed: int

    def line(self) -> str:
        text = f"{self.rate:.0f} sends/s, p50 {self.p50:.2f} ms, p99 {self.p99:.2f} ms, CPU {self.cpu_ms:.2f} ms each"
        return text + (f" (other programs took {self.others:.0%} of the core)" if self.others > OTHERS_BUSY else "")


@dataclass
class SendOnly:
    """Many senders and no waiting clients; compared with gunicorn's threads and an application that does nothing."""

    ours: Sends
    bare: Sends

    @property
    def own_ms(self) -> float:
        """CPU of a stored send beyond gunicorn's own, ms."""
        return self.ours.cpu_ms - self.bare.cpu_ms

    @property
    def faults(self) -> str:
        return f"{self.ours.failed} sends failed" if self.ours.failed else ""

    def line(self) -> str:
        return (
            f"{self.ours.senders} senders: {self.ours.line()}; the same to gunicorn's gthread with an application "
            f"that does nothing: {self.bare.line()}  {self.faults and f'FAULTS: {self.faults}'}"
        )


@dataclass
class Synced:
    """Figures for one setting of CHAT_SQLITE_SYNCHRONOUS; medians of several rounds."""

    alone: Sends  # one sender
    many: Sends
    delivered: Figures  # 10 rooms of 30 waiting members, 20 messages a second


@dataclass
class Durability:
    """NORMAL (no commit is lost in a crash) and FULL (nor in a power cut), in turns, on one core and disk."""

    normal: Synced
    full: Synced

    @property
    def faults(self) -> str:
        failed = sum(each.failed for part in (self.normal, self.full) for each in (part.alone, part.many))
        parts = (f"{failed} sends failed" if failed else "", self.normal.delivered.faults, self.full.delivered.faults)
        return ", ".join(filter(None, parts))

    def rows(self) -> list[list[str]]:
        """What, NORMAL, FULL, and FULL / NORMAL."""
        figures: list[tuple[str, Callable[[Synced], float], str]] = [
            ("one sender: sends/s", lambda s: s.alone.rate, ".0f"),
            ("one sender: p50 of a send, ms", lambda s: s.alone.p50, ".2f"),
            ("one sender: p99 of a send, ms", lambda s: s.alone.p99, ".2f"),
            (f"{MANY} senders: sends/s", lambda s: s.many.rate, ".0f"),
            (f"{MANY} senders: p50 of a send, ms", lambda s: s.many.p50, ".1f"),
            (f"{MANY} senders: p99 of a send, ms", lambda s: s.many.p99, ".1f"),
            (f"{MANY} senders: CPU of a send, ms", lambda s: s.many.cpu_ms, ".2f"),
            ("10x30: CPU s per 10k deliveries", lambda s: s.delivered.cpu_per_10k, ".2f"),
            ("10x30: p50 of a delivery, ms", lambda s: s.delivered.p50, ".1f"),
            ("10x30: p99 of a delivery, ms", lambda s: s.delivered.p99, ".1f"),
        ]
        rows = []
        for what, of, form in figures:
            normal, full = of(self.normal), of(self.full)
            rows.append([what, format(normal, form), format(full, form), f"{full / normal:.2f}"])
        share = [
            f"{max(part.alone.others, part.many.others, part.delivered.others):.0%}"
            for part in (self.normal, self.full)
        ]
        return [*rows, ["other programs on the core, at most", *share, ""]]

    def line(self) -> str:
        rows = "".join(f"\n  {what:46} {normal:>8} {full:>8}  {ratio}" for what, normal, full, ratio in self.rows())
        return f"NORMAL, FULL, FULL / NORMAL{rows}  {self.faults and f'FAULTS: {self.faults}'}"


def send_only(quick: bool) -> SendOnly:
    """As many stored sends as there can be, and what each costs."""
    seconds = 2 if quick else 6
    with Commonroom(_ROOMS, MANY // _ROOMS) as server:
        ours = _closed_loop(server, MANY, seconds)
    with Bare(_ROOMS, MANY // _ROOMS) as server:
        return SendOnly(ours, _closed_loop(server, MANY, seconds))


def durability(quick: bool) -> Durability:
    """The price of FULL. Both servers run all the time and are measured in turns, so that what drifts meets both."""
    rounds, seconds = (1, 2) if quick else (3, 2)
    with Commonroom(10, 30) as normal, FullSync(10, 30) as full:
        both = (normal, full)
        loads = [Load(server) for server in both]  # first, while the rooms are empty: those who arrive read all
        for load in loads:
            load.arrive(load.members)
            load.first_round()
        delivered = [[load.measure(20, 1, 2 * seconds) for load in loads] for _ in range(rounds)]
        for load in loads:
            load.close()
        alone = [[_closed_loop(server, 1, seconds) for server in both] for _ in range(rounds)]
        many = [[_closed_loop(server, MANY, seconds) for server in both] for _ in range(rounds)]
    found = [Synced(*(_median([each[n] for each in part]) for part in (alone, many, delivered))) for n in (0, 1)]
    return Durability(*found)


def _closed_loop(server: Server, senders: int, seconds: float) -> Sends:
    reactor = Reactor()
    ranks = zip(*server.tokens.values(), strict=True)  # one of each room, then another of each
    tokens = [seat for rank in ranks for seat in zip(server.tokens, rank, strict=True)]
    all_of_them = [Sender(reactor, server.port, room, token) for room, token in tokens[:senders]]
    for sender in all_of_them:
        sender.on = True
        sender.send()
    reactor.run(0.5)
    for sender in all_of_them:
        sender.latencies.clear()
    start, cpu, core = time.monotonic(), server.cpu_seconds(), core_seconds()
    reactor.run(seconds)
    took, cpu, core = time.monotonic() - start, server.cpu_seconds() - cpu, core_seconds() - core
    latencies = [latency for sender in all_of_them for latency in sender.latencies]
    for sender in all_of_them:
        sender.on = False
    reactor.run(5, lambda: not any(sender.busy for sender in all_of_them))
    for sender in all_of_them:
        sender.close()
    failed = sum(sender.failed for sender in all_of_them)
    p50, p99 = percentile(latencies, 0.5), percentile(latencies, 0.99)
    others = max(0.0, core - cpu) / took
    return Sends(senders, len(latencies) / took, p50, p99, cpu / max(1, len(latencies)) * 1000, others, failed)


def _median(parts: list[Any]) -> Any:
    """Field by field; what went wrong is added up."""
    values = {}
    for spec in fields(parts[0]):
        each = [getattr(part, spec.name) for part in parts]
        if isinstance(each[0], str):
            values[spec.name] = ", ".join(filter(None, each))
        else:
            values[spec.name] = sum(each) if spec.name == "failed" else statistics.median(each)
    return type(parts[0])(**values)
