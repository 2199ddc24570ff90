"""Attack a server with the settings of `make run` while a class chats by all five protocols, and print the effects.

The server runs on one core; the class and the attackers share the other, where the class comes first. The attacks run
one after the other, then all at once; between them the class is alone for some seconds.
"""
# ruff: noqa: T201

import argparse
import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.attack import report
from bench.attack.attacker import TEACHER
from bench.attack.attackers import ATTACKS
from bench.attack.books import Books, Phase
from bench.attack.members import KINDS, PASSWORD, ROOM, Member
from bench.attack.processes import Attackers
from bench.attack.wire import Http, Lost
from bench.servers import GENERATOR_CORE, Classroom

SECONDS_BETWEEN_SENDS = 6.0  # of one pupil
QUIET = "nobody"
TOGETHER = "all at once"
_SETTLE_SECONDS = 5.0
_FAST_SECONDS = 0.25  # a send that takes longer is slow
_RECOVERY_LIMIT = 60.0
_TICK_SECONDS = 0.02


class Attacked(Classroom):
    """With a mail server that never answers."""

    def __init__(self, mail_port: int) -> None:
        self._mail_port = mail_port
        super().__init__()

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "CHAT_SMTP_URL": f"smtp://127.0.0.1:{self._mail_port}"}


@dataclass
class Row:
    """One attack and its effects on the class."""

    name: str
    phase: Phase
    rss: int  # bytes of the server at the end of the attack
    cpu: float  # of the server's core
    class_cpu: float = 0.0  # of the other core, by the class's own process
    class_waited: float = 0.0  # share of the time in which that process waited for the core
    recovery: float = 0.0  # s until sends were quick again
    counts: dict[str, int] = field(default_factory=dict)  # answers to the attackers


class Lesson:
    """The class and the server it is in."""

    def __init__(self, server: Attacked, pupils: int) -> None:
        self.server = server
        kinds = [KINDS[number % len(KINDS)] for number in range(pupils)]
        self.books = Books(kind.__name__.lower() for kind in kinds)
        self.members: list[Member] = [
            kind(number, server.port, server.tcp_port, self.books) for number, kind in enumerate(kinds)
        ]
        self._turn = 0

    async def begin(self) -> None:
        """The teacher makes the room; the class registers and enters it."""
        teacher = Http(self.server.port)
        _, headers, _ = await teacher.call("POST", "/user/register", {"username": TEACHER, "password": PASSWORD})
        teacher.headers["Cookie"] = headers["set-cookie"].partition(";")[0]
        await teacher.call("POST", "/room/create", {"roomname": ROOM, "type": "public", "passwd": ""})
        teacher.close()
        for member in self.members:
            await member.register()

    @asynccontextmanager
    async def chatting(self) -> AsyncIterator[None]:
        """Everyone receives, and sends in turns."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(member.run()) for member in self.members]
            for member in self.members:
                async with asyncio.timeout(60):
                    await member.ready.wait()
            sending, ticking = group.create_task(self._send(group)), group.create_task(self._tick())
            yield
            sending.cancel()
            ticking.cancel()
            await self._drain()
            for task in tasks:
                task.cancel()

    async def _send(self, group: asyncio.TaskGroup) -> None:
        while True:
            group.create_task(self.members[self._turn % len(self.members)].say())
            self._turn += 1
            await asyncio.sleep(SECONDS_BETWEEN_SENDS / len(self.members))

    async def _tick(self) -> None:
        """Measure how late this process is itself: because it waits for its core, or is busy with other messages."""
        while True:
            due = time.monotonic() + _TICK_SECONDS
            await asyncio.sleep(_TICK_SECONDS)
            self.books.phase.lateness.append(time.monotonic() - due)

    async def _drain(self) -> None:
        """Until all that was acknowledged has arrived, or half a minute; then each looks once more."""
        end = time.monotonic() + 30
        while self.books.outstanding and time.monotonic() < end:
            await asyncio.sleep(0.1)
        for member in self.members:
            await member.catch_up()

    async def phase(self, name: str, attacks: list[str], seconds: float) -> Row:
        """Attack for so long, then wait until the class is quick again."""
        async with Attackers.ready(attacks, seconds, (self.server.port, self.server.tcp_port)) as attackers:
            self.books.phase = phase = Phase()
            began, cpu, (used, waited) = time.monotonic(), self.server.cpu_seconds(), _own_times()
            counts, _ = await asyncio.gather(attackers.attack(), asyncio.sleep(seconds))
            took, used, waited = time.monotonic() - began, _own_times()[0] - used, _own_times()[1] - waited
            cpu = self.server.cpu_seconds() - cpu
            row = Row(name, phase, self.server.rss_bytes(), cpu / took, used / took, waited / took, counts=dict(counts))
            self.books.phase = Phase()
            row.recovery = await self._recovery()
        await asyncio.sleep(min(_SETTLE_SECONDS, seconds))
        return row

    async def _recovery(self) -> float:
        """Return the seconds until three requests for the user's own account in a row are fast."""
        began = time.monotonic()
        probe, quick = Http(self.server.port), 0
        probe.headers = self.members[0].account.headers
        while quick < 3 and time.monotonic() < began + _RECOVERY_LIMIT:
            asked = time.monotonic()
            try:
                status, _, _ = await probe.call("GET", "/user/me")
            except Lost:
                status = 0
            quick = quick + 1 if status == 200 and time.monotonic() - asked < _FAST_SECONDS else 0
        probe.close()
        return time.monotonic() - began


def _own_times() -> tuple[float, float]:
    """This process's seconds of CPU, and of waiting for its core, so far (proc_pid_schedstat)."""
    used, waited, _ = map(int, Path("/proc/self/schedstat").read_text().split())
    return used / 1e9, waited / 1e9


async def _run(options: argparse.Namespace, server: Attacked) -> tuple[list[Row], Books]:
    lesson = Lesson(server, options.pupils)
    await lesson.begin()
    rows: list[Row] = []
    alone = [] if options.together else options.attack or ATTACKS
    phases = [(QUIET, []), *((name, [name]) for name in alone)]
    if options.together or not options.attack:
        phases += [(TOGETHER, options.attack or list(ATTACKS)), (f"{QUIET}, after it all", [])]
    async with lesson.chatting():
        for number, (name, attacks) in enumerate(phases, 1):
            print(f"[{number}/{len(phases)}] {name}, {options.seconds:g} s", flush=True)
            row = await lesson.phase(name, attacks, options.seconds)
            rows.append(row)
            print(report.line(row), flush=True)
    return rows, lesson.books


@contextmanager
def _silent_mail_server() -> Iterator[int]:
    """The port of one that takes connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        yield listener.getsockname()[1]


def main() -> int:
    """The exit code: 1 where something that was acknowledged was lost, or arrived twice."""
    parser = argparse.ArgumentParser(prog="python -m bench.attack", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=65, help="of each attack; with the default it takes half an hour"
    )
    parser.add_argument("--pupils", type=int, default=30, help="of the class")
    parser.add_argument("--attack", action="append", choices=list(ATTACKS), help="only this one (may be repeated)")
    parser.add_argument("--together", action="store_true", help="only all of them (or of those named) at once")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into this page")
    options = parser.parse_args()
    if options.write and (options.attack or options.together):
        parser.error("--write needs all attacks: the page has a row of each")
    os.sched_setaffinity(0, {GENERATOR_CORE})
    with _silent_mail_server() as mail_port, Attacked(mail_port) as server:
        rows, books = asyncio.run(_run(options, server))
    print("\n" + report.table(rows) + "\n\n" + report.verdict(rows, books))
    if options.write:
        report.write(options.write, rows, books, options.seconds)
    return 1 if books.outstanding or books.duplicates else 0


if __name__ == "__main__":
    sys.exit(main())
