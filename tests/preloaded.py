"""The modules of gunicorn and its workers except wsgi, which would create an application: see tests.launch."""

import gc
import tempfile
from pathlib import Path

gc.disable()  # as in wsgi.py

import gunicorn.glogging  # noqa: F401 - and the worker's modules, which gunicorn finds by name

import serving  # noqa: F401
import startup  # noqa: F401
import tests.hashing
import tests.launch  # noqa: F401 - with the rest of gunicorn
from app import create_app
from chat import logs  # noqa: F401
from chat.server import reload_check, replacements, worker  # noqa: F401
from config import Settings
from tests import moves, routes, statements

moves.check()
routes.make_once()
statements.compile_once()
with tempfile.TemporaryDirectory() as folder:  # what it compiles is known to all that are forked from here
    create_app(Settings(instance_path=Path(folder), secret_key="x" * 32))
gc.freeze()
gc.enable()
