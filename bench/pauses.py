"""Pauses of a server under load: 10 rooms of 30 at rising rates, then for minutes at a share of the best."""
# ruff: noqa: T201

import json
import urllib.request
from pathlib import Path

from bench.load import Figures, Load
from bench.scenarios import P99_LIMIT
from bench.servers import BIN, Commonroom

STEP_SECONDS = 11.0
FIRST_RATE, FACTOR = 150.0, 1.5  # messages a second
SHARE = 0.8  # of the highest rate with p99 within the limit
_SHOWN = 12  # pauses of a step


class _PausedServer(Commonroom):
    def command(self) -> list[str | Path]:
        return [BIN / "gunicorn", "bench.paused:app"]

    def pauses(self) -> list[tuple[float, float, str]]:
        """Since the last time: when, how long (ms), what."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/pauses", timeout=10) as answer:
            return [(at, took, what) for at, took, what in json.load(answer)]


def trace(seconds: float) -> bool:
    """Print each step and its pauses of more than 20 ms; whether p99 stayed within the limit at the share."""
    with _PausedServer(10, 30) as server:
        load = Load(server)
        load.arrive(load.members)
        load.first_round()
        rate, best = FIRST_RATE, 0.0
        while _is_good(_step(server, load, rate), load):
            best, rate = rate, rate * FACTOR
        print(f"highest good rate: {best:.0f} messages a second; now {seconds:.0f} s at {SHARE:.0%} of it", flush=True)
        steps = [_step(server, load, SHARE * best) for _ in range(round(seconds / STEP_SECONDS))] if best else []
        load.close()
    late = [step for step in steps if step.p99 > P99_LIMIT]
    worst = max((step.p99 for step in steps), default=0.0)
    print(f"{len(steps)} steps, {len(late)} with p99 over {P99_LIMIT:.0f} ms; the highest p99 {worst:.1f} ms")
    return bool(steps) and not late


def _step(server: _PausedServer, load: Load, rate: float) -> Figures:
    server.pauses()
    figures = load.measure(rate, 0.5, STEP_SECONDS - 0.5)
    print(f"{load.ledger.sent:8} messages so far  {figures.line()}", flush=True)
    found = server.pauses()
    for at, took, what in found[:_SHOWN]:
        print(f"    {at:.3f} {f'{took:.0f} ms' if took else '':>8} {what}")
    if len(found) > _SHOWN:
        print(f"    and {len(found) - _SHOWN} more")
    return figures


def _is_good(figures: Figures, load: Load) -> bool:
    return figures.p99 <= P99_LIMIT and figures.deliveries >= 0.9 * figures.offered * len(load.rooms[0])
