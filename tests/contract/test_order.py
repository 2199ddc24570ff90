"""Permission to write: every kind of person in every state of a room, through all five protocols."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from chat.errors import ChatError, ErrorCode
from chat.http.error_messages import fill
from chat.http.handler import Handler
from chat.models import Actor, Role
from chat.protocols.ims.errors import TABLE as IMS
from chat.protocols.realtime.errors import TABLE as REALTIME
from chat.protocols.realtime.socket import RoomSocket
from chat.protocols.roomapi.errors import TABLE as ROOMAPI
from chat.protocols.tcp.connection import Conversation
from chat.protocols.tcp.errors import TABLE as TCP
from chat.protocols.tcp.routes import REQUESTS
from chat.security import tokens
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import again, services_of, sign_up
from tests.contract.clients import FlaskTransport
from tests.peers import FakePeer

ROOM = "physics"
NOT_FOUND = ErrorCode.ROOM_NOT_FOUND
Outcome = ErrorCode | None  # None: the message is stored
STATES: dict[str, dict[str, Any]] = {
    "normal": {},
    "read-only": {"read_only": True},
    "slow": {"slow_mode": 3600},
    "archived": {"archived": True},
}
PEOPLE = ("owner", "admin", "member", "muted", "teacher", "outsider", "barred")
WRITES_ANYTIME = {"owner", "admin", "teacher"}
OF_MEMBERS = {"normal": None, "read-only": ErrorCode.READ_ONLY, "slow": ErrorCode.SLOW_MODE}


def expected(person: str, state: str) -> Outcome:
    if person in {"outsider", "barred"}:
        return NOT_FOUND
    if state == "archived":
        return ErrorCode.ARCHIVED
    if person == "muted":
        return ErrorCode.MUTED
    return None if person in WRITES_ANYTIME else OF_MEMBERS[state]


class World:
    """A room with everybody in it who can be, and each protocol's way to send."""

    def __init__(self, app: Flask, state: str) -> None:
        self.app = app
        self.services: Services = services_of(app)
        self.people = {name: sign_up(self.services, name) for name in PEOPLE}
        owner = self.people["owner"]
        self.room_id = self.services.rooms.create(owner, ROOM)
        for name in ("member", "muted", "barred"):
            self.services.memberships.join(self.people[name], ROOM)
        self.services.memberships.add(owner, ROOM, "admin", Role.ADMIN)
        self.services.teachers.appoint(None, "teacher", is_teacher=True)
        self.services.moderation.mute(owner, ROOM, "muted", 10)
        self.services.moderation.bar(owner, ROOM, "barred", is_barred=True)
        for name in ("owner", "admin", "member"):  # slow mode counts from here
            self.services.messages.send(self.people[name], ROOM, Draft(text="before"))
        self.sockets = {name: self.socket(name) for name in ("owner", "admin", "member", "muted")}
        self.services.room_settings.change(owner, ROOM, STATES[state])

    def actor(self, name: str) -> Actor:
        """As the next request finds them."""
        return again(self.services, self.people[name])

    def post(self, name: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        actor = self.people[name]
        with self.app.app_context():
            session = tokens.Token(actor.user_id, actor.session_id)
            token = tokens.issue(tokens.Purpose.SESSION, session, 3600)
        headers = {"Authorization": token, "X-Chat-Errors": "codes"}
        reply = FlaskTransport(self.app).request("POST", path, json.dumps(body).encode(), headers)
        return reply.status, reply.json

    def socket(self, name: str) -> tuple[RoomSocket, FakePeer]:
        peer = FakePeer()
        socket = RoomSocket(peer, self.services, chinese=False)
        socket.received(json.dumps({"token": self.services.tickets.issue(self.people[name], self.room_id)}))
        return socket, peer

    def polling(self, name: str) -> Outcome:
        message = {"roomname": ROOM, "new_message": {"type": "text", "content": "x"}}
        status, answer = self.post(name, "/chat/send", message)
        return None if status == 200 else ErrorCode[answer["code"]]

    def roomapi(self, name: str) -> Outcome:
        _, answer = self.post(name, "/api/message/send", {"room_id": self.room_id, "type": "text", "content": "x"})
        return None if answer["code"] == 0 else code_of(answer["msg"], {code: row[1] for code, row in ROOMAPI.items()})

    def ims(self, name: str) -> Outcome:
        status, answer = self.post(name, "/conversations/messages", {"conversationId": self.room_id, "content": "x"})
        if answer["info"] == "Not in conversation":
            assert (status, answer["code"]) == (400, 1)
            return NOT_FOUND
        return None if status == 200 else code_of(answer["info"], {c: row[2] for c, row in IMS.items()})

    def tcp(self, name: str) -> Outcome:
        peer = FakePeer()
        conversation = Conversation(peer, self.services, None, REQUESTS)
        for line in (
            {"message_type": "login_request", "username": name, "password": "secret1"},
            {"message_type": "chat_message", "chat_group_id": self.room_id, "content": "x"},
        ):
            hand(conversation, line)
        conversation.closed()
        said = peer.said[-1]
        if said["message_type"] != "error_message":
            return None
        code = code_of(said["error_message"], {code: row[1] for code, row in TCP.items()})
        return NOT_FOUND if code is ErrorCode.FORBIDDEN else code  # this protocol's word to outsiders

    def realtime(self, name: str) -> Outcome:
        """Only of those in the room: the others become members by entering, or are refused there."""
        socket, peer = self.sockets[name]
        hand(socket, {"msg": "x"})
        said = peer.said[-1]
        if said == {"status": True}:
            return None
        data = {"retry_after": said.get("retry_after", 1)}
        words = {code: fill(row[1], data, chinese=False) for code, row in REALTIME.items()}
        return next(code for code, text in words.items() if text == said["error"])


def hand(handler: Handler, line: dict[str, Any]) -> None:
    """As the server hands a client's frame or line to the protocol."""
    try:
        handler.received(json.dumps(line))
    except ChatError as error:
        handler.failed(error)


def code_of(text: str, table: dict[Any, str]) -> ErrorCode:
    """The code with these words, whose numbers may be any."""
    fits = [code for code, words in table.items() if _parts(words) and all(part in text for part in _parts(words))]
    assert len(fits) >= 1, text
    return ErrorCode(max(fits, key=lambda code: len(table[code])))


def _parts(words: str) -> list[str]:
    return [part for part in words.replace("}", "{").split("{")[::2] if part]


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(rate_limits=False)


@pytest.mark.parametrize("state", STATES)
def test_writing_in_every_protocol(app: Flask, cheap_passwords: None, state: str) -> None:
    world = World(app, state)
    wrong = []
    for protocol in ("polling", "roomapi", "ims", "tcp", "realtime"):
        for person in PEOPLE:
            if protocol == "realtime" and person not in world.sockets:
                continue
            found = getattr(world, protocol)(person)
            if found is not expected(person, state):
                wrong.append((protocol, person, found, expected(person, state)))
    assert wrong == []


def test_entering_a_room_that_one_is_barred_from(app: Flask) -> None:
    world = World(app, "normal")
    assert world.post("barred", "/room/join", {"roomname": ROOM})[1]["code"] == "BARRED"
    user = {"room_id": world.room_id, "user_name": "barred"}
    assert world.post("owner", "/api/room/add_user", user)[1]["msg"] == ROOMAPI[ErrorCode.BARRED][1]
    peer = FakePeer()
    conversation = Conversation(peer, world.services, None, REQUESTS)
    for line in (
        {"message_type": "login_request", "username": "barred", "password": "secret1"},
        {"message_type": "join_chat_request", "chat_name": ROOM},
    ):
        hand(conversation, line)
    conversation.closed()
    assert TCP[ErrorCode.BARRED][1] in str(peer.said[-1])
