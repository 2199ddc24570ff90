"""Looks of a held pull, on the loop and in threads."""

import base64
import json

import pytest
from flask import Flask
from sqlalchemy import delete

from chat.models import Actor, Message
from chat.server.ports import Look
from chat.services import Services
from chat.services.messages import Draft
from chat.services.pulls import Position, PullReader
from tests.database import wait_for_the_bus
from tests.pictures import noise
from tests.unit.long_poll.conftest import FUTURE, end, held, park, pull


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
