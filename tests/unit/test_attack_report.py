"""The final report of `make attack`."""

from importlib import import_module
from typing import Any

# mypy does not look at bench.
Row = import_module("bench.attack.__main__").Row
Books, Phase = import_module("bench.attack.books").Books, import_module("bench.attack.books").Phase
report = import_module("bench.attack.report")
MIB = 2**20


def row(name: str, latency: float = 0.01, *, rss: int = 100 * MIB, recovery: float = 0.0) -> Any:
    return Row(name, Phase([latency] * 20, [latency] * 20), rss, 0.5, recovery=recovery)


def test_one_line_for_each_attack_that_misses_an_aim() -> None:
    rows = [row("nobody"), row("slow", 0.3), row("long", recovery=2.5), row("all at once", rss=300 * MIB)]
    assert report.missed(rows) == [
        "slow: send p95 300 ms, delivery p95 300 ms",
        "long: recovery 2.5 s",
        "memory: 100 MiB at the beginning, 300 at the end",
    ]
    assert "- long: recovery 2.5 s" in report.verdict(rows, Books(["tcp"]))


def test_missing_figures_miss_the_target_and_good_ones_meet_it() -> None:
    assert report.missed([row("nobody"), Row("mute", Phase(), 0, 0.1)]) == [
        "mute: send p95 inf ms, delivery p95 inf ms"
    ]
    assert report.verdict([row("nobody")], Books(["tcp"])).endswith("No aim was missed.")
