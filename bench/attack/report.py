"""The table of `make attack`, for the terminal and for docs/security.md."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.attack.books import Books, Phase, percentile
from bench.report import machine

if TYPE_CHECKING:
    from bench.attack.__main__ import Row

_BEGIN, _END = "<!-- measured: begin -->", "<!-- measured: end -->"
_SHARES = (0.5, 0.95, 0.99)
P95_MAX_MS, RECOVERY_MAX_S = 250, 1.0  # the aims
GROWTH_MAX_BYTES = 128 * 2**20  # of the server's memory, from the first row to the last


def line(row: Row) -> str:
    """For the terminal."""
    return (
        f"{row.name:24} send {_times(row.phase.sends)} ms  delivery {_times(row.phase.deliveries)} ms  "
        f"refused {row.phase.refused}  lapses {row.phase.lapses}  {row.rss / 2**20:.0f} MiB  CPU {row.cpu:.0%}  "
        f"recovery {row.recovery:.2f} s  attackers: {_counts(row)}\n"
        f"{'':24} the class: CPU {row.class_cpu:.0%}, waited for its core {row.class_waited:.1%}, "
        f"late {_times(row.phase.lateness)} ms; deliveries by protocol: {_by_protocol(row.phase)}"
    )


def table(rows: list[Row]) -> str:
    """In Markdown."""
    head = (
        "attack",
        "send p50/p95/p99 ms",
        "delivery p50/p95/p99 ms",
        "the class late p50/p95/p99 ms",
        "sends refused",
        "connections lost",
        "server MiB",
        "server CPU",
        "recovery s",
        "the attackers' answers",
    )
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
    for row in rows:
        cells = (
            row.name,
            _times(row.phase.sends),
            _times(row.phase.deliveries),
            _times(row.phase.lateness),
            row.phase.refused,
            row.phase.lapses,
            f"{row.rss / 2**20:.0f}",
            f"{row.cpu:.0%}",
            f"{row.recovery:.2f}",
            _counts(row),
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def missed(rows: list[Row]) -> list[str]:
    """A line for each attack in which an aim was missed, and for memory that grew until the end."""
    lines = []
    for row in rows:
        aims = (
            ("send p95", percentile(row.phase.sends, 0.95), P95_MAX_MS, "ms"),
            ("delivery p95", percentile(row.phase.deliveries, 0.95), P95_MAX_MS, "ms"),
            ("recovery", row.recovery, RECOVERY_MAX_S, "s"),
            ("connections lost", row.phase.lapses, 0, ""),
            ("got through", row.phase.intrusions, 0, ""),
        )
        found = [f"{what} {value:.3g} {unit}".rstrip() for what, value, most, unit in aims if not value <= most]
        if found:
            lines.append(f"{row.name}: {', '.join(found)}")
    if rows and rows[-1].rss - rows[0].rss > GROWTH_MAX_BYTES:
        lines.append(f"memory: {rows[0].rss / 2**20:.0f} MiB at the beginning, {rows[-1].rss / 2**20:.0f} at the end")
    return lines


def verdict(rows: list[Row], books: Books) -> str:
    lines = [f"Acknowledged messages lost: {books.outstanding} deliveries. Delivered twice: {books.duplicates}.", ""]
    found = missed(rows)
    lines += ["Aims missed:", "", *(f"- {line}" for line in found)] if found else ["No aim was missed."]
    return "\n".join(lines)


def write(path: Path, rows: list[Row], books: Books, seconds: float) -> None:
    """Replace what stands between the marks of the page. Raises ValueError where it has none."""
    before, _, rest = path.read_text().partition(_BEGIN)
    _, mark, after = rest.partition(_END)
    if not mark:
        raise ValueError(f"{path} has no {_BEGIN} … {_END}")
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    command = f'`make attack ARGS="--seconds {seconds:g} --write {path}"`'
    measured = f"Written by {command} on {when}. {machine()}\n\n{table(rows)}\n\n{verdict(rows, books)}"
    path.write_text(f"{before}{_BEGIN}\n{measured}\n{_END}{after}")


def _times(values: list[float]) -> str:
    return " / ".join(f"{percentile(values, share):.0f}" for share in _SHARES)


def _by_protocol(phase: Phase) -> str:
    return ", ".join(f"{protocol} {_times(values)}" for protocol, values in sorted(phase.by_protocol.items()))


def _counts(row: Row) -> str:
    counts = {**row.counts, **({"GOT THROUGH": row.phase.intrusions} if row.phase.intrusions else {})}
    return ", ".join(f"{what}: {count}" for what, count in counts.items()) or "–"
