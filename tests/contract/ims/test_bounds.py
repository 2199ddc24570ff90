"""Requests made long or slow on purpose: answers have a size limit, and searches end."""

import base64
import json
import time
from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import services_of
from tests.contract.ims.test_friends import befriend_many
from tests.contract.ims.world import World
from tests.contract.ims_client import PASSWORD
from tests.database import execute, statement_texts
from tests.pictures import noise


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """An application without limits on creating rooms and adding people."""
    return make_app(rate_limits=False, rooms_owned=1000)


def test_a_hostile_search_is_no_slower_than_others(w: World) -> None:
    with services_of(w.app).store.write() as tx:
        rows = [(w.group, w.mia.id, 5_000_000_000_000_000 + n, "text", "a" * 4000) for n in range(300)]
        columns = "room_id, sender_id, time, type, content"
        execute(tx, f"INSERT INTO messages ({columns}) VALUES (?, ?, ?, ?, ?)", rows)
    query = {"conversationId": w.group, "content": "A" * 99 + "b"}
    begin = time.thread_time()
    assert w.alice.ok("GET", "/conversations/manage_messages", query)["messages"] == []
    assert time.thread_time() - begin < 0.5  # s; with LIKE it is 2
    assert w.alice.call("GET", "/conversations/manage_messages", query | {"content": "a" * 101}).status == 400


def test_an_avatar_is_a_picture_or_a_short_text(w: World) -> None:
    large = base64.b64encode(noise(550 * 1024)).decode()
    assert 550 * 1024 < len(large) < 2 * 1024 * 1024
    for avatar, status in (
        ("é" * 2048, 200),
        ("é" * 2049, 400),
        ("data:image/png;base64," + "A" * 500_000, 400),
        (large, 200),
        ("data:image/png;base64," + large, 200),
        ("A" * 3_000_000, 400),
    ):
        reply = w.alice.call("PUT", "/account/info", {"origin_password": PASSWORD, "avatar": avatar})
        assert reply.status == status, reply
        reply = w.alice.call("POST", "/conversations/manage/info", {"conversation_id": w.group, "avatar": avatar})
        assert reply.status == status, reply
        if status == 400:
            assert reply.json == {"code": -7, "info": "Missing or error type of [avatar]"}


@pytest.mark.parametrize("avatar", ["x" * 512 * 1024, "\u0001" * 512 * 1024, "\N{GRINNING FACE}" * 128 * 1024])
def test_lists_with_long_avatars_are_bounded(w: World, avatar: str) -> None:
    befriend_many(w, 20)
    with services_of(w.app).store.write() as tx:
        execute(tx, "UPDATE users SET avatar = ?", (avatar,))
    for _ in range(20):
        w.alice.create_room("many")
    with services_of(w.app).store.write() as tx:
        execute(tx, "UPDATE rooms SET avatar = ?", (avatar,))
    for path, name in (
        ("/friends", "friends"),
        ("/search_user?query_name=n", "results"),
        ("/conversations", "conversation"),
    ):
        reply = w.alice.call("GET", path)
        assert avatar in {each["avatar"] for each in reply.json[name]}
        assert len(json.dumps(reply.json, ensure_ascii=False).encode()) < 8.1 * 1024 * 1024


def test_a_list_of_long_last_messages_is_bounded(w: World) -> None:
    text = "字" * 4000
    for _ in range(300):
        w.alice.create_room("many")
    with services_of(w.app).store.write() as tx:
        columns = "room_id, sender_id, time, type, content"
        made = f"SELECT id, {w.alice.id}, 5000000000000000 + id, 'text', ? FROM rooms WHERE title = 'many'"
        execute(tx, f"INSERT INTO messages ({columns}) {made}", (text,))
    texts = [each["last_message"] for each in w.alice.conversations()]
    assert texts[:300] == [text] * 250 + [text[:255]] * 50


def test_a_list_of_announcements_is_bounded(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.http.compact_json.ANSWER_MAX_BYTES", 500)
    for number in range(10):
        body = {"conversation_id": w.group, "content": str(number) * 100}
        w.adam.ok("POST", "/conversations/manage/notifications", body)
    shown = w.mia.ok("GET", "/conversations/manage/notifications", {"conversation_id": w.group})["notifications"]
    assert [each["content"][0] for each in shown] == ["9", "8"]


def test_many_are_admitted_with_as_many_statements_as_few(w: World) -> None:
    befriend_many(w, 100)
    friends = [each["id"] for each in w.alice.ok("GET", "/friends")["friends"] if each["name"].startswith("n")]
    counts: list[list[str]] = []
    for size in (2, 50):
        members, guests = friends[:size], friends[size : 2 * size]
        with statement_texts(services_of(w.app)) as statements:
            w.alice.ok("POST", "/conversations", {"members": members, "name": f"with {size}"})
            body = {"conversationId": 0, "member_id": guests}
            body["conversationId"] = max(each["id"] for each in w.alice.conversations())
            w.alice.ok("POST", "/conversations/member/add", body)
        counts.append(statements)
        assert len(w.alice.members(f"with {size}")) == 1 + 2 * size
    assert counts[0] == counts[1]
