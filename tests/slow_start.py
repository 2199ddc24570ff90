"""As tests.served, with workers that start only when the instance folder has no file slow-start.

Each that waits makes a file starting-<process id> there.
"""

import os
import time
from pathlib import Path

from tests.served import app

_folder = Path(os.environ["CHAT_INSTANCE_PATH"])
_services = app.extensions["commonroom"]
_start = _services.start


def _start_slowly() -> None:
    while (_folder / "slow-start").exists():
        (_folder / f"starting-{os.getpid()}").touch()
        time.sleep(0.01)
    _start()


_services.start = _start_slowly
