"""As tests.served, loading only when the instance folder has no file slow-start."""

import os
import time
from pathlib import Path

_file = Path(os.environ["CHAT_INSTANCE_PATH"], "slow-start")
while _file.exists():
    time.sleep(0.01)

from tests.hashing import cheapen  # noqa: E402
from wsgi import app  # noqa: E402, F401

cheapen(setattr)
