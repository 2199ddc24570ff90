"""A worker's modules except wsgi, which would create an application: see tests.launch."""

import app  # noqa: F401
import chat.server.client_identity
import chat.server.memory
import chat.server.worker
import chat.web.health  # noqa: F401
import tests.hashing  # noqa: F401
from tests import moves

moves.check()
