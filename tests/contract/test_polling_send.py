"""/chat/send (docs/protocols/polling.md; docs/specification.md, "Message" and "Retries")."""

import base64
import io
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from chat.http.context import ARRIVAL_KEY
from chat.http.overload import LATE_SECONDS
from chat.server.ports import Arrival
from tests.conftest import FakeClock
from tests.contract.clients import FlaskTransport, PollingClient, Reply
from tests.contract.conftest import Clients
from tests.pictures import noise, picture


@pytest.fixture
def alice(client: Clients) -> PollingClient:
    return client("alice")


def send(client: PollingClient, **new_message: Any) -> Reply:
    return client.call("POST", "/chat/send", {"roomname": "public", "new_message": new_message})


def stored(client: PollingClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.ok("POST", "/chat/pull?detail=1&timeout=0", {"public": ""})["public"]
    return found


def test_sender_and_time_sent_by_clients_are_ignored(alice: PollingClient) -> None:
    reply = send(alice, user="teacher", type="text", timestamp="1999-01-01T00:00:00Z", content="hi")
    assert (reply.status, reply.json["status"], set(reply.json)) == (200, "success", {"status", "feedback"})
    assert send(alice, user=7, timestamp=[], type="text", content="hi").status == 200
    message = stored(alice)[0]
    assert message["user"] == "alice"
    assert message["timestamp"] > "2026"


def test_length_of_a_text(alice: PollingClient) -> None:
    assert send(alice, type="text", content="").status == 400
    assert send(alice, type="text", content="字" * 4000).status == 200
    assert send(alice, type="text", content="字" * 4001).status == 400
    assert send(alice, type="text", content=".").status == 200
    assert [len(message["content"]) for message in stored(alice)] == [4000, 1]


@pytest.mark.parametrize("content", [" ", "\n", "\u200b", "\u2800", "\ufeff", "\ufffc", "\U00016fe4"])
def test_a_text_that_shows_as_nothing_is_empty(alice: PollingClient, content: str) -> None:
    assert send(alice, type="text", content=content).status == 400
    assert stored(alice) == []


@pytest.mark.parametrize("kind", ["file", "image", "TEXT", "", "video"])
def test_other_types_are_refused(alice: PollingClient, kind: str) -> None:
    assert send(alice, type=kind, content="x").status == 400


@pytest.mark.parametrize(("client_id", "status"), [("x" * 64, 200), ("x" * 65, 400), ("", 400), (5, 400), (None, 200)])
def test_client_message_ids(alice: PollingClient, client_id: object, status: int) -> None:
    assert send(alice, type="text", content="x", client_message_id=client_id).status == status


def test_a_retry_answers_the_same_and_keeps_the_first_content(alice: PollingClient) -> None:
    first = send(alice, type="text", content="first", client_message_id="1")
    again = send(alice, type="text", content="second", client_message_id="1")
    assert (first.status, first.body) == (again.status, again.body)
    assert [message["content"] for message in stored(alice)] == ["first"]


def test_pictures_as_base64_and_data_url(alice: PollingClient) -> None:
    data = picture("PNG")
    plain = base64.b64encode(data).decode()
    for content in (plain, f"data:image/png;base64,{plain}", plain.rstrip("="), plain[:20] + "\r\n" + plain[20:]):
        assert send(alice, type="img", content=content).status == 200, content
    for message in stored(alice):
        assert message["type"] == "img"
        assert message["content"] == plain


def bomb() -> bytes:
    """A small PNG of 8,000 × 8,000 pixels."""
    buffer = io.BytesIO()
    Image.new("1", (8000, 8000)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"<svg onload=alert(1)>", b"<html>", picture("PNG")[:40], picture("BMP"), picture("TIFF"), bomb()],
    ids=["empty", "text", "svg", "html", "cut off", "bmp", "tiff", "64 megapixels"],
)
def test_invalid_pictures(alice: PollingClient, data: bytes) -> None:
    assert send(alice, type="img", content=base64.b64encode(data).decode()).status == 400
    assert stored(alice) == []


@pytest.mark.parametrize("content", ["%%%%", "data:image/png,xxxx", "http://127.0.0.1/x.png", "ä" * 8])
def test_invalid_base64(alice: PollingClient, content: str) -> None:
    assert send(alice, type="img", content=content).status == 400


def test_a_picture_over_5_mib(alice: PollingClient) -> None:
    exact = noise(5_000_000)
    fits = exact + b"\0" * (5 * 1024 * 1024 - len(exact))
    assert send(alice, type="img", content=base64.b64encode(fits).decode()).status == 200
    assert send(alice, type="img", content=base64.b64encode(fits + b"\0").decode()).status == 413
    assert len(stored(alice)) == 1


def test_a_body_over_8_mib(alice: PollingClient) -> None:
    reply = send(alice, type="text", content="x" * (8 * 1024 * 1024))
    assert (reply.status, reply.json["status"]) == (413, "failure")


def test_sixty_messages_at_once_then_twenty_a_second(make_app: Callable[..., Flask], clock: FakeClock) -> None:
    alice = PollingClient(FlaskTransport(make_app(clock)))
    alice.register("alice")
    assert [send(alice, type="text", content=str(i)).status for i in range(60)] == [200] * 60
    refused = send(alice, type="text", content="one more")
    assert (refused.status, refused.json["status"]) == (429, "failure")
    assert int(refused.headers["Retry-After"]) == 1
    clock.advance(1)
    assert [send(alice, type="text", content=str(i)).status for i in range(21)] == [200] * 20 + [429]
    assert len(stored(alice)) == 80


def test_a_send_that_waited_too_long_for_a_thread_is_refused(app: Flask, alice: PollingClient) -> None:
    reply = alice.call("POST", "/user/login", {"username": "alice", "password": "secret1"})
    headers = {"Authorization": reply.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]}
    body = {"roomname": "public", "new_message": {"type": "text", "content": "x"}}
    statuses = []
    for waited in (LATE_SECONDS - 0.5, LATE_SECONDS + 0.1):
        environ = {ARRIVAL_KEY: Arrival(time.monotonic() - waited, None)}
        answer = app.test_client().post("/chat/send", json=body, headers=headers, environ_overrides=environ)
        statuses.append(answer.status_code)
    assert statuses == [200, 503]
    assert int(answer.headers["Retry-After"]) >= 1
    assert len(stored(alice)) == 1
