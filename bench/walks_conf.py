"""gunicorn's settings for bench.walks: the project's, and a record of each call of the project's functions."""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = os.environ["WALKS_ROOT"]
TRIGGER = Path(os.environ["WALKS_OUT"])  # records while it exists
exec(Path(ROOT, "gunicorn.conf.py").read_text(encoding="utf-8"))  # noqa: S102
_project_post_fork: Any = globals().get("post_fork")


class Recorder:
    """Records calls of all threads started later, and of this one, while the trigger file exists."""

    def __init__(self) -> None:
        self._calls: list[tuple[float, str, str, str]] = []
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def _note(self, frame: Any, event: str, _: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        name = code.co_filename
        if name.startswith(ROOT) and ".venv" not in name and "/bench/" not in name:
            thread = threading.current_thread().name
            self._calls.append((time.monotonic(), thread, name[len(ROOT) + 1 :], code.co_qualname))

    def run(self) -> None:
        """Write down the calls made while the file existed."""
        sys.setprofile(None)  # in this thread
        while True:
            while not TRIGGER.exists():
                time.sleep(0.002)
            self._calls.clear()
            while TRIGGER.exists():
                time.sleep(0.002)
            lines = ["\t".join(map(str, call)) for call in self._calls]
            TRIGGER.with_suffix(".part").write_text("\n".join(lines), encoding="utf-8")
            TRIGGER.with_suffix(".part").rename(TRIGGER.with_suffix(".calls"))


def post_fork(server: Any, worker: Any) -> None:
    """Record from before the worker's threads start."""
    recorder = Recorder()
    threading.Thread(target=recorder.run, name="walks", daemon=True).start()
    if _project_post_fork is not None:
        _project_post_fork(server, worker)
