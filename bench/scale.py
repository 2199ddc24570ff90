"""The cost of a delivery with several workers, on each database, direct and through nginx: `make bench-scale`.

All programs run on one core, and the load generator on the other one, so the figures are CPU and not throughput.
"""
# ruff: noqa: T201

import argparse
import gc
import itertools
import re
import sys
import time
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import clients, private, scale_plot, sections
from bench.cpu import make_room
from bench.load import Figures, Load, medians
from bench.private import Nginx, PostgreSql, Redis
from bench.report import Target, machine, table
from bench.servers import GENERATOR_CORE, SERVER_CORE, Commonroom

SCENARIOS = {"10x30": (10, 30, 20.0), "1x500": (1, 500, 2.0)}  # rooms, members of each, messages a second
WORKERS = (1, 2, 4)
SQLITE, POSTGRESQL, REDIS = "SQLite", "PostgreSQL", "PostgreSQL + Redis"
DATABASES = (SQLITE, POSTGRESQL, REDIS)
DIRECT, PROXIED = "direct", "nginx"
PATHS = (DIRECT, PROXIED)
DATABASE_MARK, WORKERS_MARK = 1.5, 1.2  # see _targets
TITLE = "Several workers"
PLOT = "performance-scale.svg"
_LEARN_TIMES, _LEARN_SECONDS = 4, 15.0  # the scenario's rate: a client comes to another worker now and then only
_IDLE_SECONDS = 3.0
_THREADS = "8"  # docs/postgresql.md
_TIME = re.compile(r'"timestamp":"([^"]+)"')
_KNOWN = re.compile(r"^commonroom_pulls_known_total\{.*\} ([0-9.e+]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    scenario: str
    workers: int
    database: str
    path: str


@dataclass(frozen=True)
class Measured:
    figures: Figures
    known: float | None  # share of pulls that no thread took in; None: not known, with several workers
    idle: float = 0.0  # CPU of all programs while everybody waits, ms a second


Results = dict[Case, Measured]
Rounds = Mapping[Case, Sequence[Measured]]  # of each case, the measurements of all rounds in turns


class Scaled(Commonroom):
    """One database with rooms and members; servers of different sizes run on it one after the other."""

    def __init__(
        self, rooms: int, members: int, postgresql: PostgreSql | None = None, redis: Redis | None = None
    ) -> None:
        self._workers = 1
        self._postgresql, self._redis = postgresql, redis
        self._url = postgresql.create(f"chat_{rooms}_{'redis' if redis else 'alone'}") if postgresql else ""
        self._nginx: Nginx | None = None
        super().__init__(rooms, members)
        self.end()

    def environment(self) -> dict[str, str]:
        environment = super().environment() | {
            "WEB_CONCURRENCY": str(self._workers),
            "CHAT_THREADS": _THREADS,
            "CHAT_TRUSTED_PROXIES": "1",
            "CHAT_METRICS": "on",
        }
        if self._url:
            environment |= {"DATABASE_URL": self._url, "SECRET_KEY": "bench-only-0123456789-abcdefghijklmnopqrstuvwxyz"}
        if self._redis:
            environment["REDIS_URL"] = self._redis.url
        return environment

    def begin(self, workers: int) -> None:
        """Start a server of this size, and nginx."""
        self._workers = workers
        self._start()
        self._nginx = Nginx(SERVER_CORE, self.port)

    def end(self) -> None:
        super().end()
        if self._nginx is not None:
            self._nginx.stop()
            self._nginx = None

    def port_of(self, path: str) -> int:
        return self._nginx.port if path == PROXIED and self._nginx else self.port

    def cpu_parts(self) -> dict[str, float]:
        programs = {"PostgreSQL": self._postgresql, "Redis": self._redis, "nginx": self._nginx}
        others = {name: program.family.seconds() for name, program in programs.items() if program is not None}
        return super().cpu_parts() | others

    def known_pulls(self) -> float:
        """How many pulls no thread has taken in so far, at the worker that answers."""
        found = _KNOWN.search(self._get("/metrics", {}))
        return float(found[1]) if found else 0.0

    def newest(self, room: str) -> bytes:
        """The cursor after the room's messages: those of the measurement before."""
        query = urllib.parse.urlencode({"roomname": room, "limit": 1})
        times = _TIME.findall(self._get(f"/chat/history?{query}", {"Authorization": self.tokens[room][0]}))
        return f'"{times[-1]}"'.encode() if times else clients.Polling.first_cursor

    def _get(self, target: str, headers: dict[str, str]) -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{target}", headers=headers)
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.read().decode()


def run(cases: Sequence[Case], *, quick: bool) -> Iterator[tuple[Case, Measured]]:
    """Measure each case: databases in turns, as a machine is now fast and now slow."""
    for scenario in dict.fromkeys(case.scenario for case in cases):
        with ExitStack() as stack:
            mine = [case for case in cases if case.scenario == scenario]
            servers = _servers(stack, scenario, {case.database for case in mine})
            for workers in WORKERS:
                for database, server in servers.items():
                    paths = [case for case in mine if (case.workers, case.database) == (workers, database)]
                    if paths:
                        yield from _paths(server, paths, quick=quick)


def _servers(stack: ExitStack, scenario: str, databases: set[str]) -> dict[str, Scaled]:
    rooms, members, _ = SCENARIOS[scenario]
    postgresql = redis = None
    if databases - {SQLITE}:
        postgresql = PostgreSql(SERVER_CORE)
        stack.callback(postgresql.stop)
    if REDIS in databases:
        redis = Redis(SERVER_CORE)
        stack.callback(redis.stop)
    found = {}
    for database in DATABASES:
        if database in databases:
            on = None if database == SQLITE else postgresql
            found[database] = Scaled(rooms, members, on, redis if database == REDIS else None)
            stack.callback(found[database].stop)
    return found


def _paths(server: Scaled, cases: Sequence[Case], *, quick: bool) -> Iterator[tuple[Case, Measured]]:
    server.begin(cases[0].workers)
    try:
        for case in cases:
            gc.collect()
            yield case, _measure(server, case, quick=quick)
    finally:
        server.end()


def _measure(server: Scaled, case: Case, *, quick: bool) -> Measured:
    load = Load(server, port=server.port_of(case.path))
    _begin_after(load, {room: server.newest(room) for room in server.tokens})
    load.arrive(load.members, 2)
    load.first_round()
    if case.path == PROXIED and case.workers > 1:  # every worker has to learn the heads of all clients
        load.offer(_LEARN_TIMES * SCENARIOS[case.scenario][2], _LEARN_SECONDS)
        load.reactor.run(_LEARN_SECONDS)
        load.drain()
        load.settle(2)
    idle = server.cpu_seconds()
    load.reactor.run(_IDLE_SECONDS)
    idle = (server.cpu_seconds() - idle) / _IDLE_SECONDS * 1000
    known, delivered = server.known_pulls(), load.ledger.delivered
    figures = load.measure(SCENARIOS[case.scenario][2], 1, 3 if quick else 6)
    known, delivered = server.known_pulls() - known, load.ledger.delivered - delivered
    load.close()
    return Measured(figures, known / max(1, delivered) if case.workers == 1 else None, idle)


def _begin_after(load: Load, newest: Mapping[str, bytes]) -> None:
    """Have the members' first pulls ask for what follows the newest message of their room.

    A cursor in the future would mean "from my arrival on": a busy server takes in some of the pulls only after the
    first message was sent, and that one would count as lost.
    """
    for member in load.members:
        member.first_cursor = newest[member.room]


def targets(rounds: Rounds) -> list[Target]:
    """The marks of the results: databases against SQLite with one worker, more workers against one.

    A figure is the median of the rounds' ratios, as the machine may be slower in one round than in another.
    """
    found = []
    for case in rounds:
        sqlite, one = (Case(case.scenario, 1, database, case.path) for database in (SQLITE, case.database))
        where = f"{case.scenario}, {case.path}"
        if case.database == REDIS and case.workers == 1 and sqlite in rounds:
            ratio = _ratio(rounds[case], rounds[sqlite])
            found.append(Target(f"{where}: {REDIS} / {SQLITE}, one worker", ratio, DATABASE_MARK))
        if case.workers > 1 and one in rounds:
            ratio = _ratio(rounds[case], rounds[one])
            found.append(Target(f"{where}, {case.database}: {case.workers} workers / one", ratio, WORKERS_MARK))
    return found


def _ratio(costs: Sequence[Measured], others: Sequence[Measured]) -> float:
    pairs = zip(costs, others, strict=True)
    return median(one.figures.cpu_per_10k / other.figures.cpu_per_10k for one, other in pairs)


def merge(rounds: Sequence[Measured]) -> Measured:
    """The median of each figure of a case."""
    known = [each.known for each in rounds if each.known is not None]
    figures, idle = medians([each.figures for each in rounds]), median(each.idle for each in rounds)
    return Measured(figures, median(known) if known else None, idle)


def merged(rounds: Rounds) -> Results:
    """The medians of all cases."""
    return {case: merge(several) for case, several in rounds.items()}


def faults(results: Results) -> list[str]:
    """Losses, duplicates and disorder: there must be none."""
    return [f"{case}: {each.figures.faults}" for case, each in results.items() if each.figures.faults]


def report(rounds: Rounds) -> str:
    """The tables, as Markdown: the medians of the rounds."""
    results = merged(rounds)
    headings = ("scenario", "path", "workers", "database", "deliveries/s", "p50 ms", "p99 ms", "CPU s per 10k")
    parts = (*scale_plot.PARTS, "of one worker on SQLite", "pulls without a thread", "idle ms/s", "others on the core")
    text = table((*headings, *parts), [_row(case, each, results) for case, each in _in_order(results)])
    rows = [target.row() for target in targets(rounds)]
    wrong = "; ".join(faults(results)) or "none"
    return f"{text}\n\n{table(('target', 'figure', 'mark', ''), rows)}\n\nLosses, duplicates, disorder: {wrong}.\n"


def _in_order(results: Results) -> list[tuple[Case, Measured]]:
    orders = (list(SCENARIOS), PATHS, WORKERS, DATABASES)
    return sorted(
        results.items(),
        key=lambda item: [
            order.index(value)  # type: ignore[arg-type]
            for order, value in zip(
                orders, (item[0].scenario, item[0].path, item[0].workers, item[0].database), strict=True
            )
        ],
    )


def _row(case: Case, measured: Measured, results: Results) -> list[str]:
    figures = measured.figures
    base = results.get(Case(case.scenario, 1, SQLITE, case.path))
    return [
        *(case.scenario, case.path, str(case.workers), case.database),
        f"{figures.deliveries:.0f}" + (f" ({figures.note})" if figures.note else ""),
        *(f"{figures.p50:.1f}", f"{figures.p99:.1f}", f"{figures.cpu_per_10k:.3f}"),
        *(f"{figures.parts[part]:.3f}" if part in figures.parts else "" for part in scale_plot.PARTS),
        f"{figures.cpu_per_10k / base.figures.cpu_per_10k:.2f}" if base else "",
        "" if measured.known is None else f"{measured.known:.0%}",
        f"{measured.idle:.1f}",
        f"{figures.others:.0%}",
    ]


def write(path: Path, rounds: Rounds, minutes: float) -> None:
    """Replace the section of the page, and the plot beside it."""
    results, turns = merged(rounds), max(map(len, rounds.values()))
    bars = [
        scale_plot.Bar(case.scenario, case.path, case.workers, case.database, each.figures.parts)
        for case, each in _in_order(results)
    ]
    (path.parent / PLOT).write_text(scale_plot.draw(bars))
    others = max(each.figures.others for each in results.values())
    how = (
        "once" if turns == 1 else f"{turns} times in turns; the figures are medians, the targets' of the rounds' ratios"
    )
    body = f"""Machine: {machine()}. The run took {minutes:.1f} minutes and measured each case {how}.
Other programs took up to {others:.0%} of the servers' core.

All programs of the chat (workers, PostgreSQL with its processes, Redis, nginx by `deploy/nginx.conf`) run on one core,
the load generator on the other one. CPU: user and system seconds of them all per 10,000 deliveries. 10x30: 10 rooms of
30 members, 20 messages a second in all. 1x500: one room, 2 a second, as in `make bench`. All members wait by
long-polling. SQLite has synchronous=NORMAL, PostgreSQL synchronous_commit=off, which promise the same. Idle: CPU of all
programs in ms a second while everybody waits. It is part of the cost, at 600 (10x30) or 1,000 (1x500)
deliveries a second.

![CPU of a delivery by program, database and number of workers]({PLOT})

{report(rounds)}"""
    sections.write(path, TITLE, body, "bench.scale")


def main() -> int:
    """The exit code: 1 after losses, duplicates or disorder, or (with --strict) where a target is not met."""
    options = _options()
    if lacking := private.missing():
        print(f"not installed: {', '.join(lacking)}", file=sys.stderr)
        return 1
    make_room(GENERATOR_CORE)
    began = time.monotonic()
    measured_by: dict[Case, list[Measured]] = defaultdict(list)
    wanted = (options.scenario, options.workers, options.database, options.path)
    kinds = [chosen or kind for chosen, kind in zip(wanted, (SCENARIOS, WORKERS, DATABASES, PATHS), strict=True)]
    cases = [Case(*each) for each in itertools.product(*kinds)]
    rounds = (run(cases, quick=options.quick) for _ in range(options.rounds))
    for case, measured in itertools.chain.from_iterable(rounds):
        measured_by[case].append(measured)
        known = "" if measured.known is None else f"  {measured.known:.0%} without a thread"
        parts = ", ".join(f"{name} {seconds:.3f}" for name, seconds in measured.figures.parts.items())
        what = f"{case.scenario} {case.workers} {case.database}, {case.path}"
        line = f"{what:36} {measured.figures.line()}  {parts}{known}  idle {measured.idle:.1f} ms/s"
        print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"\n{machine()}\n\n{report(measured_by)}\n{minutes:.1f} minutes")
    if options.write:
        write(options.write, measured_by, minutes)
    missed = options.strict and not all(target.met for target in targets(measured_by))
    return 1 if faults(merged(measured_by)) or missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure each case for 3 s instead of 6")
    parser.add_argument("--rounds", type=int, default=1, help="measure all so many times, for medians (default: 1)")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only this one (may be repeated)")
    parser.add_argument("--workers", action="append", type=int, choices=WORKERS, help="the same")
    parser.add_argument("--database", action="append", choices=DATABASES, help="the same")
    parser.add_argument("--path", action="append", choices=PATHS, help="the same")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a target is not met")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the section of docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
