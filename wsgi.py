"""The application for gunicorn and for `flask` (FLASK_APP=wsgi)."""

import gc
import os
import sys

gc.disable()  # Loading leaves next to no garbage (1,352 objects). Looking for it takes a third of a command's CPU.

from app import create_app
from chat import logs
from instance import PRIVATE_UMASK
from setting_parsers import ConfigError

logs.configure()
os.umask(PRIVATE_UMASK)
try:
    app = create_app()
except ConfigError as error:
    print(f"Commonroom cannot start. {error}", file=sys.stderr)  # noqa: T201
    sys.exit(3)  # gunicorn does not restart a worker that exits with this code
gc.freeze()  # Objects loaded so far are permanent: no later collection scans them, also none at the end of a command.
gc.enable()
