"""Pauses of a server under load: 10 rooms of 30 at rising rates, then for minutes at a share of the best."""
# ruff: noqa: T201

import json
import re
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.load import OTHERS_BUSY, Figures, Load, medians
from bench.scenarios import P99_LIMIT
from bench.servers import BIN, Commonroom

STEP_SECONDS = 11.0
FIRST_RATE, FACTOR = 150.0, 1.5  # messages a second
SHARE = 0.8  # of the highest rate with p99 within the limit
_SHOWN = 12  # pauses of a step
_DETAILS = re.compile(r", \d+ ms of CPU|(?<= in )\S+_\d+")  # what differs from one pause of a kind to the next


class _PausedServer(Commonroom):
    def command(self) -> list[str | Path]:
        return [BIN / "gunicorn", "bench.paused:app"]

    def pauses(self) -> list[tuple[float, float, str]]:
        """Since the last time: when, how long (ms), what."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/pauses", timeout=10) as answer:
            return [(at, took, what) for at, took, what in json.load(answer)]


@dataclass
class Traced:
    """The record of a run at SHARE of the highest good rate."""

    best: float  # messages a second
    steps: list[Figures]
    causes: Counter[str]  # pauses of more than 50 ms, by cause

    @property
    def late(self) -> int:
        return sum(step.p99 > P99_LIMIT for step in self.steps)

    @property
    def disturbed(self) -> int:
        """How many of the late steps had other programs on the server's core."""
        return sum(step.p99 > P99_LIMIT and step.others > OTHERS_BUSY for step in self.steps)

    @property
    def worst(self) -> float:
        """The highest p99 (ms)."""
        return max((step.p99 for step in self.steps), default=0.0)

    def text(self) -> str:
        """For the page and the terminal."""
        if not self.steps:
            return "No rate was good."
        middle = medians(self.steps)
        minutes = len(self.steps) * STEP_SECONDS / 60
        causes = "; ".join(f"{count} × {cause}" for cause, count in self.causes.most_common(8)) or "none"
        return f"""10 rooms of 30 members. Highest good rate: {self.best:.0f} messages a second.
Then {minutes:.1f} minutes at {SHARE:.0%} of it ({len(self.steps)} steps), {middle.deliveries:.0f} deliveries a second:
p50 {middle.p50:.1f} ms and p99 {middle.p99:.1f} ms (medians); highest p99 {self.worst:.1f} ms; {self.late} steps
with p99 over {P99_LIMIT:.0f} ms, {self.disturbed} of them with others on more than {OTHERS_BUSY:.0%} of its core.
Other programs took at most {max(step.others for step in self.steps):.0%} of the server's core.
Pauses over {P99_LIMIT:.0f} ms: {causes}."""


def trace(seconds: float, best: float = 0.0) -> Traced:
    """Print each step and its pauses of more than 20 ms. best: the highest good rate; 0: it is sought first."""
    with _PausedServer(10, 30) as server:
        load = Load(server)
        load.arrive(load.members)
        load.first_round()
        if not best:
            rate = FIRST_RATE
            while _is_good(_step(server, load, rate), load):
                best, rate = rate, rate * FACTOR
        print(f"highest good rate: {best:.0f} messages a second; now {seconds:.0f} s at {SHARE:.0%} of it", flush=True)
        causes: Counter[str] = Counter()
        count = round(seconds / STEP_SECONDS) if best else 0
        steps = [_step(server, load, SHARE * best, causes) for _ in range(count)]
        load.close()
    return Traced(best, steps, causes)


def _step(server: _PausedServer, load: Load, rate: float, causes: Counter[str] | None = None) -> Figures:
    server.pauses()
    figures = load.measure(rate, 0.5, STEP_SECONDS - 0.5)
    print(f"{load.ledger.sent:8} messages so far  {figures.line()}", flush=True)
    found = server.pauses()
    for at, took, what in found[:_SHOWN]:
        print(f"    {at:.3f} {f'{took:.0f} ms' if took else '':>8} {what}")
    if len(found) > _SHOWN:
        print(f"    and {len(found) - _SHOWN} more")
    if causes is not None:
        causes.update(_DETAILS.sub("", what) for _, took, what in found if took > P99_LIMIT)
    return figures


def _is_good(figures: Figures, load: Load) -> bool:
    return figures.p99 <= P99_LIMIT and figures.deliveries >= 0.9 * figures.offered * len(load.rooms[0])
