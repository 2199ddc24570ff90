"""Clients to run scenarios with: each protocol's, through Flask's test client and against a real gunicorn."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.contract.clients import Client, FlaskTransport, HttpTransport, PollingClient
from tests.contract.realtime_client import RealtimeClient, RealtimeUser
from tests.contract.tcp_client import TcpClient
from tests.server import Server

Clients = Callable[..., PollingClient]
Anyone = Callable[[str], Client]
MakeUser = Callable[[str], RealtimeUser]
PROTOCOLS: dict[str, type[Client]] = {
    "polling": PollingClient,
    "realtime": RealtimeClient,
    "tcp": TcpClient,
}


@pytest.fixture
def client(app: Flask) -> Clients:
    """Make polling clients in this process; with a name they are registered."""

    def make(username: str = "", **settings: object) -> PollingClient:
        made = PollingClient(FlaskTransport(app))
        if username:
            made.register(username)
        return made

    return make


@pytest.fixture(params=[(name, kind) for name, client in PROTOCOLS.items() for kind in client.SERVERS], ids="-".join)
def anyone(request: pytest.FixtureRequest) -> Iterator[Anyone]:
    """Make registered clients, for scenarios that hold for every protocol and server. `needs` marks what some lack."""
    protocol, kind = request.param
    needs = request.node.get_closest_marker("needs")
    for ability in set(needs.args if needs else ()) - PROTOCOLS[protocol].CAN:
        pytest.skip(f"{protocol} has no {ability}")
    app: Flask | None = request.getfixturevalue("app") if kind == "flask" else None
    server: Server | None = None if kind == "flask" else request.getfixturevalue("server")()

    made: list[Client] = []

    def make(username: str) -> Client:
        made.append(PROTOCOLS[protocol](FlaskTransport(app) if app is not None else _transport(server)))
        made[-1].register(username)
        return made[-1]

    yield make
    for each in made:
        each.close()


def _transport(server: Server | None) -> HttpTransport:
    assert server is not None
    return HttpTransport(server.url, server.tcp_port)


@pytest.fixture
def one_of_each(server: Callable[..., Server]) -> Iterator[dict[str, Client]]:
    """Registered clients of all protocols at one server, each called as its protocol."""
    live = server()
    made = {name: client(_transport(live)) for name, client in PROTOCOLS.items()}
    for name, each in made.items():
        each.register(name)
    yield made
    for each in made.values():
        each.close()


@pytest.fixture(scope="module")
def shared_url(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for all tests of a module, each of which has users and rooms of its own."""
    home = tmp_path_factory.mktemp("shared")
    shutil.copy(migrated, home / "commonroom.db")
    server = Server(home)
    try:
        server.start()
        yield server.url
    finally:
        server.kill()


@pytest.fixture
def realtime_user(shared_url: str) -> Iterator[MakeUser]:
    """Make users with sockets."""
    made: list[RealtimeUser] = []

    def make(stem: str) -> RealtimeUser:
        made.append(RealtimeUser(shared_url, stem))
        return made[-1]

    yield make
    for each in made:
        each.close()
