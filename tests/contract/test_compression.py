"""Long JSON is compressed on this project's server, except where it is expensive or could leak secrets
(docs/decisions/0075).
"""

import gzip
import json
import time

import pytest
from flask import Flask

from chat.http.context import ARRIVAL_KEY
from chat.http.finishing import LEAST_BYTES
from chat.server.ports import Arrival
from tests.contract.clients import FlaskTransport, PollingClient

GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
def talking(app: Flask) -> PollingClient:
    """A user in a room with more than 1 KB of history."""
    alice = PollingClient(FlaskTransport(app))
    alice.register("alice")
    alice.create_room("club")
    for number in range(20):
        alice.say("club", f"a text that is long enough, number {number}")
    return alice


def ask(talking: PollingClient, method: str, path: str, **headers: str) -> tuple[bytes, dict[str, str]]:
    transport = talking.transport
    assert isinstance(transport, FlaskTransport)
    arrival = Arrival(time.monotonic(), b"")
    response = transport.client.open(path, method=method, headers=headers, environ_overrides={ARRIVAL_KEY: arrival})
    assert response.status_code == 200
    return response.data, dict(response.headers)


def test_long_json_is_compressed_for_clients_that_accept_it(talking: PollingClient) -> None:
    plain, before = ask(talking, "GET", "/chat/history?roomname=club")
    assert len(plain) > LEAST_BYTES
    assert "Content-Encoding" not in before
    packed, after = ask(talking, "GET", "/chat/history?roomname=club", **GZIP)
    assert (after["Content-Encoding"], int(after["Content-Length"])) == ("gzip", len(packed))
    assert len(packed) < len(plain)
    assert json.loads(gzip.decompress(packed)) == json.loads(plain)
    assert before["Vary"] == after["Vary"] == "Accept-Encoding"


def test_its_length_is_padded_at_random(talking: PollingClient) -> None:
    lengths = {len(ask(talking, "GET", "/chat/history?roomname=club", **GZIP)[0]) for _ in range(20)}
    assert len(lengths) > 1


@pytest.mark.parametrize(("method", "path"), [("GET", "/user/me"), ("POST", "/chat/pull?timeout=0")])
def test_short_answers_and_those_to_post_go_as_they_are(talking: PollingClient, method: str, path: str) -> None:
    assert "Content-Encoding" not in ask(talking, method, path, **GZIP)[1]


def test_another_server_leaves_it_to_its_proxy(talking: PollingClient) -> None:
    reply = talking.call("GET", "/chat/history?roomname=club", None, **GZIP)
    assert "Content-Encoding" not in reply.headers
    assert len(reply.json["messages"]) == 20
