"""Held pulls, with the connection's part played by the test."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response

from chat.http.context import ARRIVAL_KEY
from chat.http.held_pulls import HeldPull
from chat.http.responses import HeldResponse
from chat.models import Actor, Entry
from chat.server.ports import Arrival
from chat.services import Services
from tests.conftest import services_of, sign_up
from tests.contract.clients import FlaskTransport, PollingClient
from tests.database import wait_for_the_bus

FUTURE = "2099-01-01T00:00:00Z"


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """Without rate limits, as most tests here send more than they allow."""
    return make_app(rate_limits=False)


@pytest.fixture
def token(app: Flask) -> str:
    alice = PollingClient(FlaskTransport(app))
    reply = alice.call("POST", "/user/register", {"username": "alice", "password": "secret1"})
    return str(reply.headers["Set-Cookie"].split("=", 1)[1].split(";")[0])


@pytest.fixture
def chat(app: Flask, token: str, bob: Actor) -> Services:
    made = services_of(app)
    wait_for_the_bus(made)
    return made


@pytest.fixture
def bob(app: Flask) -> Actor:
    return sign_up(services_of(app), "bob")


def pull(app: Flask, token: str, cursors: dict[str, Any], query: str = "", method: str = "POST") -> Response:
    body = json.dumps(cursors).encode()
    with app.test_request_context(
        f"/chat/pull?timeout=20&limit=500{query}", method=method, data=body, headers={"Authorization": token},
        environ_overrides={ARRIVAL_KEY: Arrival(time.monotonic(), body)},
    ):  # fmt: skip
        return app.full_dispatch_request()


def held(response: Response) -> HeldPull:
    assert isinstance(response, HeldResponse)
    assert isinstance(response.held, HeldPull)
    return response.held


def park(
    app: Flask, token: str, cursors: dict[str, Any], query: str = "", wake: Callable[[], None] = lambda: None
) -> HeldPull:
    parked = held(pull(app, token, cursors, query))
    parked.start(wake)
    return parked


def end(parked: HeldPull) -> None:
    parked.is_held = False
    parked.close()


def in_the_lobby(message: Entry) -> dict[str, Any]:
    return {"public": message.time / 1e6}
