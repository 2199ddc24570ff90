"""Every rule still holds when a pull's head is known and only its body is looked at (issue: the live loop)."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from flask import Flask

from chat.http.context import ARRIVAL_KEY
from chat.http.held_pulls import HeldPull
from chat.http.responses import HeldResponse
from chat.server.ports import Ahead, Arrival, Look
from tests.conftest import services_of, statements_of
from tests.contract.clients import FlaskTransport, PollingClient
from tests.database import wait_for_the_bus
from tests.pictures import picture
from tests.raw import answer, token_of
from tests.real_server import Server, wait_until
from tests.server.reader import Reader


@pytest.fixture
def live(server: Callable[..., Server]) -> Server:
    return server(CHAT_RATE_LIMITS="off")


def call(live: Server, token: str, path: str, body: Any = None) -> Any:
    reply = requests.post(live.url + path, json=body or {}, headers={"Authorization": token}, timeout=20)
    assert reply.status_code == 200, reply.text
    return reply.json()


def say(live: Server, token: str, room: str, text: str) -> None:
    call(live, token, "/chat/send", {"roomname": room, "new_message": {"type": "text", "content": text}})


@pytest.fixture
def known(live: Server) -> Iterator[tuple[Server, str, Reader, str]]:
    """A reader with a known head, and its cursor in the lobby."""
    token = token_of(live, "alice")
    reader = Reader(live, token)
    cursor = ""
    for text in ("one", "two", "three"):
        reader.ask({"public": cursor})
        assert reader.is_waiting()
        say(live, token, "public", text)
        status, got = answer(reader.talk)
        assert (status, [m["content"] for m in got["public"]]) == (200, [text])
        cursor = got["public"][-1]["timestamp"]
    yield live, token, reader, cursor
    reader.talk.close()


def test_news_that_came_between_two_pulls_is_answered_at_once(known: tuple[Server, str, Reader, str]) -> None:
    live, token, reader, cursor = known
    for number in range(5):
        say(live, token, "public", str(number))
    status, got = reader.pull({"public": cursor})
    assert (status, [m["content"] for m in got["public"]]) == (200, ["0", "1", "2", "3", "4"])
    assert reader.pull({"public": cursor})[1] == got  # the answer was lost: the same again


def show(live: Server, token: str, room: str) -> str:
    """Send a picture so small that its answer is sent by the event loop; returns it in Base64."""
    data = base64.b64encode(picture()).decode()
    call(live, token, "/chat/send", {"roomname": room, "new_message": {"type": "img", "content": data}})
    return data


def test_a_small_picture_that_came_between_two_pulls_is_answered(known: tuple[Server, str, Reader, str]) -> None:
    """The event loop cannot read it from the store: the connection was closed without an answer."""
    live, token, reader, cursor = known
    data = show(live, token, "public")
    status, got = reader.pull({"public": cursor})
    assert (status, [m["content"] for m in got["public"]]) == (200, [data])


def test_a_small_picture_wakes_the_readers_of_all_workers(server: Callable[..., Server]) -> None:
    """Those of other workers than the sender's got it when their time was up."""
    live = server(workers=3, CHAT_RATE_LIMITS="off")
    token = token_of(live, "alice")
    readers = [Reader(live, token) for _ in range(12)]
    for reader in readers:
        reader.ask({"public": ""})
    assert all(reader.is_waiting() for reader in readers)
    data = show(live, token, "public")
    for reader in readers:
        reader.talk.socket.settimeout(5)
        status, got = answer(reader.talk)
        assert (status, [m["content"] for m in got["public"]]) == (200, [data])
        reader.talk.close()


def test_older_cursors_and_every_form_of_them(known: tuple[Server, str, Reader, str]) -> None:
    _, _, reader, _ = known
    for start in ("", 0, {"timestamp": ""}, "2001-01-01T00:00:00+08:00"):
        assert [m["content"] for m in reader.pull({"public": start})[1]["public"]] == ["one", "two", "three"]
    reader.ask({"public": "2999-01-01T00:00:00Z"})
    assert reader.is_waiting()
    say(reader.server, reader.token, "public", "from now on")
    assert [m["content"] for m in answer(reader.talk)[1]["public"]] == ["from now on"]


def test_hostile_bodies_get_the_same_errors(known: tuple[Server, str, Reader, str]) -> None:
    _, _, reader, cursor = known
    for body in (
        b"{",
        b"[]",
        b"null",
        b'{"public": NaN}',
        b'{"a": "\\u0000"}',
        b'{"public": true}',
        b'{"public": "x"}',
    ):
        status, got = reader.pull(body)
        assert (status, got["status"]) == (400, "failure"), body
    assert reader.pull({"nowhere": cursor})[0] == 404
    status, got = reader.pull({"nowhere": cursor, "public": ""})
    assert (status, len(got["public"])) == (200, 3)
    assert "nowhere" in got["feedback"]
    assert len(reader.pull({})[1]["public"]) == 3


def test_a_logout_forgets_it(known: tuple[Server, str, Reader, str]) -> None:
    live, token, reader, cursor = known
    call(live, token, "/user/logout")
    status, got = reader.pull({"public": cursor})
    assert (status, got["status"]) == (401, "failure")


def test_a_logout_during_the_wait_ends_it(known: tuple[Server, str, Reader, str]) -> None:
    live, token, reader, cursor = known
    reader.ask({"public": cursor})
    assert reader.is_waiting()
    call(live, token, "/user/logout")
    assert answer(reader.talk)[0] == 401
    assert reader.pull({"public": cursor})[0] == 401


def test_leaving_forgets_it(known: tuple[Server, str, Reader, str]) -> None:
    live, token, reader, cursor = known
    other = token_of(live, "bob")
    reader.ask({"public": cursor})
    call(live, token, "/room/leave", {"roomname": "public"})
    status, got = answer(reader.talk)
    assert (status, set(got)) == (200, {"status", "feedback"})
    say(live, other, "public", "behind her back")
    assert reader.pull({"public": cursor})[0] == 404
    call(live, token, "/room/join", {"roomname": "public"})
    assert len(reader.pull({"public": cursor})[1]["public"]) == 1


def test_a_deleted_room_ends_the_wait(known: tuple[Server, str, Reader, str]) -> None:
    live, token, reader, cursor = known
    call(live, token, "/room/create", {"roomname": "club"})
    for _ in range(2):
        reader.ask({"public": cursor, "club": ""})
        assert reader.is_waiting()
        say(live, token, "public", "x")
        cursor = answer(reader.talk)[1]["public"][-1]["timestamp"]
    reader.ask({"public": cursor, "club": ""})
    assert reader.is_waiting()
    call(live, token, "/room/delete", {"roomname": "club"})
    status, got = answer(reader.talk)
    assert (status, got["public"], "club" in got) == (200, [], False)
    assert "club" in got["feedback"]


def test_time_is_up_for_a_known_head_too(live: Server) -> None:
    token = token_of(live, "alice")
    reader = Reader(live, token, query="timeout=0.3&detail=1&limit=2")
    for _ in range(3):
        began = time.monotonic()
        status, got = reader.pull({"public": ""})
        assert (status, got["public"]) == (200, [])
        assert 0.25 <= time.monotonic() - began < 5
    for text in ("1", "2", "3"):
        say(live, token, "public", text)
    got = reader.pull({"public": ""})[1]["public"]
    assert [m["content"] for m in got] == ["1", "2"]
    assert {"id", "nickname", "client_message_id"} < set(got[0])
    reader.talk.close()


def test_the_headers_are_the_same(known: tuple[Server, str, Reader, str]) -> None:
    live, token, reader, cursor = known
    say(live, token, "public", "four")
    reader.ask({"public": cursor})
    raw = reader.talk.socket.recv(65536).partition(b"\r\n\r\n")[0]
    fresh = requests.post(
        f"{live.url}/chat/pull", json={"public": cursor}, headers={"Authorization": token}, timeout=20
    )
    names = [line.split(b":")[0].decode().lower() for line in raw.split(b"\r\n")[1:]]
    assert sorted(names) == sorted(name.lower() for name in fresh.headers)


def test_presence_and_read_marks_go_on(known: tuple[Server, str, Reader, str]) -> None:
    live, token, reader, cursor = known
    bob = token_of(live, "bob")
    say(live, bob, "public", "unread by alice")
    cursor = reader.pull({"public": cursor})[1]["public"][-1]["timestamp"]
    reader.ask({"public": cursor})  # I have that

    def unread() -> int:
        reply = requests.get(f"{live.url}/room/find?detail=1", headers={"Authorization": token}, timeout=20)
        return int(reply.json()["rooms"][0]["unread"])

    wait_until(lambda: unread() == 0, "the mark has moved")


def test_other_requests_on_the_same_connection(known: tuple[Server, str, Reader, str]) -> None:
    _, token, reader, cursor = known
    for number in range(3):
        reader.talk.send(f"GET /user/me HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode())
        assert answer(reader.talk)[1]["username"] == "alice"
        reader.ask({"public": cursor})
        assert reader.is_waiting()
        say(reader.server, token, "public", str(number))
        cursor = answer(reader.talk)[1]["public"][-1]["timestamp"]


def test_a_known_head_runs_no_sql(app: Flask) -> None:
    """The gate that keeps the fast path fast: counted in process, with the connection's part played by the test."""
    alice = PollingClient(FlaskTransport(app))
    reply = alice.call("POST", "/user/register", {"username": "alice", "password": "secret1"})
    token = reply.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    chat = services_of(app)
    wait_for_the_bus(chat)
    with app.test_request_context(
        "/chat/pull?timeout=20", method="POST", data=b'{"public": ""}', headers={"Authorization": token},
        environ_overrides={ARRIVAL_KEY: Arrival(time.monotonic(), b'{"public": ""}')},
    ):  # fmt: skip
        response = app.full_dispatch_request()
    assert isinstance(response, HeldResponse)
    parked = response.held
    assert isinstance(parked, HeldPull)
    parked.start(lambda: None)
    assert parked.look() is Look.NOTHING_YET
    with statements_of(chat) as statements:
        for number in range(5):
            alice.say("public", str(number))
            assert statements
            statements.clear()
            body = parked.look()
            assert isinstance(body, bytes)
            (message,) = json.loads(body)["public"]
            assert message["content"] == str(number)
            parked.is_held = False
            assert parked.again(json.dumps({"public": message["timestamp"]}).encode()) is Look.NOTHING_YET
            assert parked.look() is Look.NOTHING_YET
            assert statements == []
    # Another worker, from which this client came, knows more.
    now = datetime.now(UTC)
    ahead, future = (json.dumps({"public": at.isoformat()}).encode() for at in (now, now + timedelta(days=1)))
    assert parked.again(ahead) is Look.NEEDS_THREAD, "no other worker"
    chat.limits.hold_over_workers()
    assert parked.again(ahead) is Ahead.IS_AHEAD
    assert parked.again(future) is Look.NEEDS_THREAD
    # Removed between the check and the look: messages in memory are no longer for this reader.
    alice.say("public", "in memory")
    parked.reader.recheck = True
    assert parked.look() is Look.NEEDS_THREAD
    parked.is_held = False
    parked.close()


def test_a_pull_with_members_ends_on_arrivals_and_departures(live: Server) -> None:
    """On the first pull of a connection and on the next, with a known head; other pulls keep waiting for messages."""
    alice, bob = token_of(live, "alice"), token_of(live, "bob")
    call(live, alice, "/room/create", {"roomname": "club", "type": "public", "passwd": ""})
    asking, waiting = Reader(live, alice, "timeout=20&members=1"), Reader(live, alice)
    for path in ("/room/join", "/room/leave", "/room/join"):
        asking.ask({"club": ""})
        if path == "/room/join":
            assert asking.is_waiting()
        call(live, bob, path, {"roomname": "club"})
        status, told = answer(asking.talk)
        assert (status, told["club"]) == (200, [])
    waiting.ask({"club": ""})
    call(live, bob, "/room/leave", {"roomname": "club"})
    assert waiting.is_waiting()
    for reader in (asking, waiting):
        reader.talk.close()


def test_a_pull_with_members_tells_at_once_of_a_room_that_is_gone(live: Server) -> None:
    """As when it was deleted between two pulls: without this the browser knew it only when the time was up."""
    alice = token_of(live, "alice")
    asking, waiting = Reader(live, alice, "timeout=20&members=1"), Reader(live, alice)
    for reader in (asking, waiting):
        reader.ask({"public": "", "gone": ""})
    status, told = answer(asking.talk)
    assert (status, told["public"]) == (200, [])
    assert "gone" in told["feedback"]
    assert waiting.is_waiting()
    for reader in (asking, waiting):
        reader.talk.close()
