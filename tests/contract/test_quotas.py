"""Quotas of storage in each protocol's own words."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from chat.http.handler import Handler
from chat.http.handler_session import HandlerSession
from chat.models import Actor
from chat.protocols.realtime.socket import RoomSocket
from chat.protocols.roomapi.render import Place
from chat.protocols.roomapi.socket import MessageSocket
from chat.protocols.tcp.connection import Conversation
from chat.protocols.tcp.routes import REQUESTS
from chat.services import quota
from tests.conftest import services_of, sign_up
from tests.contract.ims_client import FORM_HEADERS, form
from tests.contract.registered import ims, polling, roomapi
from tests.peers import FakePeer
from tests.pictures import picture


@pytest.mark.parametrize(
    ("settings", "number", "words"),
    [
        ({"storage_per_day": 10}, -3, "Storage quota exceeded"),
        ({"storage_max": 100}, -9, "Storage full"),
        # PostgreSQL's disk may be another machine's: test_full_disk
        pytest.param({"disk_free_min": 2**50}, -9, "Storage full", marks=pytest.mark.sqlite_only),
    ],
)
def test_no_room_for_pictures(
    make_app: Callable[..., Flask], settings: dict[str, int], number: int, words: str
) -> None:
    app = make_app(**settings)
    anna, rob, ida = polling(app, "anna"), roomapi(app, "rob"), ims(app, "ida")
    encoded = base64.b64encode(picture()).decode()
    replies = [
        anna.call("POST", "/chat/send", {"roomname": "public", "new_message": {"type": "img", "content": encoded}}),
        rob.call("POST", "/api/message/send", {"room_id": 1, "type": "image", "content": encoded}),
        ida.call("POST", "/conversations/image", form({"conversationId": "1"}, {"image": picture()}), **FORM_HEADERS),
    ]
    assert [reply.status for reply in replies] == [507] * 3
    assert [set(reply.json) for reply in replies] == [
        {"status", "feedback"},
        {"code", "msg", "data"},
        {"code", "info"},
    ]
    assert ("Retry-After" in replies[0].headers) == ("storage_per_day" in settings)
    assert (replies[2].json["code"], replies[2].json["info"]) == (number, words)
    avatar = ida.call("PUT", "/account/info", {"origin_password": "secret1", "avatar": "x" * 20})
    assert (avatar.status, avatar.json["code"]) == (507, number)
    anna.say("public", "texts go on")


@pytest.fixture
def terse(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A day's texts are two short ones."""
    monkeypatch.setattr(quota, "TEXTS_AT_LEAST", 0)
    monkeypatch.setattr(quota, "TEXT_BYTES_AT_ONCE", 1)
    app = make_app(storage_per_day=2 * quota.ROW_BYTES + 100)
    services_of(app).rooms.ensure_lobby()
    return app


def test_a_days_texts_by_http(terse: Flask) -> None:
    anna, rob, ida = polling(terse, "anna"), roomapi(terse, "rob"), ims(terse, "ida")
    requests: list[tuple[Any, str, dict[str, Any]]] = [
        (anna, "/chat/send", {"roomname": "public", "new_message": {"type": "text", "content": "hello"}}),
        (rob, "/api/message/send", {"room_id": 1, "type": "text", "content": "hello"}),
        (ida, "/conversations/messages", {"conversationId": 1, "content": "hello"}),
    ]
    replies = [[client.call("POST", path, body) for _ in range(3)] for client, path, body in requests]
    assert [[reply.status for reply in each] for each in replies] == [[200, 200, 507]] * 3
    by_polling, by_roomapi, by_ims = (each[-1] for each in replies)
    seconds = by_polling.headers["Retry-After"]
    assert 0 < int(seconds) < 86_400
    assert by_polling.json == {
        "status": "failure",
        "feedback": f"You have reached the daily storage limit (500 bytes): try again in {seconds} s.",
    }
    assert (by_roomapi.json["code"], by_roomapi.json["data"]) == (1, None)
    assert "你今天存储的数据已达上限（500 字节）" in by_roomapi.json["msg"]
    assert by_ims.json == {"code": -3, "info": "Storage quota exceeded"}


@pytest.mark.parametrize(
    ("protocol", "request_line", "refused"),
    [
        ("roomapi", {"room_id": 1, "type": "text", "content": "hello"}, ("code", 1)),
        ("realtime", {"msg": "hello"}, ("status", False)),
        ("tcp", {"message_type": "chat_message", "chat_group_id": 1, "content": "hello"}, ("error_code", 1007)),
    ],
)
def test_a_days_texts_by_socket(
    terse: Flask, protocol: str, request_line: dict[str, Any], refused: tuple[str, Any]
) -> None:
    chat, peer = services_of(terse), FakePeer()
    alice = sign_up(chat, "alice")
    session = HandlerSession(terse, lambda peer, chat: opened_by(protocol, peer, chat, alice))
    session.opened(peer)
    if protocol == "realtime":
        session.received(json.dumps({"token": chat.tickets.issue(alice, 1)}))
    if protocol == "tcp":
        session.received(b'{"message_type":"login_request","username":"alice","password":"secret1"}')
    for _ in range(3):
        session.received(json.dumps(request_line).encode())
    session.closed()
    field, value = refused
    assert [each for each in peer.said if each.get(field) == value] == [peer.said[-1]]
    assert "500" in json.dumps(peer.said[-1])
    assert len(chat.messages.history(alice, 1, None, 10)) == 2


def opened_by(protocol: str, peer: Any, chat: Any, actor: Actor) -> Handler:
    if protocol == "roomapi":
        return MessageSocket(peer, chat, chat.subscriptions.open(actor), Place(None, ""), is_greeted=True)
    if protocol == "realtime":
        return RoomSocket(peer, chat, chinese=False)
    return Conversation(peer, chat, None, REQUESTS)
