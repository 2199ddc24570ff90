"""The attackers' processes: on the class's core, but only in the time that the class leaves them."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Self

from bench.attack.attackers import READY
from bench.attack.wire import Lost
from bench.servers import end_with_parent

_READY_SECONDS = 600.0  # to start and register: on a busy machine they get hardly any time


class Attackers:
    """Processes that are registered and wait for `attack`."""

    def __init__(self) -> None:
        self._processes: list[asyncio.subprocess.Process] = []

    @classmethod
    @asynccontextmanager
    async def ready(cls, attacks: Iterable[str], seconds: float, ports: tuple[int, int]) -> AsyncIterator[Self]:
        """Start one for each attack, and end the remaining ones in the end. Raises Lost, TimeoutError."""
        attackers = cls()
        try:
            for attack in attacks:
                attackers._processes.append(await _start(attack, seconds, ports))
            async with asyncio.timeout(_READY_SECONDS):
                for process in attackers._processes:
                    assert process.stdout is not None  # noqa: S101
                    if (await process.stdout.readline()).decode().strip() != READY:
                        raise Lost("an attacker has ended")
            yield attackers
        finally:
            for process in attackers._processes:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def attack(self) -> Counter[str]:
        """Have all of them attack, and return the counts of their answers when all have ended."""
        for process in self._processes:
            assert process.stdin is not None  # noqa: S101
            process.stdin.write(b"go\n")
        counts: Counter[str] = Counter()
        for process in self._processes:
            output, _ = await process.communicate()
            counts.update(json.loads(output or b"{}"))
        return counts


async def _start(attack: str, seconds: float, ports: tuple[int, int]) -> asyncio.subprocess.Process:
    command = ("-m", "bench.attack.attackers", attack, f"{seconds}", *map(str, ports))
    return await asyncio.create_subprocess_exec(
        sys.executable, *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=_yielding
    )


def _yielding() -> None:
    """Run only where the class does not: on a real network attackers have machines of their own."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    end_with_parent()
