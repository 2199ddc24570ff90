"""A worker's modules except wsgi, which would create an application: see tests.launch."""

import app  # noqa: F401
import chat.live.clients
import chat.live.memory
import chat.live.worker
import chat.web.health  # noqa: F401
import tests.hashing  # noqa: F401
from tests import moves

moves.check()
