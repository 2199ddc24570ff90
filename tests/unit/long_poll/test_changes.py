"""Changes, and signals such as typing, in held pulls."""

import json
import time
from functools import partial

import pytest
from flask import Flask

from chat.clock import from_iso
from chat.http.between_pulls import KEPT_SECONDS
from chat.models import Actor
from chat.server.ports import Data, Look
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import sign_up
from tests.database import wait_for_the_bus
from tests.unit.long_poll.conftest import end, in_the_lobby, park


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
