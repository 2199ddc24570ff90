"""No line and no frame costs much more than its bytes: see expensive.py."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import pytest
from flask import Flask

from chat.http.handler import Handler
from chat.http.handler_session import HandlerSession
from chat.models import Actor
from chat.protocols.ims.socket import Notices
from chat.protocols.realtime.socket import RoomSocket
from chat.protocols.roomapi.render import Place
from chat.protocols.roomapi.socket import MessageSocket
from chat.protocols.tcp.connection import Conversation
from chat.protocols.tcp.routes import REQUESTS
from chat.server.ports import Peer
from chat.server.websocket_frames import CONTINUATION, MESSAGE_MAX_BYTES, PING, TEXT, FrameReader
from chat.services import Services
from tests.conftest import services_of, sign_up
from tests.contract.expensive import AFTER, BEFORE, FULL, VALUES, costs_at_most, object_with
from tests.database import execute
from tests.peers import FakePeer
from tests.server import websocket

Say = Callable[[bytes], None]
Open = Callable[[Callable[[Peer, Services], Handler]], Say]


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """Rate limits are off, because refusals would cost little."""
    return make_app(rate_limits=False)


@pytest.fixture
def alice(app: Flask) -> Actor:
    services = services_of(app)
    services.rooms.ensure_lobby()
    return sign_up(services, "alice")


@pytest.fixture
def opened(app: Flask) -> Iterator[Open]:
    """Open connections, by their handlers: functions that send to each."""
    sessions: list[HandlerSession] = []
    peers: list[FakePeer] = []

    def make(handler: Callable[[Peer, Services], Handler]) -> Say:
        session, peer = HandlerSession(app, handler), FakePeer()
        sessions.append(session)
        peers.append(peer)
        session.opened(peer)

        return session.received

    yield make
    for session, peer in zip(sessions, peers, strict=True):
        session.closed()
        if peer.reader is not None:
            peer.reader.close()


# What passes as these fields while another one is expensive.
KNOWN = {
    "username": '"alice"', "password": '"secret1"', "content": '"x"', "chat_group_id": "1", "chat_name": '"public"',
    "filename": '"x"', "file_size": "1", "file_id": "1", "room_id": "1", "type": '"text"',
}  # fmt: skip


def line_with(kind: str, field: str, value: str, size: int = FULL) -> bytes:
    return object_with(field, value, {"message_type": f'"{kind}"', **KNOWN}, size)


def tcp(peer: Peer, chat: Services) -> Handler:
    return Conversation(peer, chat, None, REQUESTS)


FIELDS = {(kind, field) for kind, request in REQUESTS.items() for field in request.schema.fields}
BEFORE_LOG_IN = sorted(each for each in FIELDS if not REQUESTS[each[0]].needs_login)
AFTER_LOG_IN = sorted(FIELDS - set(BEFORE_LOG_IN))


def test_a_line_before_log_in(opened: Open, alice: Actor) -> None:
    for value in VALUES:
        say = opened(tcp)
        for kind, field in [*BEFORE_LOG_IN, ("chat_message", "message_type"), ("chat_message", "another")]:
            line = line_with(kind, field, value)
            assert costs_at_most(BEFORE, partial(say, line), len(line)), (value, kind, field)


@pytest.mark.parametrize("value", VALUES)
def test_a_line_after_log_in(opened: Open, alice: Actor, value: str) -> None:
    say = opened(tcp)
    say(b'{"message_type":"login_request","username":"alice","password":"secret1"}')
    for kind, field in AFTER_LOG_IN:
        line = line_with(kind, field, value)
        assert costs_at_most(AFTER, lambda: say(line), len(line)), (kind, field)  # noqa: B023


@pytest.mark.parametrize("name", ["user{n}", "\u0323\u0301" * 13 + "a{n}", "\ufdfa" * 27 + "{n}", "x" * 50 + "{n}"])
def test_a_line_that_names_a_thousand(opened: Open, alice: Actor, app: Flask, name: str) -> None:
    """Some of the names are unknown, and the known ones are too many to be added at once."""
    columns = "username, username_key, nickname, password_sha1, password_md5, created_at"
    rows = [(f"user{number}", f"user{number}", "", "", "", 1) for number in range(1000)]
    with services_of(app).store.write() as tx:
        execute(tx, f"INSERT INTO users ({columns}) VALUES (?, ?, ?, ?, ?, ?)", rows)
    names = ",".join(f'"{name.format(n=number)}"' for number in range(1000))
    say = opened(tcp)
    say(b'{"message_type":"login_request","username":"alice","password":"secret1"}')
    line = f'{{"message_type":"create_chat_request","chat_name":"new","member_usernames":[{names}]}}'.encode()
    assert costs_at_most(AFTER, lambda: say(line), len(line))


def test_a_frame_before_log_in(opened: Open) -> None:
    for value, field in product(VALUES, ("token", "another")):  # a bad token closes a real socket; this one stays open
        say = opened(lambda peer, chat: RoomSocket(peer, chat, chinese=True))
        frame = line_with("", field, value, MESSAGE_MAX_BYTES)
        assert costs_at_most(BEFORE, partial(say, frame), len(frame)), (value, field)


@pytest.mark.parametrize("value", VALUES)
def test_a_frame_after_log_in(opened: Open, alice: Actor, app: Flask, value: str) -> None:
    roomapi = opened(
        lambda peer, chat: MessageSocket(peer, chat, chat.subscriptions.open(alice), Place(None, ""), is_greeted=True)
    )
    realtime = opened(lambda peer, chat: RoomSocket(peer, chat, chinese=True))
    ims = opened(lambda peer, chat: Notices(peer, chat, chat.subscriptions.open(alice, signals=True)))
    realtime(f'{{"token":"{services_of(app).tickets.issue(alice, 1)}"}}'.encode())
    for say, fields in (
        (roomapi, ["room_id", "type", "content", "client_message_id", "another"]),
        (realtime, ["msg", "client_message_id", "another"]),
        (ims, ["another"]),
    ):
        for field in fields:
            frame = line_with("", field, value, MESSAGE_MAX_BYTES)
            assert costs_at_most(AFTER, lambda: say(frame), len(frame)), field  # noqa: B023


FRAMES = {
    "empty pings": websocket.frame(PING, b""),
    "long pings": websocket.frame(PING, bytes(125)),
    "empty texts": websocket.frame(TEXT, b""),
    "short texts": websocket.frame(TEXT, b"ab"),
    "empty fragments": websocket.frame(CONTINUATION, b"", fin=False),
    "short fragments": websocket.frame(CONTINUATION, b"a", fin=False),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_themselves(kind: str) -> None:
    """Taken out one by one; some begin a message in fragments."""
    first = websocket.frame(TEXT, b"", fin=False) if "fragments" in kind else b""
    data = first + FRAMES[kind] * (FULL // len(FRAMES[kind]))

    def read() -> None:
        reader = FrameReader()
        reader.buffer += data
        while reader.next() is not None:
            pass
        assert not reader.buffer

    assert costs_at_most(BEFORE, read, len(data))
