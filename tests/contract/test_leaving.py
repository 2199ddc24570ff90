"""Sockets in rooms that close while the database is away: the visit is ended later, and nothing is an error."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from chat.errors import ChatError, ErrorCode
from chat.http.handler import Handler
from chat.http.handler_session import HandlerSession
from chat.models import VisitRow
from chat.protocols.realtime.socket import RoomSocket
from chat.protocols.tcp.connection import Conversation
from chat.protocols.tcp.routes import REQUESTS
from chat.services import Services
from tests.conftest import services_of, sign_up
from tests.peers import FakePeer

Make = Callable[[Any, Services], Handler]
MAKE: dict[str, Make] = {
    "realtime": lambda peer, chat: RoomSocket(peer, chat, chinese=False),
    "tcp": lambda peer, chat: Conversation(peer, chat, None, REQUESTS),
}


@pytest.mark.parametrize("protocol", MAKE)
def test_a_visit_ends_later_if_the_database_is_away(app: Flask, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = services_of(app)
    chat.rooms.ensure_lobby()
    alice = sign_up(chat, "alice")
    session = HandlerSession(app, MAKE[protocol])
    session.opened(FakePeer())
    lines: dict[str, list[dict[str, Any]]] = {
        "realtime": [{"token": chat.tickets.issue(alice, 1)}],
        "tcp": [
            {"message_type": "login_request", "username": "alice", "password": "secret1"},
            {"message_type": "enter_chat_request", "chat_name": "public"},
        ],
    }
    for line in lines[protocol]:
        session.received(json.dumps(line).encode())

    def visits() -> int:
        with chat.store.read() as connection:
            return int(connection.execute(select(func.count()).select_from(VisitRow)).scalar_one())

    def away() -> object:
        raise ChatError(ErrorCode.UNAVAILABLE, retry_after=2)

    assert visits() == 1
    with monkeypatch.context() as patch:
        patch.setattr(chat.store, "write", away)
        session.closed()
    assert visits() == 1
    chat.room_presence.beat()
    assert visits() == 0
