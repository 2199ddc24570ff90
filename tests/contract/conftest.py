"""Clients to run scenarios with: each protocol's, through Flask's test client and against a real gunicorn."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests.contract.clients import ChatClient, FlaskTransport, HttpTransport, PollingClient, Transport
from tests.contract.roomapi_client import RoomapiClient
from tests.server import Server

Kind = Callable[[Transport], ChatClient]
Clients = Callable[..., PollingClient]
Anyone = Callable[[str], Any]
Meet = Callable[[Any, str], Any]
CLIENTS: list[Any] = [
    PollingClient,
    RoomapiClient,
]
SERVERS = ["flask", "gunicorn"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what takes `anyone` with every client that can do what it needs, and that and `meet` with every server."""
    if "kind" in metafunc.fixturenames:
        needed = {ability for mark in metafunc.definition.iter_markers("needs") for ability in mark.args}
        able = [kind for kind in CLIENTS if needed <= kind.can]
        pairs = [pytest.param(kind, how, id=f"{kind.protocol}-{how}") for kind in able for how in SERVERS]
        metafunc.parametrize(("kind", "connect"), pairs, indirect=True)
    elif "connect" in metafunc.fixturenames:
        metafunc.parametrize("connect", SERVERS, indirect=True)


@pytest.fixture
def client(app: Flask) -> Clients:
    """Make polling clients in this process; with a name they are registered."""

    def make(username: str = "", **settings: object) -> PollingClient:
        made = PollingClient(FlaskTransport(app))
        if username:
            made.register(username)
        return made

    return make


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> Any:
    """A protocol's client: see pytest_generate_tests."""
    return request.param


@pytest.fixture
def connect(request: pytest.FixtureRequest) -> Callable[[], Transport]:
    """Make ways to a server of that kind; they all lead to the same one."""
    if request.param == "flask":
        app: Flask = request.getfixturevalue("app")
        return lambda: FlaskTransport(app)
    server: Server = request.getfixturevalue("server")()
    return lambda: HttpTransport(server.url)


@pytest.fixture
def meet(connect: Callable[[], Transport]) -> Iterator[Meet]:
    """Make registered clients of any protocol."""
    made: list[ChatClient] = []

    def make(kind: Kind, username: str) -> ChatClient:
        made.append(kind(connect()))
        made[-1].register(username)
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def anyone(meet: Meet, kind: Any) -> Anyone:
    """Make registered clients of one protocol, for scenarios that hold for every protocol and server."""
    return lambda username: meet(kind, username)
