"""`python -m bench`: run the scenarios, print the figures, say which targets are met."""
# ruff: noqa: T201

import argparse
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from bench import counts, finding, growth, growth_data, pauses, report, scenarios, sections, sends, sockets
from bench.cpu import make_room
from bench.load import Figures, medians
from bench.servers import ALL, GENERATOR_CORE, Commonroom

SCENARIOS = ("10x30", "1x500", "ceiling", "idle", "churn", "sockets", "push", "send", "full")
ROUNDS = 3
ALONE = {
    "idle": scenarios.idle,
    "churn": scenarios.churn,
    "sockets": sockets.idle,
    "send": sends.send_only,
    "full": sends.durability,
}


def main() -> int:
    """The exit code: 1 after losses, duplicates or disorder, or (with --strict) where a target is not met."""
    options = _options()
    make_room(GENERATOR_CORE)
    if options.counts:
        counted = counts.count()
        print(counted.json() if options.json else counted.report())
        return 0
    if options.growth:
        grown = growth.growth(options.scale or 1, options.data)
        print(grown.line() + "\n\n" + report.machine() + "\n\n" + report.growth_table(grown.addresses))
        if options.write:
            report.write_growth(options.write, grown)
        return 1 if grown.faults or (options.strict and not all(each.is_met for each in grown.addresses)) else 0
    if options.search:
        found = finding.finding(options.scale or 1_000_000 / growth_data.MESSAGES, options.data)
        print(found.text())
        if options.write:
            finding.write(options.write, found)
        return 1 if options.strict and not found.is_met else 0
    if options.frames:
        from bench import frames  # the only part that needs a browser

        return _of_the_page(options, "Frames of the page", frames.frames())
    if options.message_cost:
        from bench import message_cost  # needs a browser too

        return _of_the_page(options, "A message in the page", message_cost.message_cost())
    if options.trace_pauses is not None:
        traced = pauses.trace(options.trace_pauses, options.rate)
        print(traced.text())
        if options.write:
            sections.write(options.write, "Pauses", f"Machine: {report.machine()}.\n\n{traced.text()}")
        return 0 if traced.steps and not traced.late else 1
    results: report.Results = {}
    took: Counter[str] = Counter()  # seconds of wall time
    began = time.monotonic()
    for scenario, server, result in _run(options):
        results[scenario, server] = result
        _show(scenario, server, result)
        took[scenario] += round(time.monotonic() - began - took.total())
    print("\n" + report.machine() + "\n\n" + report.tables(results) + "\n" + report.times(took))
    if options.write:
        report.write(options.write, results, took)
    missed = options.strict and not all(target.met for target in report.targets(results))
    return 1 if report.faults(results) or missed else 0


class _Measured(Protocol):
    """Figures of the page, and whether they meet their target."""

    @property
    def is_met(self) -> bool: ...

    def text(self) -> str: ...


def _of_the_page(options: argparse.Namespace, title: str, measured: _Measured) -> int:
    print(measured.text())
    if options.write:
        sections.write(options.write, title, measured.text())
    return 1 if options.strict and not measured.is_met else 0


def _run(options: argparse.Namespace) -> Iterator[tuple[str, str, report.Result]]:
    for scenario in options.scenario or SCENARIOS:
        compared = (sockets.CommonroomSockets, sockets.FlaskSock) if scenario == "push" else ALL
        kinds = [kind for kind in compared if not options.only_ours or issubclass(kind, Commonroom)]
        if scenario in ALONE:
            gc.collect()
            yield scenario, Commonroom.name, ALONE[scenario](options.quick)
        else:
            yield from _compared(scenario, kinds, options.quick)


def _compared(scenario: str, kinds: Sequence[type], quick: bool) -> Iterator[tuple[str, str, report.Result]]:
    """One server after the other, and that several times: a machine is now fast and now slow, for all of them."""
    if scenario == "ceiling":
        for kind in kinds:
            gc.collect()
            yield scenario, kind.name, scenarios.ceiling(kind, quick)
        return
    rooms, members, rate = (10, 30, 20) if scenario == "10x30" else (1, 500, 2)
    found: dict[str, list[Figures]] = {kind.name: [] for kind in kinds}
    for _ in range(1 if quick else ROUNDS):
        for kind in kinds:
            gc.collect()
            found[kind.name].append(scenarios.steady(kind, rooms, members, rate, quick))
            print(f"{kind.name:14} {found[kind.name][-1].line()}", flush=True)
    for name, figures in found.items():
        yield scenario, name, medians(figures)


def _show(scenario: str, server: str, result: report.Result) -> None:
    parts = {"": result}
    if isinstance(result, scenarios.Ceiling):
        parts = {"": result.best, " ×2": result.overload}
    for what, part in parts.items():
        line = part.line() if part else "none"
        print(f"{time.strftime('%H:%M:%S')} {scenario + what:10} {server:14} {line}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter and smaller; the figures are rough")
    parser.add_argument("--counts", action="store_true", help="count SQL statements and system calls, and no more")
    parser.add_argument("--growth", action="store_true", help="ask each address in a big database, and no more")
    parser.add_argument("--search", action="store_true", help="search among 1,000,000 messages, and no more")
    parser.add_argument("--frames", action="store_true", help="frames of the page in Chromium, and no more")
    parser.add_argument("--message-cost", action="store_true", help="CPU of the page for a message, and no more")
    parser.add_argument(
        "--scale", type=float, help="with --growth or --search: 1 is 2,200,000 messages and 5,000 rooms"
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="with the same: made by bench.growth_data before")
    parser.add_argument(
        "--trace-pauses", type=float, metavar="SECONDS", help="10x30 at rising rates, and what stops it"
    )
    parser.add_argument(
        "--rate", type=float, default=0, help="with --trace-pauses: the highest good rate, where it is known"
    )
    parser.add_argument("--json", action="store_true", help="with --counts: for programs")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only this one (may be repeated)")
    parser.add_argument("--only-ours", action="store_true", help="without the baselines")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a target is not met")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page, such as docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
