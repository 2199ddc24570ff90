"""Clients to run scenarios with: each protocol's, through Flask's test client and against a real gunicorn."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests.conftest import services_of
from tests.contract.clients import ChatClient, FlaskTransport, HttpTransport, PollingClient, Transport
from tests.contract.ims_client import ImsGuest
from tests.contract.realtime_client import RealtimeClient, RealtimeUser
from tests.contract.registered import polling
from tests.contract.roomapi_client import FollowingRoomapiClient, RoomapiClient
from tests.contract.roomapi_socket import Member
from tests.contract.tcp_client import TcpClient
from tests.real_server import Server

Kind = Callable[[Transport], ChatClient]
Clients = Callable[..., PollingClient]
Anyone = Callable[[str], Any]
Meet = Callable[[Any, str], Any]
MakeUser = Callable[[str], RealtimeUser]
MakeRoomapi = Callable[[str], RoomapiClient]
MakeMember = Callable[[str], Member]
RunCommand = Callable[..., tuple[int, str]]
CLIENTS: list[Any] = [
    PollingClient,
    FollowingRoomapiClient,
    RealtimeClient,
    ImsGuest,
    TcpClient,
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests with an `anyone` argument for every client with the required abilities and every server it supports."""
    if "client_kind" in metafunc.fixturenames:
        needed = {ability for mark in metafunc.definition.iter_markers("needs") for ability in mark.args}
        able = [kind for kind in CLIENTS if needed <= kind.can]
        pairs = [pytest.param(kind, how, id=f"{kind.protocol}-{how}") for kind in able for how in kind.servers]
        metafunc.parametrize(("client_kind", "connect"), pairs, indirect=True)
    elif "connect" in metafunc.fixturenames:
        metafunc.parametrize("connect", ["gunicorn"], indirect=True)  # some clients need sockets


@pytest.fixture
def client(app: Flask) -> Clients:
    """Create polling clients in this process; with a name they are registered."""

    def make(username: str = "", **settings: object) -> PollingClient:
        made = PollingClient(FlaskTransport(app))
        if username:
            made.register(username)
        return made

    return make


@pytest.fixture
def client_kind(request: pytest.FixtureRequest) -> Any:
    """A protocol's client: see pytest_generate_tests."""
    return request.param


@pytest.fixture
def connect(request: pytest.FixtureRequest) -> Callable[[], Transport]:
    """Create transports to a server of that kind; all lead to the same server."""
    if request.param == "flask":
        app: Flask = request.getfixturevalue("app")
        return lambda: FlaskTransport(app)
    server: Server = request.getfixturevalue("server")()
    return lambda: HttpTransport(server.url, server.tcp_port)


@pytest.fixture
def meet(connect: Callable[[], Transport]) -> Iterator[Meet]:
    """Create registered clients of any protocol."""
    made: list[ChatClient] = []

    def make(kind: Kind, username: str) -> ChatClient:
        made.append(kind(connect()))
        made[-1].register(username)
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def anyone(meet: Meet, client_kind: Any) -> Anyone:
    """Create registered clients of one protocol, for scenarios of every protocol and server."""
    return lambda username: meet(client_kind, username)


@pytest.fixture(scope="module")
def shared_url(serve: Callable[..., Server]) -> str:
    """A server for all tests of a module, each of which has users and rooms of its own."""
    return serve().url


@pytest.fixture
def realtime_user(shared_url: str) -> Iterator[MakeUser]:
    """Create users with sockets."""
    made: list[RealtimeUser] = []

    def make(stem: str) -> RealtimeUser:
        made.append(RealtimeUser(shared_url, stem))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def teacher(app: Flask) -> PollingClient:
    made = polling(app, "teacher")
    services_of(app).teachers.appoint(None, "teacher", is_teacher=True)
    return made


@pytest.fixture
def roomapi(app: Flask) -> MakeRoomapi:
    """Create roomapi clients in this process; with a name they are registered and logged in."""

    def make(username: str) -> RoomapiClient:
        made = RoomapiClient(FlaskTransport(app))
        if username:
            made.register(username)
        return made

    return make


@pytest.fixture
def member(shared_url: str) -> Iterator[MakeMember]:
    """Create roomapi users with sockets."""
    made: list[Member] = []

    def make(stem: str) -> Member:
        made.append(Member(shared_url, stem))
        return made[-1]

    yield make
    for each in made:
        each.close()


def ran(app: Flask, *words: str, **options: Any) -> tuple[int, str]:
    """Run `flask chat …`, and return the exit code and the output."""
    result = app.test_cli_runner().invoke(args=["chat", *words], **options)
    return result.exit_code, result.output


@pytest.fixture
def run(app: Flask) -> RunCommand:
    """`ran` on the test's application, or on another one."""
    return lambda *words, on=app, **options: ran(on, *words, **options)
