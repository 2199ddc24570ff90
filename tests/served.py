"""wsgi:app with cheap passwords, as tests.real_server starts it."""

from tests.hashing import cheapen
from wsgi import app as app  # for servers, and modules that import it from here

cheapen(setattr)
