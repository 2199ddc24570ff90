"""Commonroom with its pauses written down; run as `gunicorn bench.paused:app` (see bench.pauses).

GET /pauses answers those since it was last asked: [[when (time.monotonic() s), ms, what], …].
"""

import gc
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chat.backends.sqlite.store import Store
from chat.server.worker import LiveWorker
from wsgi import app

PAUSE_SECONDS = 0.02
_TICK_SECONDS = 0.005
_pauses: list[tuple[float, float, str]] = []
_began = threading.local()


def _note(began: float, what: str) -> None:
    took = time.monotonic() - began
    if took > PAUSE_SECONDS:
        _pauses.append((began, round(took * 1000, 1), what))


def _collecting(phase: str, info: dict[str, int]) -> None:
    if phase == "start":
        _began.at, _began.cpu = time.monotonic(), time.thread_time()
    else:
        cpu_ms = (time.thread_time() - _began.cpu) * 1000  # the rest is waiting for Python's lock, before or after
        _note(_began.at, f"garbage collection, generation {info['generation']}, {cpu_ms:.0f} ms of CPU")


gc.callbacks.append(_collecting)


_writing: Any = Store._writing


@contextmanager
def _timed_turn(store: Store) -> Iterator[None]:
    asked = time.monotonic()
    with _writing(store):
        got = time.monotonic()
        _note(asked, f"waited for the writers' turn in {threading.current_thread().name}")
        yield
        if time.monotonic() - got > PAUSE_SECONDS:
            stack = [frame.name for frame in traceback.extract_stack(limit=6) if "/chat/" in frame.filename]
            _note(got, f"held the writers' turn in {threading.current_thread().name}, {' > '.join(stack)}")


Store._writing = _timed_turn  # type: ignore[method-assign,assignment]


class _LoopWatch:
    """Detects from a thread when the loop is blocked, and records where."""

    def __init__(self, worker: LiveWorker) -> None:
        self._loop = worker.loop
        self._seen = time.monotonic()
        self._tick()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._seen > PAUSE_SECONDS + _TICK_SECONDS:
            _note(self._seen, "the loop did not turn")
        self._seen = now
        self._loop.call_later(_TICK_SECONDS, self._tick)

    def _watch(self) -> None:
        while True:
            time.sleep(_TICK_SECONDS)
            seen = self._seen
            if time.monotonic() - seen > PAUSE_SECONDS:
                _pauses.append((seen, 0.0, f"meanwhile {_running()}"))
                while self._seen == seen:
                    time.sleep(_TICK_SECONDS)


def _running() -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    found = []
    for ident, frame in sys._current_frames().items():
        stack = traceback.extract_stack(frame, limit=None)
        ours = [each.name for each in stack if "/chat/" in each.filename]
        if ours[-1:] != ["run"] and names.get(ident) != "watch":  # "run": rests
            found.append(f"{names.get(ident)}: {' > '.join([*ours[-3:], stack[-1].name])}")
    return "; ".join(found)


_notify = LiveWorker.notify


def _notify_watched(worker: LiveWorker) -> None:
    _notify(worker)
    if "loop_watch" not in vars(worker):
        vars(worker)["loop_watch"] = _LoopWatch(worker)


LiveWorker.notify = _notify_watched  # type: ignore[method-assign]


@app.get("/pauses")
def pauses() -> list[list[Any]]:
    """Those since the last time."""
    found, _pauses[:] = list(_pauses), []
    return [list(pause) for pause in found]
