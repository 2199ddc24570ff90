"""wsgi:app with cheap passwords, as tests.real_server starts it."""

from tests.hashing import cheapen
from wsgi import app  # noqa: F401

cheapen(setattr)
