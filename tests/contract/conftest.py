"""Clients to run scenarios with: each protocol's, through Flask's test client and against a real gunicorn."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.contract.clients import FlaskTransport, HttpTransport, PollingClient
from tests.server import Server

Clients = Callable[..., PollingClient]


@pytest.fixture
def client(app: Flask) -> Clients:
    """Make polling clients in this process; with a name they are registered."""

    def make(username: str = "", **settings: object) -> PollingClient:
        made = PollingClient(FlaskTransport(app))
        if username:
            made.register(username)
        return made

    return make


@pytest.fixture(params=["flask", "gunicorn"])
def anyone(request: pytest.FixtureRequest) -> Clients:
    """Make registered clients, for scenarios that hold for every protocol and server."""
    if request.param == "flask":
        make: Clients = request.getfixturevalue("client")
        return make
    server: Server = request.getfixturevalue("server")()

    def make_remote(username: str) -> PollingClient:
        made = PollingClient(HttpTransport(server.url))
        made.register(username)
        return made

    return make_remote
