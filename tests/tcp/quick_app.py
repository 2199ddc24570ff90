"""create_app, impatient: what takes a minute takes a second or two."""

from flask import Flask

import app as real
from chat.protocols.tcp import connection
from chat.server import lines


def create() -> Flask:
    connection.LOGIN_SECONDS = 2.0
    lines.PIECE_SECONDS = 1.0
    return real.create_app()
