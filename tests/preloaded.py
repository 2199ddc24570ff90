"""A worker's modules except wsgi, which would create an application: see tests.launch."""

import app  # noqa: F401
import serving  # noqa: F401
import tests.hashing  # noqa: F401
from tests import moves, routes

moves.check()
routes.compile_once()
