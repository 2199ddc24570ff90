"""The table, the targets, and docs/performance.md."""

import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import disk, sections
from bench.growth import P95_MARK, P95_PER_100_ROWS, TIMES, Address, Growth
from bench.load import Figures
from bench.scenarios import Ceiling, Churn, Idle
from bench.sends import Durability, SendOnly
from bench.sockets import IdleSockets

OURS, SOCKETIO, NAIVE = "Commonroom", "Flask-SocketIO", "naive poller"
MARKER = "<!-- Above: written by `make bench`. Below: by hand, and kept. -->"
Result = Figures | Ceiling | Idle | Churn | IdleSockets | SendOnly | Durability
Results = dict[tuple[str, str], Result]  # by scenario and server
_HEADINGS = (
    *("scenario", "server", "deliveries/s", "p50 ms", "p99 ms", "CPU s per 10k", "memory MiB"),
    *("generator CPU", "others on the server's core"),
)


@dataclass
class Target:
    """A target: name, figure and mark; met if figure ≤ mark, or ≥ if higher is better."""

    what: str
    figure: float
    mark: float
    higher: bool = False

    @property
    def met(self) -> bool:
        return self.figure >= self.mark if self.higher else self.figure <= self.mark

    def row(self) -> list[str]:
        sign = "≥" if self.higher else "≤"
        return [self.what, f"{self.figure:.3g}", f"{sign} {self.mark:.3g}", "met" if self.met else "**not met**"]


def targets(results: Results) -> list[Target]:
    """Every target that the results have figures for."""
    found: list[Target] = []
    _steady(found, results, "10x30", SOCKETIO, (("CPU", 1 / 2.8), ("p99", 1 / 4)))
    _steady(found, results, "10x30", NAIVE, (("CPU", 1 / 7), ("p50", 1 / 100)))
    _steady(found, results, "1x500", SOCKETIO, (("CPU", 1 / 10), ("p99", 1 / 4)))
    ours, theirs = results.get(("ceiling", OURS)), results.get(("ceiling", SOCKETIO))
    if ours and theirs and theirs.best:
        rate = ours.best.deliveries if ours.best else 0.0
        found.append(Target("ceiling: rate / Flask-SocketIO's", rate / theirs.best.deliveries, 1.7, higher=True))
    if ours:
        found.append(Target("ceiling: delivered at twice the rate / best", ours.kept, 0.8, higher=True))
    if idle := results.get(("idle", OURS)):
        found.append(Target("idle: KB per held pull", idle.bytes_each / 1000, 8))
        found.append(Target("idle: % of a core", idle.cpu_share * 100, 1))
        found.append(Target("idle: slowest message, ms", idle.slowest, 20))
        found.append(Target("idle: pulls answered early", idle.early, 0))
    if churn := results.get(("churn", OURS)):
        found.append(Target("churn: clients not served", churn.not_served, 0))
        found.append(Target("churn: sockets left over", churn.sockets_left, 0))
    if idle := results.get(("sockets", OURS)):
        found.append(Target("sockets: KB each", idle.bytes_each / 1000, 12))
        found.append(Target("sockets: % of a core, pings included", idle.cpu_share * 100, 3))
        found.append(Target("sockets: lost", idle.lost, 0))
    if push := results.get(("push", OURS)):
        found.append(Target("push: p99 to 500 sockets, ms", push.p99, 50))
    if send := results.get(("send", OURS)):
        found.append(Target("send: CPU ms of a stored send beyond gunicorn's own", send.own_ms, 1))
    return found


def _steady(
    found: list[Target], results: Results, scenario: str, other: str, marks: tuple[tuple[str, float], ...]
) -> None:
    ours, theirs = results.get((scenario, OURS)), results.get((scenario, other))
    if not ours or not theirs:
        return
    fields = {"CPU": "cpu_per_10k", "p50": "p50", "p99": "p99"}
    for name, mark in marks:
        ratio = getattr(ours, fields[name]) / getattr(theirs, fields[name])
        found.append(Target(f"{scenario}: {name} / {other}'s", ratio, mark))


def faults(results: Results) -> list[str]:
    """Losses, duplicates and disorder of Commonroom: there must be none."""
    found = []
    for (scenario, server), result in results.items():
        parts = [result.best, result.overload] if isinstance(result, Ceiling) else [result]
        found += [f"{scenario}: {part.faults}" for part in parts if server == OURS and part and part.faults]
    return found


def tables(results: Results) -> str:
    """All figures, as Markdown."""
    rows = [_row(scenario, server, figures) for scenario, server, figures in _figures(results)]
    text = table(_HEADINGS, rows) + "\n"
    for (scenario, _), result in results.items():
        if isinstance(result, Idle | Churn | IdleSockets | SendOnly):
            text += f"\n{scenario}: {result.line().strip()}\n"
        elif isinstance(result, Durability):
            text += "\n" + table(("CHAT_SQLITE_SYNCHRONOUS", "NORMAL", "FULL", "FULL / NORMAL"), result.rows()) + "\n"
    checks = targets(results)
    if checks:
        text += "\n" + table(("target", "figure", "mark", ""), [target.row() for target in checks]) + "\n"
    wrong = faults(results)
    return text + "\nLosses, duplicates, disorder: " + ("; ".join(wrong) if wrong else "none") + ".\n"


def _figures(results: Results) -> list[tuple[str, str, Figures | None]]:
    found: list[tuple[str, str, Figures | None]] = []
    for (scenario, server), result in results.items():
        if isinstance(result, Figures):
            found.append((scenario, server, result))
        elif isinstance(result, Ceiling):
            found.append((scenario, server, result.best))
            if result.overload:
                found.append((f"{scenario}, twice", server, result.overload))
    return found


def _row(scenario: str, server: str, figures: Figures | None) -> list[str]:
    if figures is None:
        return [scenario, server, "none with p99 ≤ 50 ms", *[""] * 6]
    note = f" ({figures.note})" if figures.note else ""
    return [
        scenario,
        server,
        f"{figures.deliveries:.0f}{note}",
        f"{figures.p50:.1f}",
        f"{figures.p99:.1f}",
        f"{figures.cpu_per_10k:.2f}",
        f"{figures.rss / 2**20:.0f}",
        f"{figures.generator:.0%}",
        f"{figures.others:.0%}",
    ]


def table(headings: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table as Markdown."""
    lines = [list(headings), ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def growth_table(addresses: Sequence[Address]) -> str:
    """The requests of a measurement, as Markdown."""
    rows = [
        [
            each.what,
            f"{each.p50:.1f}",
            f"{each.p95:.1f}",
            f"{each.cpu:.1f}",
            f"{each.size:,}",
            f"{each.rows:,}",
            "" if each.is_met else "**late**",
        ]
        for each in addresses
    ]
    return table(("request", "p50 ms", "p95 ms", "CPU ms", "bytes", "entries", ""), rows) + "\n"


def machine() -> str:
    """CPU, cores, kernel, Python."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"


def times(took: Mapping[str, float]) -> str:
    """How long each scenario took, all its servers together."""
    parts = ", ".join(f"{scenario} {seconds:.0f} s" for scenario, seconds in took.items())
    return f"Wall time: {parts}; in all {sum(took.values()) / 60:.1f} minutes.\n"


def write(path: Path, results: Results, took: Mapping[str, float]) -> None:
    """The page; what stands below the marker in it is kept."""
    kept = ""
    if path.exists():
        kept = path.read_text().partition(MARKER)[2]
    command = "python -m bench " + " ".join(sys.argv[1:])
    text = f"""# Performance

Written by `make bench` (`{command.strip()}`) on {time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}.
Machine: {machine()}.

The server is started as `make run` does, with one worker, on core 0; the load generator is one process on core 1.
Texts have 64 bytes, all members wait by long-polling (the naive poller's ask once a second), and all servers keep each
message in SQLite (WAL, synchronous=NORMAL). Their disk: {disk.described()}.

Latency: from the beginning of the send to the moment when the member's answer was read. CPU: user and system seconds of
all of the server's processes, from /proc, per 10,000 deliveries. 10x30: 10 rooms of 30 members, 20 messages a second in
all. 1x500: one room, 2 a second. ceiling: 10x30 at the highest rate with p99 ≤ 50 ms; "twice": offered twice that.
sockets: 5,000 WebSockets that are pinged. push: 1x500 with all of the members waiting by a WebSocket.
send: the given number of senders without pauses; no waiting members. NORMAL and FULL: two servers measured in turns,
the median of each figure; without waiting members.

{tables(results)}
{times(took)}
{MARKER}"""
    path.write_text(text + (kept or "\n"))


def write_growth(path: Path, grown: Growth) -> None:
    """The section on growth of the page; all else in it is kept."""
    before, after = (size / 2**20 for size in grown.rss)
    body = f"""Machine: {machine()}.

Each request is made {TIMES} times, one after the other, on one connection, to a server with one worker: 5,000 users,
5,000 rooms, 2,000,000 messages in the lobby and 200,000 in the others (times scale {grown.scale:g}). "teacher" is in
all rooms. CPU: of all of the server's processes, the mean of these requests. Mark: {P95_MARK:.0f} ms at p95, or
{P95_PER_100_ROWS:.0f} ms per 100 entries where that is more.
The server's memory: {before:.0f} MiB when it has started, {after:.0f} MiB after all requests. Other programs took
{grown.others:.0%} of the server's core meanwhile.

{growth_table(grown.addresses)}"""
    sections.write(path, "As data grows", body)
