"""Counts SQL statements, and system calls if strace is available, of a send and a delivery.

One room on a server as `make run` starts it: one member sends messages one after the other, others wait. A send is
counted without waiting members; a delivery is the cost that each waiting member adds.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.clients import Polling
from bench.ledger import Ledger
from bench.sends import Sender
from bench.servers import BIN, Commonroom
from bench.wire import Reactor

MEMBERS, SENDS = 30, 20
_ROUNDS = 3  # the least of them counts: by chance there is only more, as when housekeeping opens its connection
_BETWEEN_SECONDS = 0.04  # time for the next pulls to be held, and for the bus to have looked (every 0.02 s)
_ARRIVAL_SECONDS = 0.02  # from one to the next: whose pull meets another's at the room's feed is sent to a thread
_WARM_SENDS = 3  # the first pulls, and their heads, are new to the server
_QUIET_SECONDS = 1.0
_BACKGROUND = {"bus", "health", "housekeeping"}  # threads
_PULL = "/chat/pull"
_LOOP = "MainThread"


@dataclass
class Counts:
    """By SQL statement, or by system call, how often."""

    sends: int
    deliveries: int
    sql_per_send: dict[str, float]
    sql_per_delivery: dict[str, float]
    sql_in_background: dict[str, float]  # per send, beside it: reading the events, writing read marks
    calls_per_send: dict[str, float] = field(default_factory=dict)
    calls_per_delivery: dict[str, float] = field(default_factory=dict)
    calls_per_second: dict[str, float] = field(default_factory=dict)  # while pulls are held and nothing happens
    no_calls: str = ""  # why system calls were not counted

    def json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    def report(self) -> str:
        """For people."""
        parts = [
            f"{self.sends} sends, {self.deliveries} deliveries.",
            _part("SQL statements per send", self.sql_per_send),
            _part("SQL statements per delivery", self.sql_per_delivery),
            _part("SQL statements in the background, per send", self.sql_in_background),
        ]
        if self.no_calls:
            return "\n\n".join([*parts, f"System calls: not counted. {self.no_calls}"])
        return "\n\n".join(
            [
                *parts,
                _part("System calls per send", self.calls_per_send),
                _part("System calls per delivery", self.calls_per_delivery),
                _part("System calls per second, with nothing to do", self.calls_per_second),
            ]
        )


@dataclass(frozen=True)
class _Traced:
    calls: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    refused: str = ""  # why they could not be counted


class _CountedServer(Commonroom):
    def command(self) -> list[str | Path]:
        return [BIN / "gunicorn", "bench.counted:app"]

    def statements(self) -> Counter[tuple[str, str]]:
        """Return the statements since the last call, by place and statement."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/statements", timeout=10) as answer:
            return Counter({(where, statement): count for where, statement, count in json.load(answer)})

    def worker(self) -> int:
        """The pid of the one worker."""
        return self.pids()[-1]


class _Waiting(Polling):
    _cursor = b'"1970-01-01T00:00:00.000000Z"'  # as long as all that come after it: Content-Length stays, too


class _Room:
    """A sender and waiting members."""

    def __init__(self, server: _CountedServer) -> None:
        self.reactor = Reactor()
        self.ledger = Ledger(1)
        ((room, (first, *others)),) = server.tokens.items()
        self.sender = Sender(self.reactor, server.port, room, first)
        self._waiting: list[_Waiting] = []
        self._to_come = [(server.port, room, token) for token in others]

    def arrive(self) -> None:
        """Let all begin to wait, one after the other."""
        for port, room, token in self._to_come:
            member = _Waiting(self.reactor, port, self.ledger, self.ledger.seat(0), room, token)
            member.start()
            self._waiting.append(member)
            self.reactor.run(_ARRIVAL_SECONDS)
        self.reactor.run(0.5)

    def send(self, count: int) -> None:
        """So many messages, each when the one before has been delivered to all. Raises RuntimeError."""
        for _ in range(count):
            due = self.ledger.delivered + len(self._waiting)
            self.sender.send()
            done = self.reactor.run(30, lambda due=due: not self.sender.busy and self.ledger.delivered >= due)
            self.reactor.run(_BETWEEN_SECONDS)
            if not done or self.sender.failed or self.ledger.faults or self.ledger.lapses:
                raise RuntimeError(f"not all was delivered, once: {self.ledger.faults or 'too late'}")

    def close(self) -> None:
        self.sender.close()
        for member in self._waiting:
            member.close()


def count(members: int = MEMBERS, sends: int = SENDS) -> Counts:
    """Start a server, and count. Raises RuntimeError where a message was lost, or came twice."""
    with _CountedServer(1, members + 1) as server:
        room = _Room(server)
        try:
            room.send(_WARM_SENDS)
            alone = [_traced(server.worker(), lambda: room.send(sends)) for _ in range(_ROUNDS)]
            room.arrive()
            room.send(_WARM_SENDS)
            server.statements()
            room.send(sends)
            counts = _statements(server.statements(), sends, members)
            if alone[0].refused:
                counts.no_calls = alone[0].refused
                return counts
            quiet = _traced(server.worker(), lambda: room.reactor.run(_QUIET_SECONDS))
            busy = [_traced(server.worker(), lambda: room.send(sends)) for _ in range(_ROUNDS)]
        finally:
            room.close()
    second = {name: number / quiet.seconds for name, number in quiet.calls.items()}
    counts.calls_per_second = _sorted(second)
    counts.calls_per_send = _rates(alone, second, sends)
    own = {name: each * sends for name, each in counts.calls_per_send.items()}
    counts.calls_per_delivery = _rates(busy, second, sends * members, own)
    return counts


def _statements(seen: Counter[tuple[str, str]], sends: int, members: int) -> Counts:
    """Statements that belong to neither pulls nor background jobs are attributed to the send."""
    send: Counter[str] = Counter()
    delivery: Counter[str] = Counter()
    background: Counter[str] = Counter()
    for (where, statement), times in seen.items():
        if where in _BACKGROUND:
            background[f"{where}: {statement}"] += times
        elif where in {_PULL, _LOOP}:
            delivery[statement] += times
        else:
            send[statement] += times
    deliveries = sends * members
    return Counts(
        sends,
        deliveries,
        {statement: times / sends for statement, times in send.items()},
        {statement: times / deliveries for statement, times in delivery.items()},
        {statement: times / sends for statement, times in background.items()},
    )


def _rates(
    rounds: list[_Traced], second: dict[str, float], number: int, own: dict[str, float] | None = None
) -> dict[str, float]:
    """Return calls per unit, without periodic work and calls known to have another cause."""
    left = {
        name: min(seen.calls[name] - second.get(name, 0) * seen.seconds for seen in rounds) - (own or {}).get(name, 0)
        for name in rounds[0].calls
    }
    return _sorted({name: round(times / number, 3) for name, times in left.items() if times / number >= 0.005})


def _sorted(counts: dict[str, float]) -> dict[str, float]:
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _part(title: str, counts: dict[str, float]) -> str:
    lines = [f"{title}: {sum(counts.values()):.2f}"]
    lines += [f"  {number:7.2f}  {name}" for name, number in counts.items()]
    return "\n".join(lines)


# System calls


def _traced(pid: int, during: Callable[[], object]) -> _Traced:
    """System calls of all threads of a process meanwhile."""
    if shutil.which("strace") is None:
        during()
        return _Traced(refused="strace is not installed (scripts/strace installs it where it may).")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        summary = Path(folder, "summary")
        command = ["strace", "-f", "-c", "-o", str(summary), "-p", str(pid)]
        strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603
        try:
            attached = _wait_until_attached(strace, pid)
            began = time.monotonic()
            during()
            seconds = time.monotonic() - began
        finally:
            strace.send_signal(signal.SIGINT)
            _, said = strace.communicate(timeout=10)
        if not attached:
            return _Traced(refused=f"strace may not look: {said.strip()}")
        return _Traced(_parse(summary.read_text()), seconds)


def _wait_until_attached(strace: "subprocess.Popen[str]", pid: int) -> bool:
    """Whether strace holds every thread; False where it has given up."""
    deadline = time.monotonic() + 10
    while strace.poll() is None and time.monotonic() < deadline:
        states = [Path(f"/proc/{pid}/task/{task}/status").read_text() for task in os.listdir(f"/proc/{pid}/task")]
        if all(f"TracerPid:\t{strace.pid}\n" in state for state in states):
            return True
        time.sleep(0.01)
    return False


_ROW = re.compile(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+)(?: +\d+)? +(\w+)$", re.MULTILINE)


def _parse(summary: str) -> Counter[str]:
    """strace -c's table: % time, seconds, usecs/call, calls, errors (may be blank), syscall."""
    return Counter({name: int(calls) for calls, name in _ROW.findall(summary) if name != "total"})
