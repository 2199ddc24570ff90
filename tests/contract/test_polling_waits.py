"""Held pulls: when a wait ends, and with which answer."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from chat.models import LoginSession
from chat.services import Services
from tests.conftest import services_of
from tests.contract.clients import FlaskTransport, PollingClient
from tests.contract.conftest import Clients
from tests.contract.polling_steps import said, texts
from tests.real_server import wait_until


@pytest.fixture
def alice(client: Clients) -> PollingClient:
    return client("alice")


Held = Callable[..., Any]


@pytest.fixture
def held(app: Flask) -> Held:
    """Return the answer to a waiting pull after `then` is done."""

    def hold(client: PollingClient, body: dict[str, Any], then: Callable[[], object], **headers: str) -> Any:
        replies: list[Any] = []
        pull = PollingClient(client.transport)

        def ask() -> None:
            replies.append(pull.call("POST", "/chat/pull?timeout=20", body, **headers))

        thread = threading.Thread(target=ask)
        thread.start()
        wait_until(lambda: len(services_of(app).hub.notifier) == 1, "it waits")
        time.sleep(0.05)
        assert not replies
        began = time.monotonic()
        then()
        thread.join(20)
        assert time.monotonic() - began < 5
        return replies[0]

    return hold


@pytest.mark.parametrize("cursor", ["2999-01-01T00:00:00Z", 10**12, 10**40, 1e300, "9999-12-31T23:59:59.999999Z"])
def test_a_cursor_from_the_future_is_the_present(alice: PollingClient, held: Held, cursor: object) -> None:
    said(alice, "public", "old")
    assert alice.ok("POST", "/chat/pull?timeout=0", {"public": cursor})["public"] == []
    got = held(alice, {"public": cursor}, lambda: alice.say("public", "new"))
    assert texts(got.json["public"]) == ["new"]


def test_deleting_a_room_ends_the_wait(alice: PollingClient, client: Clients, held: Held) -> None:
    bob = client("bob")
    bob.create_room("bobs")
    alice.join("bobs")
    reply = held(alice, {"bobs": "", "public": ""}, lambda: bob.delete_room("bobs"))
    assert reply.status == 200
    assert reply.json["public"] == []
    assert "bobs" not in reply.json
    assert "bobs" in reply.json["feedback"]


def test_leaving_the_only_room_ends_the_wait(alice: PollingClient, held: Held) -> None:
    alice.create_room("mine")
    reply = held(alice, {"mine": ""}, lambda: alice.leave("mine"))
    assert reply.status == 200
    assert set(reply.json) == {"status", "feedback"}
    assert "mine" in reply.json["feedback"]


def test_logging_out_ends_the_wait(alice: PollingClient, held: Held) -> None:
    login = alice.call("POST", "/user/login", {"username": "alice", "password": "secret1"})
    token = login.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]

    def log_out() -> None:
        assert alice.call("POST", "/user/logout", {}, Authorization=token).status == 200

    reply = held(alice, {"public": ""}, log_out, Authorization=token)
    assert reply.status == 401
    assert reply.json["status"] == "failure"


def test_no_later_message_reaches_a_former_member(alice: PollingClient, client: Clients, held: Held) -> None:
    bob = client("bob")
    alice.create_room("club")
    bob.join("club")

    def leave_then_speak() -> None:
        bob.leave("club")
        alice.say("club", "now that bob is gone")

    reply = held(bob, {"club": "", "public": ""}, leave_then_speak)
    assert "bob is gone" not in reply.body.decode()


def test_a_future_cursor_loses_nothing_when_rights_are_looked_at_again(app: Flask, alice: PollingClient) -> None:
    alice.create_room("lively")
    services = services_of(app)
    me = services.sessions.resolve(*_session_of(services))
    assert me is not None
    reader, news = services.pulls.since(me, {"public": 2**61}, 100)
    assert news.count == 0
    alice.say("public", "in between")
    for _ in range(2):
        # as at the beginning of a wait, and when the user joins by other means
        again = reader.find_again()
        assert [m.content for m in again.rooms["public"]] == ["in between"]
    services.read_marks.flush()
    assert alice.unread("public") == 0


def _session_of(services: Services) -> tuple[str, int]:
    with services.store.read() as connection:
        row = connection.execute(select(LoginSession.id, LoginSession.user_id)).one()
    return row.id, row.user_id


def test_a_new_room_under_the_old_name_ends_the_wait(alice: PollingClient, client: Clients, held: Held) -> None:
    bob = client("bob")
    bob.create_room("club")
    alice.join("club")

    def replace() -> None:
        bob.delete_room("club")
        bob.create_room("club")
        alice.join("club")

    assert held(alice, {"club": "", "public": ""}, replace).status == 200


def test_a_wait_ends_with_the_session(make_app, clock) -> None:
    alice = PollingClient(FlaskTransport(make_app(clock, session_hours=1)))
    alice.register("alice")
    clock.advance(3600 - 0.3)
    began = time.monotonic()
    assert alice.ok("POST", "/chat/pull?timeout=30", {"public": ""})["public"] == []
    assert time.monotonic() - began < 10
