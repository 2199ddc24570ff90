"""Held pulls, with the connection's part played by the test."""

import base64
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask, Response
from sqlalchemy import delete

from chat import metrics
from chat.clock import SECOND, from_iso
from chat.http.between_pulls import KEPT_SECONDS
from chat.http.context import ARRIVAL_KEY
from chat.http.held_pulls import HeldPull
from chat.http.responses import HeldResponse
from chat.models import Actor, Entry, Message
from chat.server.ports import Arrival, Data, Look
from chat.services import Services
from chat.services.messages import Draft
from chat.services.pulls import Position, PullReader
from tests.conftest import services_of, sign_up
from tests.contract.clients import FlaskTransport, PollingClient
from tests.database import wait_for_the_bus
from tests.pictures import noise

FUTURE = "2099-01-01T00:00:00Z"


@pytest.fixture
def token(app: Flask) -> str:
    alice = PollingClient(FlaskTransport(app))
    reply = alice.call("POST", "/user/register", {"username": "alice", "password": "secret1"})
    return str(reply.headers["Set-Cookie"].split("=", 1)[1].split(";")[0])


@pytest.fixture
def chat(app: Flask, token: str, bob: Actor) -> Services:
    made = services_of(app)
    made.limits._enabled = False
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


def test_a_look_comes_to_rest_though_the_newest_message_was_deleted(
    app: Flask, token: str, chat: Services, bob: Actor
) -> None:
    """It went from the loop to a thread and back, without end."""
    chat.messages.send(bob, "public", Draft(text="stays"))
    sent = chat.messages.send(bob, "public", Draft(text="goes"))
    with chat.store.write() as tx:
        tx.execute(delete(Message).where(Message.id == sent.id))
    chat.hub.feeds.forget()
    parked = park(app, token, {"public": (sent.time - 1) / 1e6})
    assert parked.look() is Look.NOTHING_YET
    end(parked)


def test_many_small_messages_are_left_to_a_thread(
    app: Flask, token: str, chat: Services, bob: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The overhead of a message counts: thousands of one letter are megabytes, and answers are cached."""
    parked = park(app, token, {"public": FUTURE})
    for _ in range(200):
        chat.messages.send(bob, "public", Draft(text="x"))
    assert parked.look() is Look.NEEDS_THREAD
    monkeypatch.setattr(Position, "_find", lambda *_: pytest.fail("once for all who are there"))
    assert parked.look() is Look.NEEDS_THREAD
    end(parked)


@pytest.mark.parametrize("size", [300, 20_000])
def test_a_picture_is_encoded_in_the_thread_that_looks_again(
    app: Flask, token: str, chat: Services, bob: Actor, size: int
) -> None:
    """It went through the whole stack once more, for each reader; a small one was read on the loop, and failed."""
    parked = park(app, token, {"public": FUTURE})
    chat.messages.send(bob, "public", Draft(image=noise(size)))
    assert parked.look() is Look.NEEDS_THREAD
    parked.look_again()
    (message,) = json.loads(b"".join(parked.look()))["public"]  # type: ignore[arg-type]
    assert base64.b64decode(message["content"]).startswith(b"\x89PNG")
    end(parked)


def test_a_small_picture_that_is_encoded_is_delivered_on_the_loop(
    app: Flask, token: str, chat: Services, bob: Actor
) -> None:
    first, second = (park(app, token, {"public": FUTURE}) for _ in range(2))
    said = chat.messages.send(bob, "public", Draft(image=noise(300)))
    second.is_held = False
    body = json.dumps({"public": (said.time - 1) / 1e6}).encode()
    assert second.again(body) is Look.NEEDS_THREAD
    assert first.look() is Look.NEEDS_THREAD
    first.look_again()
    assert second.again(body) == b"".join(first.look())  # type: ignore[arg-type]
    end(first)
    end(second)


def test_an_answer_for_a_client_that_is_gone_is_not_the_next_pulls(
    app: Flask, token: str, chat: Services, bob: Actor
) -> None:
    parked = park(app, token, {"public": FUTURE})
    sent = chat.messages.send(bob, "public", Draft(image=noise(20_000)))
    parked.look_again()
    parked.is_held = False
    assert parked.again(json.dumps({"public": sent.time / 1e6}).encode()) is Look.NOTHING_YET
    end(parked)


def test_a_body_that_takes_a_thread_anyway_is_not_read_on_the_loop(
    app: Flask, token: str, chat: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursors = {"public": FUTURE, **{f"no room {n}": 0 for n in range(500)}}
    parked = park(app, token, cursors)
    parked.is_held = False
    monkeypatch.setattr(Position, "moved", lambda *_: pytest.fail("it was read"))
    assert parked.again(json.dumps(cursors).encode()) is Look.NEEDS_THREAD
    parked.close()


def test_the_furthest_of_its_cursors_is_the_read_mark(app: Flask, token: str, chat: Services, bob: Actor) -> None:
    """Two tabs of a browser may share a connection, and one of them lag behind."""
    parked = park(app, token, {"public": FUTURE})
    times = [chat.messages.send(bob, "public", Draft(text=str(n))).time for n in range(3)]
    for cursor in (times[2], times[0]):
        parked.is_held = False
        parked.again(json.dumps({"public": cursor / 1e6}).encode())
    end(parked)
    chat.read_marks.flush()
    assert chat.read_marks.written_mark(parked.user_id, 1) == times[2]


def test_a_cursor_that_goes_back_in_one_room_leaves_its_read_mark(
    app: Flask, token: str, chat: Services, bob: Actor
) -> None:
    club = chat.rooms.create(bob, "club", members=["alice"])
    wait_for_the_bus(chat)
    parked = park(app, token, {"public": FUTURE, "club": FUTURE})
    rooms = ("club", "public", "public", "club")
    first, second, third, fourth = (chat.messages.send(bob, room, Draft(text=room)).time for room in rooms)
    for public, at_club in ((third, first), (second, fourth)):  # the sum of the two grows
        parked.is_held = False
        parked.again(json.dumps({"public": public / 1e6, "club": at_club / 1e6}).encode())
    end(parked)
    chat.read_marks.flush()
    marks = [chat.read_marks.written_mark(parked.user_id, room_id) for room_id in (1, club)]
    assert marks == [third, fourth]


@pytest.mark.parametrize(("looked_at", "is_read"), [("0", False), ("1", True)])
def test_later_pulls_mark_only_rooms_on_screen(
    app: Flask, token: str, chat: Services, bob: Actor, looked_at: str, is_read: bool
) -> None:
    parked = park(app, token, {"public": FUTURE}, f"&read={looked_at}")
    before = chat.read_marks.written_mark(parked.user_id, 1)
    times = [chat.messages.send(bob, "public", Draft(text=str(n))).time for n in range(2)]
    for cursor in (times[1], times[0]):
        parked.is_held = False
        parked.again(json.dumps({"public": cursor / 1e6}).encode())
        chat.read_marks.flush()
    end(parked)
    chat.read_marks.flush()
    assert chat.read_marks.written_mark(parked.user_id, 1) == (times[1] if is_read else before)


def test_a_fault_at_the_start_leaves_no_waiter(
    app: Flask, token: str, chat: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError("the database file is damaged")

    parked = held(pull(app, token, {"public": FUTURE}))
    monkeypatch.setattr(PullReader, "_in_database", fault)
    with pytest.raises(RuntimeError):
        parked.start(lambda: None)
    assert len(chat.hub.notifier) == 0


def test_news_between_the_first_look_and_the_start_is_answered(
    app: Flask, token: str, chat: Services, bob: Actor
) -> None:
    parked = held(pull(app, token, {"public": FUTURE}))
    chat.messages.send(bob, "public", Draft(text="in between"))
    parked.start(lambda: None)
    answer = parked.look()
    assert isinstance(answer, list)
    assert json.loads(b"".join(answer))["public"][-1]["content"] == "in between"
    end(parked)


def test_a_pull_of_a_room_that_was_lost_takes_the_whole_way_next(
    app: Flask, token: str, chat: Services, bob: Actor
) -> None:
    """Its position has the room, whose later messages are in memory."""
    chat.rooms.create(bob, "club", members=["alice"])
    wait_for_the_bus(chat)
    parked = park(app, token, {"public": FUTURE, "club": FUTURE})
    alice = parked.reader.actor
    chat.memberships.leave(alice, "club")
    assert parked.look() is Look.NEEDS_THREAD
    parked.look_again()
    answer = parked.look()
    assert isinstance(answer, list)
    assert "club" not in json.loads(b"".join(answer))
    parked.is_held = False
    said = chat.messages.send(bob, "club", Draft(text="behind her back"))
    body = json.dumps({"public": FUTURE, "club": (said.time - 1) / 1e6}).encode()
    assert parked.again(body) is Look.NEEDS_THREAD
    end(parked)


@pytest.fixture
def counted(chat: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Requests are limited, without a refill during the test."""
    now = chat.clock()
    monkeypatch.setattr(chat.limits, "_clock", lambda: now)
    monkeypatch.setattr(chat.limits, "_enabled", True)
    return chat


def left(chat: Services, user_id: int) -> int:
    """Use up and return the number of requests the user may make at once."""
    return next(n for n in range(1000) if not chat.requests.count_on_loop(user_id))


def test_a_pull_that_is_held_costs_nothing(app: Flask, token: str, counted: Services, bob: Actor) -> None:
    parked = park(app, token, {"public": FUTURE})
    said = counted.messages.send(bob, "public", Draft(text="the last one"))
    for _ in range(1000):
        parked.is_held = False
        assert parked.again(json.dumps({"public": said.time / 1e6}).encode()) is Look.NOTHING_YET
    end(parked)
    assert left(counted, parked.user_id) == 300


def test_a_pull_that_is_looked_at_again_in_a_thread_costs_nothing(app: Flask, token: str, counted: Services) -> None:
    parked = park(app, token, {"public": FUTURE})
    for _ in range(10):
        parked.look_again()
        assert parked.look() is Look.NOTHING_YET
    end(parked)
    assert left(counted, parked.user_id) == 300


def test_pulls_that_are_answered_at_once_count_on_the_loop_and_in_threads(
    app: Flask, token: str, counted: Services, bob: Actor
) -> None:
    parked = park(app, token, {"public": FUTURE})
    said = counted.messages.send(bob, "public", Draft(text="again and again"))
    body = json.dumps({"public": (said.time - 1) / 1e6}).encode()
    for _ in range(300):
        parked.is_held = False
        assert isinstance(parked.again(body), bytes)
    before = metrics.delivered_on_loop.n
    assert parked.again(body) is Look.NEEDS_THREAD
    assert metrics.delivered_on_loop.n == before
    refused = pull(app, token, json.loads(body))
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    end(parked)


def test_a_place_comes_free_fifty_times_a_second(
    app: Flask, token: str, counted: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    parked = park(app, token, {"public": FUTURE})
    end(parked)
    assert left(counted, parked.user_id) == 300
    later = counted.limits._clock() + SECOND
    monkeypatch.setattr(counted.limits, "_clock", lambda: later)
    assert left(counted, parked.user_id) == 50


def test_with_other_workers_a_pull_that_finds_small_news_is_known_from_then_on(
    app: Flask, token: str, counted: Services, bob: Actor
) -> None:
    said = counted.messages.send(bob, "public", Draft(text="x"))
    before, after = {"public": (said.time - 1) / 1e6}, json.dumps(in_the_lobby(said)).encode()
    assert not isinstance(pull(app, token, before), HeldResponse)
    counted.limits.hold_over_workers()
    assert not isinstance(pull(app, token, before, method="GET"), HeldResponse)
    delivered = metrics.counts()[metrics.DELIVERIES]
    parked = park(app, token, before)
    (message,) = json.loads(b"".join(parked.look()))["public"]  # type: ignore[arg-type]
    assert (message["content"], metrics.counts()[metrics.DELIVERIES]) == ("x", delivered + 1)
    parked.is_held = False
    assert parked.again(after) is Look.NOTHING_YET
    end(parked)
    assert left(counted, parked.user_id) == 297, "answers count, a held pull does not"
    counted.messages.send(bob, "public", Draft(image=noise(20_000)))
    assert not isinstance(pull(app, token, before), HeldResponse)


def in_the_lobby(message: Entry) -> dict[str, Any]:
    return {"public": message.time / 1e6}


def test_changes_end_only_the_pulls_that_ask_for_them(app: Flask, token: str, chat: Services, bob: Actor) -> None:
    sent = chat.messages.send(bob, "public", Draft(text="a"))
    wait_for_the_bus(chat)
    calls: list[bool] = []
    parked = {}
    for changes, query in ((False, ""), (True, "&changes=1")):
        parked[changes] = park(app, token, in_the_lobby(sent), query, partial(calls.append, changes))
    chat.changes.edit(bob, "public", sent.id, "b")
    chat.changes.delete(bob, sent.id)
    assert calls == [True, True]
    assert parked[False].look() is Look.NOTHING_YET
    answer = parked[True].look()
    assert isinstance(answer, bytes)
    assert [each["change"] for each in json.loads(answer)["public"]] == ["edited", "deleted"]
    further = chat.messages.send(bob, "public", Draft(text="c"))
    assert sorted(calls) == [False, True, True, True]
    for each in parked.values():
        answer = each.look()
        assert isinstance(answer, bytes)
        assert json.loads(answer)["public"][-1]["content"] == "c"
        each.is_held = False
        assert each.again(json.dumps(in_the_lobby(further)).encode()) is Look.NOTHING_YET
        end(each)


def test_a_held_pull_reads_on_from_a_change(app: Flask, token: str, chat: Services, bob: Actor) -> None:
    """Its cursor is beyond the last message, and known to memory."""
    sent = chat.messages.send(bob, "public", Draft(text="a"))
    parked = park(app, token, in_the_lobby(sent), "&changes=1")
    chat.changes.edit(bob, "public", sent.id, "b")
    answer = parked.look()
    assert isinstance(answer, bytes)
    stamp = json.loads(answer)["public"][-1]["timestamp"]
    parked.is_held = False
    assert parked.again(json.dumps({"public": stamp}).encode()) is Look.NOTHING_YET
    end(parked)


def test_typing_ends_the_pulls_of_others_that_ask_for_changes(
    app: Flask, token: str, chat: Services, bob: Actor
) -> None:
    sent = chat.messages.send(bob, "public", Draft(text="a"))
    wait_for_the_bus(chat)
    plain, changes = park(app, token, in_the_lobby(sent)), park(app, token, in_the_lobby(sent), "&changes=1")
    chat.changes.typing(bob, "public")
    wait_for_the_bus(chat)  # on PostgreSQL there may be other processes
    assert plain.look() is Look.NOTHING_YET
    answer = changes.look()
    assert isinstance(answer, bytes)
    (entry,) = json.loads(answer)["public"]
    assert (entry["change"], entry["user"]) == ("typing", "bob")
    assert from_iso(entry["timestamp"]) == sent.time  # the client's own cursor, which takes no time of the clock
    changes.is_held = False
    assert changes.again(json.dumps({"public": entry["timestamp"]}).encode()) is Look.NOTHING_YET
    chat.changes.typing(changes.reader.actor, "public")
    assert changes.look() is Look.NOTHING_YET  # caused by the reader itself
    end(plain)
    end(changes)


def told(answer: Data | Look) -> list[str] | None:
    """The users whose typing an answer shows; None: no answer."""
    return None if not isinstance(answer, bytes) else [each["user"] for each in json.loads(answer)["public"]]


@pytest.mark.parametrize("is_connected", [True, False])
def test_signals_between_two_pulls_reach_the_next_one(
    app: Flask, token: str, chat: Services, bob: Actor, is_connected: bool
) -> None:
    """The next pull of a browser may come by another connection, or with another head."""
    sent = in_the_lobby(chat.messages.send(bob, "public", Draft(text="a")))
    wait_for_the_bus(chat)
    query = "&changes=1&members=1"
    first = park(app, token, sent, query)
    first.is_held = False  # answered
    if not is_connected:
        first.close()
    chat.changes.typing(bob, "public")
    sign_up(chat, "carl")  # into the lobby
    wait_for_the_bus(chat)
    joined = in_the_lobby(chat.messages.timeline(bob, "public", None, 1)[-1])
    second = park(app, token, joined, query)
    assert told(second.look()) == ["bob"]
    assert told(second.look()) == []  # members changed
    assert told(second.look()) is None
    assert first.reader.signals == []
    for parked in {first, second} if is_connected else {second}:
        end(parked)


def test_signals_are_kept_for_a_few_seconds_only(
    app: Flask, token: str, chat: Services, bob: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = in_the_lobby(chat.messages.send(bob, "public", Draft(text="a")))
    wait_for_the_bus(chat)
    end(park(app, token, sent, "&changes=1"))
    assert len(chat.hub.notifier) == 1
    chat.changes.typing(bob, "public")
    wait_for_the_bus(chat)
    now = time.monotonic() + KEPT_SECONDS
    monkeypatch.setattr("chat.http.between_pulls.time.monotonic", lambda: now)
    parked = park(app, token, sent, "&changes=1")
    assert len(chat.hub.notifier) == 1
    assert told(parked.look()) is None
    end(parked)


def test_a_held_pull_keeps_its_signals_from_another_tabs(app: Flask, token: str, chat: Services, bob: Actor) -> None:
    sent = in_the_lobby(chat.messages.send(bob, "public", Draft(text="a")))
    wait_for_the_bus(chat)
    first = park(app, token, sent, "&changes=1")
    first.is_held = True  # as the connection does
    chat.changes.typing(bob, "public")
    wait_for_the_bus(chat)
    second = park(app, token, sent, "&changes=1")
    assert (told(first.look()), told(second.look())) == (["bob"], None)
    end(first)
    end(second)
