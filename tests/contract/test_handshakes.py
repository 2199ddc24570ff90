"""Nothing is missed from a WebSocket's 101 on, however late its connection is opened."""

import time
from collections.abc import Iterator

import pytest
from flask import Flask

from chat.http.context import ARRIVAL_KEY
from chat.http.responses import UpgradeResponse
from chat.models import Actor
from chat.server.ports import Arrival, Look, Upgrade
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import services_of, sign_up
from tests.contract.clients import FlaskTransport, PollingClient
from tests.database import wait_for_the_bus
from tests.peers import FakePeer
from tests.real_server import wait_until

HANDSHAKE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


@pytest.fixture
def chat(app: Flask) -> Iterator[Services]:
    services = services_of(app)
    services.start()
    yield services
    services.close()


@pytest.fixture
def bob(chat: Services) -> Actor:
    return sign_up(chat, "bob")


def handshake(app: Flask, path: str) -> Upgrade:
    """Alice's handshake, up to the 101."""
    alice = PollingClient(FlaskTransport(app))
    reply = alice.call("POST", "/user/register", {"username": "alice", "password": "secret1"})
    token = reply.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    arrival = {ARRIVAL_KEY: Arrival(time.monotonic(), b"")}
    with app.test_request_context(path, headers={**HANDSHAKE, "Authorization": token}, environ_overrides=arrival):
        response = app.full_dispatch_request()
    assert isinstance(response, UpgradeResponse)
    return response.upgrade


def opened(upgrade: Upgrade) -> bytes:
    """Open the connection. Returns what is pushed first."""
    peer, session = FakePeer(), upgrade.open()
    session.opened(peer)
    reader = peer.reader
    assert reader is not None
    found: Look | bytes | list[bytes] = Look.NOTHING_YET

    def is_found() -> bool:
        nonlocal found
        if found is Look.NEEDS_THREAD:
            reader.look_again()
        found = reader.look()
        return not isinstance(found, Look)

    wait_until(is_found, "something is pushed")  # a look may begin before the bus has told of it
    reader.close()
    session.closed()
    assert not isinstance(found, Look)
    return found if isinstance(found, bytes) else b"".join(found)


def test_a_signal_between_the_101_and_the_connection_is_pushed(app: Flask, chat: Services, bob: Actor) -> None:
    upgrade = handshake(app, "/ws/")
    chat.friends.request(bob, chat.accounts.find("alice").user_id, "")
    wait_for_the_bus(chat)
    assert opened(upgrade) == b'{"type":"request_message"}'


@pytest.mark.parametrize("path", ["/ws/", "/ws/join"])
def test_a_message_between_the_101_and_the_connection_is_pushed(
    app: Flask, chat: Services, bob: Actor, path: str
) -> None:
    upgrade = handshake(app, path)
    chat.messages.send(bob, "public", Draft(text="in between"))
    assert (b"in between" if path == "/ws/join" else b"notify") in opened(upgrade)


@pytest.mark.parametrize("path", ["/ws/", "/ws/join", "/api/message/ws"])
def test_a_client_that_disconnects_before_the_101_leaves_no_waiter(app: Flask, chat: Services, path: str) -> None:
    upgrade = handshake(app, path)
    assert len(chat.hub.notifier) == 1
    upgrade.abandoned()
    assert len(chat.hub.notifier) == 0
