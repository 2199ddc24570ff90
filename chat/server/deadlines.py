"""Deadlines of connections: thousands, most of which are moved before they expire."""

import asyncio
import logging
import time
from collections import defaultdict
from typing import Protocol

log = logging.getLogger("gunicorn.error")
STEP_SECONDS = 0.1  # maximum delay before an expired deadline is noticed
NEVER = float("inf")


class Watched(Protocol):
    """An object with a deadline."""

    deadline: float  # time.monotonic() s; may be changed freely: see Deadlines.watch
    watched_until: float  # maintained by Deadlines; initially NEVER

    def deadline_passed(self) -> None: ...


class Deadlines:
    """Moving a deadline to a later time is free; call `watch` if it is moved to before watched_until."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._steps: defaultdict[int, set[Watched]] = defaultdict(set)
        self._done = int(time.monotonic() / STEP_SECONDS)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_step = NEVER

    def watch(self, one: Watched) -> None:
        """Check the object when its deadline comes."""
        self.forget(one)
        step = max(self._done, int(one.deadline / STEP_SECONDS)) + 1
        one.watched_until = step * STEP_SECONDS
        self._steps[step].add(one)
        if step < self._timer_step:
            self._set_timer(step)

    def forget(self, one: Watched) -> None:
        """Stop watching the object."""
        if one.watched_until != NEVER:
            self._steps[round(one.watched_until / STEP_SECONDS)].discard(one)
            one.watched_until = NEVER

    def _set_timer(self, step: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_step = step
        self._timer = self._loop.call_later(step * STEP_SECONDS - time.monotonic(), self._run)

    def _run(self) -> None:
        self._timer, self._timer_step = None, NEVER
        now = time.monotonic()
        current = int(now / STEP_SECONDS)
        for step in sorted(step for step in self._steps if step <= current):
            for one in self._steps.pop(step):
                self._look(one, now)
        self._done = current
        if self._steps and min(self._steps) < self._timer_step:
            self._set_timer(min(self._steps))

    def _look(self, one: Watched, now: float) -> None:
        one.watched_until = NEVER
        if one.deadline <= now:
            try:
                one.deadline_passed()
            except Exception:
                log.exception("handling an expired deadline failed")
        if one.watched_until == NEVER and one.deadline != NEVER:
            self.watch(one)
