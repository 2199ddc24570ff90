"""Messages deleted for all: in every protocol, in the memory of other processes, and with retries."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from chat.models import Attachment, AttachmentChunk, Message
from tests.conftest import FakeClock, services_of
from tests.contract.ims.conversing import polling, send, show, shown
from tests.contract.ims.world import World
from tests.contract.ims_client import FORM_HEADERS, form
from tests.database import bus_of
from tests.pictures import picture


@pytest.fixture
def app(make_app: Callable[..., Flask], clock: FakeClock) -> Flask:
    return make_app(clock)


def test_a_reply_to_a_deleted_message_keeps_its_id_and_shows_nothing(w: World) -> None:
    reply = send(w.mona, w.group, "indeed", reply_to=w.said)
    [answer] = w.alice.ok("GET", "/conversations/get_reply", {"message_id": w.said})["replies"]
    assert set(answer) == {"reply_id", "sender_id", "sender_name", "sender_avatar", "content", "timestamp"}
    assert (answer["reply_id"], answer["content"]) == (reply, "indeed")
    assert w.alice.messages(w.group)[-1]["reply_to"] == "said by mia"
    w.mia.ok("DELETE", "/conversations/manage_messages", {"message_id": w.said})
    [left] = w.alice.messages(w.group)
    assert (left["reply_to"], left["reply_to_id"]) == ("", w.said)
    for again in (w.mia, w.alice):
        gone = again.call("DELETE", "/conversations/messages", {"message_id": w.said})
        assert gone.json["info"] == "消息不存在"
    body = {"conversationId": w.group, "content": "x", "reply_to": w.said}
    assert w.mia.call("POST", "/conversations/messages", body).json["info"] == "Reply message not found"


def test_a_deleted_message_is_gone_in_every_protocol_and_its_picture_with_it(w: World) -> None:
    mona = polling(w.app, "mona@example.com")
    text, image = send(w.mia, w.group, "to be deleted"), show(w.mia, w.group)
    url = urlsplit(w.alice.messages(w.group)[-1]["content"]).path
    kept = send(w.mia, w.group, "kept")
    assert len(mona.hear("group")) == 4  # memory knows the room from here on
    assert w.alice.call("GET", url).status == 200
    for message_id in (text, image):
        w.alice.ok("DELETE", "/conversations/messages", {"message_id": message_id})
    mona.cursors.clear()
    assert [each.content for each in mona.hear("group")] == ["said by mia", "kept"]
    assert w.alice.call("GET", url).status == 404
    assert [each["id"] for each in w.alice.messages(w.group)] == [w.said, kept]
    assert shown(w.adam, w.group)["unread_count"] == 2
    with services_of(w.app).store.read() as connection:
        assert connection.execute(select(Attachment)).all() == []
        assert connection.execute(select(AttachmentChunk)).all() == []
        assert set(connection.execute(select(Message.content).where(Message.deleted_at.is_not(None))).scalars()) == {""}


def test_a_deletion_reaches_the_memory_of_other_processes(
    w: World, make_app: Callable[..., Flask], clock: FakeClock
) -> None:
    other = services_of(make_app(clock))
    bus = bus_of(other)
    bus.read_events()
    begin = other.hub.feeds.since(w.group, 0, 10)[-1].time
    ids = [send(w.mia, w.group, text) for text in ("1", "2", "3")]
    bus.read_events()
    held = other.hub.feeds.since_in_memory(w.group, begin, 10)
    version = other.hub.feeds.version([w.group])
    assert held is not None
    assert [each.content for each in held] == ["1", "2", "3"]
    for message_id in ids[:2]:
        w.mia.ok("DELETE", "/conversations/messages", {"message_id": message_id})
    bus.read_events()
    held = other.hub.feeds.since_in_memory(w.group, begin, 10)
    assert held is not None
    assert [each.content for each in held] == ["3"]
    assert other.hub.feeds.version([w.group]) != version
    send(w.mia, w.group, "4")
    bus.read_events()
    assert [each.content for each in other.hub.feeds.since(w.group, begin, 10)] == ["3", "4"]


def test_a_retry_of_a_deleted_message_does_not_bring_it_back(w: World) -> None:
    sent = send(w.mia, w.group, "once", client_message_id="m-1")
    w.mia.ok("DELETE", "/conversations/messages", {"message_id": sent})
    send(w.mia, w.group, "once", client_message_id="m-1")
    assert [each["content"] for each in w.mia.messages(w.group)] == ["said by mia"]


def test_a_retry_is_stored_once(w: World) -> None:
    for _ in range(3):
        send(w.mia, w.group, "once", client_message_id="m-1")
        body = form({"conversationId": str(w.group), "client_message_id": "m-2"}, {"image": picture()})
        w.mia.ok("POST", "/conversations/image", body, **FORM_HEADERS)
    assert [each["type"] for each in w.mia.messages(w.group)] == [0, 0, 1]
