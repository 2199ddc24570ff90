"""Play a lesson against a server with the settings of `make run`, from the roster to the archived room.

Prints the time of each phase, and a report: exit code 1 where something was refused, lost, or arrived twice.
"""
# ruff: noqa: T201

import argparse
import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable

from bench.attack.books import percentile
from bench.lesson.played import Lesson
from bench.servers import Classroom


class Served(Classroom):
    """With all settings as `make run` has them but for the addresses."""

    def environment(self) -> dict[str, str]:
        found = super().environment()
        for name in ("CHAT_CONNECTIONS_PER_ADDRESS", "CHAT_SQLITE_SYNCHRONOUS"):
            del found[name]
        return found

    def claim(self) -> str:
        """The last part of the link for the first teacher that the start prints. Raises RuntimeError."""
        found = re.search(r"/claim/(\S+)", self.log_end())
        if found is None:
            raise RuntimeError(f"no link for the first teacher:\n{self.log_end()}")
        return found[1]


async def _timed(name: str, phase: Callable[[], Awaitable[object]]) -> None:
    began = time.monotonic()
    await phase()
    print(f"{name:<40} {time.monotonic() - began:6.2f} s", flush=True)


async def _play(lesson: Lesson) -> None:
    await _timed("The teacher registers, opens the link", lesson.begin)
    await _timed("The roster is imported; log-in cards", lesson.roster)
    attended = lesson.attended()
    await _timed(f"{len(lesson.pupils)} pupils log in and connect", attended.__aenter__)
    try:
        await _timed("Everybody greets in the room", lesson.greetings)
        await _timed("An assignment as a PDF", lesson.assignment)
        await _timed("Questions, replies, reactions", lesson.questions)
        await _timed("Two muted, one message deleted", lesson.order)
        await _timed("Slow mode", lesson.slow_mode)
        await _timed("Read-only", lesson.read_only)
        await _timed("Export", lesson.export)
        await _timed("Archive", lesson.archive)
    finally:
        await attended.__aexit__(None, None, None)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.lesson", description=__doc__)
    parser.add_argument("--pupils", type=int, default=60, help="at least 8: each protocol then has one")
    options = parser.parse_args()
    if options.pupils < 8:
        parser.error("--pupils: at least 8")
    with Served() as server:
        lesson = Lesson(server.port, server.tcp_port, server.claim(), options.pupils)
        asyncio.run(_play(lesson))
    errors, phase = lesson.verdict(), lesson.books.phase
    print(f"\nSends: {len(phase.sends)} acknowledged, {phase.refused} refused.")
    print(f"Deliveries: {len(phase.deliveries)}, 95 % within {percentile(phase.deliveries, 0.95):.0f} ms.")
    print(f"{len(errors)} errors.")
    for error in errors:
        print(f"- {error}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
