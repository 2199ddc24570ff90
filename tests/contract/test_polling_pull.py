"""/chat/pull (docs/protocols/polling.md; docs/specification.md, "polling")."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.clients import FlaskTransport, PollingClient
from tests.contract.conftest import Clients
from tests.contract.polling_steps import said, texts
from tests.pictures import noise


@pytest.fixture
def alice(client: Clients) -> PollingClient:
    return client("alice")


def test_get_and_post_give_the_same(alice: PollingClient) -> None:
    said(alice, "public", "one", "two")
    by_get = alice.call("GET", "/chat/pull", {"public": ""})
    by_post = alice.call("POST", "/chat/pull", {"public": ""})
    assert by_get.body == by_post.body
    assert by_get.headers["Content-Type"] == "application/json"
    message = by_get.json["public"][0]
    assert message == {"user": "alice", "type": "text", "timestamp": message["timestamp"], "content": "one"}
    datetime.strptime(message["timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert len(message["timestamp"]) == 27


UNTOUCHED: dict[str, Any] = {"edited": None, "reactions": {}, "mentions": [], "mentions_all": False}


def test_detail(alice: PollingClient) -> None:
    alice.say("public", "one", client_message_id="abc")
    message = alice.ok("POST", "/chat/pull?detail=1", {"public": ""})["public"][0]
    del message["timestamp"]
    expected = {
        "user": "alice",
        "type": "text",
        "content": "one",
        "id": 1,
        "user_id": 1,
        "nickname": "alice",
        "teacher": False,
        "avatar": "",
    }
    assert message == {**expected, "reply_to": None, "client_message_id": "abc", **UNTOUCHED}


def test_every_form_of_cursor(alice: PollingClient) -> None:
    _, second, _ = said(alice, "public", "one", "two", "three")
    moment = datetime.fromisoformat(second)
    forms = [
        second,
        {"timestamp": second},
        moment.isoformat(),
        (moment.replace(tzinfo=None) + timedelta(hours=8)).isoformat() + "+08:00",
        {"user": "alice", "timestamp": second, "content": "a whole message"},
    ]
    for form in forms:
        assert texts(alice.ok("POST", "/chat/pull", {"public": form})["public"]) == ["three"], form
    for start in ("", 0, 0.0, -5, {"timestamp": ""}, "1969-01-01T00:00:00Z", "2001-01-01T00:00:00Z", 981173106, 0.5):
        assert texts(alice.ok("POST", "/chat/pull", {"public": start})["public"]) == ["one", "two", "three"], start


def test_epoch_seconds_separate_messages_too(make_app, clock) -> None:
    alice = PollingClient(FlaskTransport(make_app(clock)))
    alice.register("alice")
    seconds = clock.now // 1_000_000 + 10
    for offset in (0, 1, 2):
        clock.now = (seconds + offset) * 1_000_000
        alice.say("public", f"at {offset}")
    assert texts(alice.ok("POST", "/chat/pull", {"public": seconds})["public"]) == ["at 1", "at 2"]
    assert texts(alice.ok("POST", "/chat/pull", {"public": seconds + 0.5})["public"]) == ["at 1", "at 2"]
    assert texts(alice.ok("POST", "/chat/pull", {"public": seconds + 1.0})["public"]) == ["at 2"]


@pytest.mark.parametrize(
    "cursor",
    [
        None, True, False, [], ["2024-01-01T00:00:00Z"], {}, {"time": 1}, {"timestamp": {"timestamp": ""}}, "abc", "0x",
        "2024-01-01T00:00:00", "2024-13-01T00:00:00Z", "yesterday", " ", {"timestamp": None}, {"timestamp": True},
    ],
)  # fmt: skip
def test_invalid_cursors(alice: PollingClient, cursor: object) -> None:
    reply = alice.call("POST", "/chat/pull", {"public": cursor})
    assert (reply.status, reply.json["status"]) == (400, "failure")
    assert "public" in reply.json["feedback"]
    assert "timestamp" in reply.json["feedback"]


def test_empty_body_gives_the_newest_of_every_joined_room(alice: PollingClient, client: Clients) -> None:
    bob = client("bob")
    bob.create_room("bobs")
    bob.say("bobs", "secret")
    alice.create_room("mine")
    said(alice, "public", *(f"p{i}" for i in range(5)))
    got = alice.ok("GET", "/chat/pull?limit=2")
    assert set(got) == {"status", "feedback", "public", "mine"}
    assert texts(got["public"]) == ["p3", "p4"]
    assert got["mine"] == []


def test_limit_pages_through_without_loss(alice: PollingClient, make_app) -> None:
    for i in range(45):
        alice.say("public", str(i))
    cursor, seen = "", []
    while got := alice.ok("POST", "/chat/pull?limit=10&timeout=0", {"public": cursor})["public"]:
        assert len(got) <= 10
        cursor = got[-1]["timestamp"]
        seen += texts(got)
    assert seen == [str(i) for i in range(45)]
    assert len(alice.ok("POST", "/chat/pull?limit=99999", {"public": ""})["public"]) == 45


BAD_LIMITS = ["limit=0", "limit=-1", "limit=x", "limit=1.5"]
BAD_TIMEOUTS = ["timeout=-1", "timeout=x", "timeout=nan", "timeout=1_0", "timeout=%EF%BC%91"]


@pytest.mark.parametrize("query", BAD_LIMITS + BAD_TIMEOUTS)
def test_bad_queries(alice: PollingClient, query: str) -> None:
    reply = alice.call("POST", f"/chat/pull?{query}", {"public": ""})
    assert reply.status == 400
    assert query.split("=")[0] in reply.json["feedback"]


def test_time_is_up(alice: PollingClient) -> None:
    stamp = said(alice, "public", "old")[0]
    alice.create_room("quiet")
    began = time.monotonic()
    got = alice.ok("POST", "/chat/pull?timeout=0.3", {"public": stamp, "quiet": ""})
    assert 0.3 <= time.monotonic() - began < 5
    assert (got["public"], got["quiet"]) == ([], [])


def test_several_rooms_in_one_pull_each_with_its_array(alice: PollingClient) -> None:
    alice.create_room("a")
    alice.create_room("b")
    said(alice, "b", "in b")
    got = alice.ok("POST", "/chat/pull", {"a": "", "b": "", "PUBLIC": ""})
    assert (got["a"], texts(got["b"]), got["PUBLIC"]) == ([], ["in b"], [])


def test_rooms_one_is_not_in_are_left_out_and_named(alice: PollingClient, client: Clients) -> None:
    bob = client("bob")
    bob.create_room("bobs")
    bob.say("bobs", "secret")
    said(alice, "public", "hi")
    got = alice.ok("POST", "/chat/pull", {"public": "", "bobs": "", "nowhere": ""})
    assert set(got) == {"status", "feedback", "public"}
    assert "bobs" in got["feedback"]
    assert "nowhere" in got["feedback"]
    began = time.monotonic()
    reply = alice.call("POST", "/chat/pull?timeout=20", {"bobs": ""})
    assert reply.status == 404
    assert "bobs" in reply.json["feedback"]
    assert time.monotonic() - began < 5


def test_a_lost_answer_is_given_again(alice: PollingClient) -> None:
    said(alice, "public", "one", "two")
    first = alice.call("POST", "/chat/pull", {"public": ""})
    assert alice.call("POST", "/chat/pull", {"public": ""}).body == first.body


def test_an_answer_stops_at_8_mib_and_the_next_goes_on(alice: PollingClient) -> None:
    big = noise(2_000_000)
    alice.create_room("pictures")
    for _ in range(4):
        alice.show("pictures", big)
        alice.show("public", big)
    cursors, count = {"pictures": "", "public": ""}, 0
    for _ in range(10):
        reply = alice.call("POST", "/chat/pull?timeout=0", cursors)
        assert len(reply.body) <= 8 * 1024 * 1024
        got = {room: reply.json[room] for room in cursors}
        if not any(got.values()):
            break
        for room, messages in got.items():
            count += len(messages)
            cursors[room] = messages[-1]["timestamp"] if messages else cursors[room]
    assert count == 8


def test_only_rooms_that_are_looked_at_are_read(alice: PollingClient, client: Clients) -> None:
    bob = client("bob")
    for room in ("here", "there"):
        alice.create_room(room)
        bob.join(room)
        alice.say(room, "hello")
    ids = {room["roomname"]: room["id"] for room in bob.ok("GET", "/room/find?detail=1")["rooms"]}
    last = bob.ok("POST", "/chat/pull?read=0", {"here": "", "there": ""})
    cursors = {room: last[room][0]["timestamp"] for room in ("here", "there")}
    bob.ok("POST", "/chat/pull?timeout=0&read=0", cursors)
    assert (bob.unread("here"), bob.unread("there")) == (1, 1)
    bob.ok("POST", f"/chat/pull?timeout=0&read={ids['there']},99", cursors)
    assert (bob.unread("here"), bob.unread("there")) == (1, 0)
    bob.ok("POST", "/chat/pull?timeout=0", cursors)
    assert bob.unread("here") == 0
    for junk in ("x", "1,", "-1", "1.5", "9" * 19, ",".join("1" * 101)):
        assert bob.call("POST", f"/chat/pull?timeout=0&read={junk}", cursors).status == 400
