"""Conversations: the list, messages and read marks, together with the other protocols; deleting for all."""

import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask import Flask

from chat.clock import SECOND
from chat.ports import WriteTransaction
from tests.conftest import FakeClock, services_of
from tests.contract.clients import FlaskTransport, Refused
from tests.contract.ims.conversing import polling, send, shown
from tests.contract.ims.test_friends import befriend_many, counted
from tests.contract.ims.world import LOBBY, World
from tests.contract.ims_client import PASSWORD, ImsClient
from tests.database import bus_of, execute


@pytest.fixture
def app(make_app: Callable[..., Flask], clock: FakeClock) -> Flask:
    return make_app(clock)


def test_the_list_shows_pinned_ones_first_then_the_newest(w: World, clock: FakeClock) -> None:
    clock.advance(10)
    send(w.mia, w.direct, "newest")
    w.alice.ok("POST", "/interface", {"conversationId": LOBBY, "ontop": True, "notification": False})
    first, second, third = w.alice.conversations()[:3]
    assert first == {
        "id": LOBBY, "name": "public", "avatar": "", "last_message": "", "last_message_time": "",
        "is_chat_group": True, "is_top": True, "notice_able": False, "unread_count": 0,
    }  # fmt: skip
    assert second.pop("last_message_time").endswith("Z")
    assert second == {
        "id": w.direct, "name": "mia", "avatar": "", "last_message": "newest", "is_chat_group": False,
        "friend_id": w.mia.id, "is_top": False, "notice_able": True, "unread_count": 1,
    }  # fmt: skip
    assert third["id"] == w.group
    assert w.mia.conversations()[0]["name"] == "alice"
    assert w.mia.conversations()[0]["is_top"] is False


def test_reading_here_or_elsewhere_moves_the_mark(w: World) -> None:
    for text in ("1", "2", "3"):
        send(w.mia, w.group, text)
    assert shown(w.mona, w.group)["unread_count"] == 4
    assert shown(w.mia, w.group)["unread_count"] == 0
    w.mona.messages(w.group)
    assert shown(w.mona, w.group)["unread_count"] == 0
    polling(w.app, "adam@example.com").hear("group")
    reader = polling(w.app, "adam@example.com")
    reader.hear("group")
    reader.hear("group")  # advances its cursor
    assert shown(w.adam, w.group)["unread_count"] == 0


@pytest.mark.sqlite_only  # where writers wait for each other; PostgreSQL shows marks to other hosts at once
def test_reading_writes_nothing_and_shows_at_once(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each member of a busy room asks for every message: a write each would keep others from sending."""
    send(w.mia, w.group, "1")
    services, writes = services_of(w.app), 0
    write = services.store.write

    def counted_write() -> AbstractContextManager[WriteTransaction]:
        nonlocal writes
        writes += 1
        return write()

    monkeypatch.setattr(services.store, "write", counted_write)
    w.mona.messages(w.group)
    assert writes == 0
    assert shown(w.mona, w.group)["unread_count"] == 0
    assert writes == 1


def test_other_processes_see_at_once_what_was_read(w: World, make_app: Callable[..., Flask], clock: FakeClock) -> None:
    other = ImsClient(FlaskTransport(make_app(clock)))
    other.login("mona")
    services_of(w.app).limits.hold_over_workers()
    send(w.mia, w.group, "1")
    assert shown(other, w.group)["unread_count"] == 2
    w.mona.messages(w.group)
    assert shown(other, w.group)["unread_count"] == 0


def test_marks_are_set_and_clamped(w: World) -> None:
    for text in ("1", "2", "3"):
        send(w.mia, w.group, text)
    send(w.mona, w.group, "mine")

    def unread(value: object) -> object:
        w.mona.ok("POST", "/interface", {"conversation_id": w.group, "unreads": value})
        return w.mona.ok("GET", "/interface", {"conversationId": w.group})["unreads"]

    assert [unread(value) for value in [2, "3", 0, 99, 10**30, -5, True, False, None]] == [2, 3, 0, 4, 4, 0, 1, 0, 0]
    w.mona.ok("POST", "/interface", {"conversationId": w.group, "ontop": True})
    assert w.mona.ok("GET", "/interface", {"conversation_id": w.group}) == {
        "code": 0, "info": "Succeed", "unreads": 0, "notification": True, "ontop": True,
    }  # fmt: skip


def whole_hour(clock: FakeClock) -> datetime:
    """Put the clock to half a second after the next whole hour (UTC), which is returned."""
    hour = clock.now // (3600 * SECOND) + 1
    clock.now = hour * 3600 * SECOND + SECOND // 2
    return datetime.fromtimestamp(hour * 3600, UTC)


def test_messages_from_a_time_on(w: World, clock: FakeClock) -> None:
    hour = whole_hour(clock)
    send(w.mia, w.group, "at the half second")
    clock.advance(60)
    send(w.mia, w.group, "a minute later")

    def texts(since: str = "") -> list[str]:
        return [each["content"] for each in w.mona.messages(w.group, **{"from": since})]

    both = ["at the half second", "a minute later"]
    assert texts() == ["said by mia", *both]
    assert texts(f"{hour:%Y-%m-%dT%H:%M:%SZ}") == texts(f"{hour:%Y-%m-%d %H:%M:%S}") == both
    assert texts(f"{hour.astimezone(timezone(timedelta(hours=8))):%Y-%m-%dT%H:%M:%S}+08:00") == both
    assert texts(f"{hour:%Y-%m-%d %H}:00:01") == ["a minute later"]
    assert texts(f"{hour:%Y-%m-%d %H}:01:01") == []
    assert texts("0001-01-01 00:00:00") == texts()
    for bad in ("2100", "2100-13-01 00:00:00", "2100-01-01", "now", "٢١٠٠-01-01 00:00:00"):
        reply = w.mona.call("GET", "/conversations/messages", {"conversationId": w.group, "from": bad})
        assert reply.json["info"] == "Missing or error type of [from]", bad
    assert w.mona.messages(w.group)[-1]["created_time"] == f"{hour:%Y-%m-%dT%H}:01:00Z"
    body = json.dumps({"conversationId": str(w.group), "from": f"{hour:%Y-%m-%d %H}:00:01"}).encode()
    assert len(w.mona.ok("GET", "/conversations/messages", body)["messages"]) == 1  # as the document has it


def test_filters(w: World, clock: FakeClock) -> None:
    hour = whole_hour(clock)
    send(w.mia, w.group, "100% SURE")
    send(w.mona, w.group, "100 times sure")

    def found(**wanted: object) -> list[str]:
        query = {"conversationId": w.group, **wanted}
        return [each["content"] for each in w.alice.ok("GET", "/conversations/manage_messages", query)["messages"]]

    both = ["100% SURE", "100 times sure"]
    at_the_hour = f"{hour:%Y-%m-%dT%H:%M:%SZ}"
    assert found(content="sure") == both
    assert found(content="0%") == ["100% SURE"]
    assert found(content="sure", sender_name="MI") == ["100% SURE"]
    assert found(sender_id=w.mona.id) == found(sender_id=str(w.mona.id)) == ["100 times sure"]
    assert found(sender_id=2**70) == []
    assert found(start_time=at_the_hour) == found(start_time=at_the_hour, end_time=at_the_hour) == both
    assert found(end_time=f"{hour - timedelta(seconds=1):%Y-%m-%d %H:%M:%S}") == ["said by mia"]
    assert found(sender_name="m" * 500) == found(sender_name="\u200b") == found(content="%" * 100) == []
    nothing = dict.fromkeys(("content", "sender_id", "sender_name", "start_time", "end_time"), "")
    assert found(**nothing) == ["said by mia", *both]
    [first, *_] = w.alice.ok("GET", "/conversations/manage_messages", {"conversationId": w.group})["messages"]
    assert set(first) == {"id", "sender_id", "sender_name", "sender_avatar", "content", "timestamp"}


def test_every_room_one_is_in_is_a_conversation_and_outsiders_see_none_of_a_group(w: World) -> None:
    mia, zed = polling(w.app, "mia@example.com"), polling(w.app, "zed@example.com")
    mia.create_room("open")
    assert shown(w.mia, w.mia.id_of("open"))["is_chat_group"] is True
    assert mia.rooms() == {"public", "group", "open", *(f"#{each['id']}" for each in w.mia.conversations()
                                                       if not each["is_chat_group"])}  # fmt: skip
    assert zed.seen_rooms() == {"public", "club", "open"}
    with pytest.raises(Refused, match="not_found"):
        zed.join("group")


def test_longer_texts_of_other_protocols_are_shown(w: World) -> None:
    polling(w.app, "mia@example.com").say("group", "x" * 4000)
    assert len(w.mona.messages(w.group)[-1]["content"]) == 4000


def test_an_answer_has_a_size_limit_and_omitted_messages_stay_unread(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.http.compact_json.ANSWER_MAX_BYTES", 500)
    for text in "123456":
        send(w.mia, w.group, text)
    assert [each["content"] for each in w.mona.messages(w.group)] == ["4", "5", "6"]
    w.mona.ok("POST", "/interface", {"conversationId": w.group, "unreads": 7})
    page = w.mona.messages(w.group, **{"from": "2000-01-01 00:00:00"})
    assert [each["content"] for each in page] == ["said by mia", "1", "2"]
    assert shown(w.mona, w.group)["unread_count"] == 4


def test_lists_take_as_many_statements_however_long_they_are(w: World) -> None:
    few, statements = counted(w, "/conversations")
    befriend_many(w, 200)
    many, as_before = counted(w, "/conversations")
    assert len(many["conversation"]) - len(few["conversation"]) == 200
    assert statements == as_before
    query = {"conversationId": w.group}
    send(w.mia, w.group, "a reply", reply_to=w.said)
    counted(w, "/conversations/messages", query)
    few, statements = counted(w, "/conversations/messages", query)
    with services_of(w.app).store.write() as tx:
        columns = "room_id, sender_id, time, type, content, reply_to_id"
        future = 5_000_000_000_000_000  # µs
        rows = [(w.group, w.alice.id, future + n, "text", str(n), w.said) for n in range(500)]
        execute(tx, f"INSERT INTO messages ({columns}) VALUES (?, ?, ?, ?, ?, ?)", rows)
    counted(w, "/conversations/messages", query)  # moves the read mark
    many, as_before = counted(w, "/conversations/messages", query)
    assert len(many["messages"]) - len(few["messages"]) == 500
    assert statements == as_before


def test_marks_that_are_just_being_written_do_not_undo_one_set_back(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("1", "2"):
        send(w.mia, w.group, text)
    reader = polling(w.app, "mona@example.com")
    reader.hear("group")
    reader.hear("group")
    services = services_of(w.app)
    write, taken, go_on = services.store.write, threading.Event(), threading.Event()

    def slow_write() -> AbstractContextManager[WriteTransaction]:
        monkeypatch.undo()  # the others write as ever
        taken.set()
        assert go_on.wait(10)
        return write()

    monkeypatch.setattr(services.store, "write", slow_write)
    housekeeping = threading.Thread(target=services.read_marks.flush)
    housekeeping.start()
    assert taken.wait(10)
    body = {"conversationId": w.group, "unreads": 2}
    setting = threading.Thread(target=lambda: w.mona.ok("POST", "/interface", body))
    setting.start()
    setting.join(0.3)
    go_on.set()
    for thread in (housekeeping, setting):
        thread.join(10)
    assert shown(w.mona, w.group)["unread_count"] == 2


def test_a_new_name_shows_with_messages_that_are_in_memory(
    w: World, make_app: Callable[..., Flask], clock: FakeClock
) -> None:
    other = services_of(make_app(clock))
    bus = bus_of(other)
    bus.read_events()
    here, there = services_of(w.app).hub.feeds, other.hub.feeds
    begin, _ = (feeds.since(w.group, 0, 10)[-1].time for feeds in (here, there))
    send(w.mia, w.group, "in memory")
    bus.read_events()
    for feeds in (here, there):
        held = feeds.since_in_memory(w.group, begin, 10)
        assert held is not None
        assert [each.nickname for each in held] == ["mia"]
    changes = {"name": "Mia", "email": "mia@example.org", "avatar": "face"}
    w.mia.ok("PUT", "/account/info", {"origin_password": PASSWORD, **changes})
    bus.read_events()
    send(w.mia, w.group, "later")
    bus.read_events()
    for feeds in (here, there):
        held = feeds.since_in_memory(w.group, begin, 10)
        assert held is not None
        assert [each.content for each in held] == ["in memory", "later"]
        for each in held:
            assert (each.nickname, each.username, each.avatar) == ("Mia", "mia@example.org", "face"), each.content


def test_after_id_brings_each_later_message_once_however_many_a_second_holds(w: World) -> None:
    """`from` is in whole seconds, so it cannot get past 1,000 messages of one second; after_id can."""
    last = w.said
    sent = [send(w.mia, w.group, f"number {number}") for number in range(4)]
    w.alice.ok("DELETE", "/conversations/messages", {"message_id": sent[0]})
    assert [each["id"] for each in w.alice.messages(w.group, after_id=last)] == sent[1:]
    assert [each["id"] for each in w.alice.messages(w.group, after_id=sent[0])] == sent[1:]  # a deleted one, too
    assert w.alice.messages(w.group, after_id=sent[-1]) == []


def test_a_whole_float_is_an_id(w: World) -> None:
    said = w.mia.ok("POST", "/conversations/messages", {"conversationId": float(w.group), "content": "by floats"})
    assert said["code"] == 0
    assert w.alice.messages(w.group)[-1]["content"] == "by floats"
