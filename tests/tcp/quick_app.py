"""create_app, impatient: what takes a minute takes some seconds, more than a busy machine lets pass unseen."""

from flask import Flask

import app as real
from chat.protocols.tcp import connection
from chat.server import lines


def create() -> Flask:
    connection.LOGIN_SECONDS = 6.0
    lines.PIECE_SECONDS = 3.0
    return real.create_app()
