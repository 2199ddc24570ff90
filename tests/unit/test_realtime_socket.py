"""A message between a member's removal and its notification, which a client can hardly time."""

import json
from collections.abc import Iterator

import pytest

from chat.protocols.realtime.socket import RoomSocket
from chat.server.ports import POLICY
from chat.services import Services
from tests.conftest import sign_up
from tests.peers import FakePeer


@pytest.fixture
def peer() -> Iterator[FakePeer]:
    made = FakePeer()
    yield made
    if made.reader is not None:
        made.reader.close()


def test_a_message_of_a_just_removed_member_is_refused_and_the_socket_closed(
    services: Services, peer: FakePeer
) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    services.rooms.create(alice, "club", "public", "")
    room = services.rooms.joined(alice)[-1].id
    socket = RoomSocket(peer, services, chinese=False)
    socket.received(json.dumps({"token": services.tickets.issue(bob, room)}))
    socket.received(json.dumps({"msg": "in"}))
    assert (peer.said, peer.closed_with) == ([{"status": True}], None)
    services.memberships.leave(bob, room)
    socket.received(json.dumps({"msg": "still there?"}))
    assert (peer.said[1:], peer.closed_with) == ([{"status": False}], POLICY)
    assert [message.content for message in services.messages.history(alice, "club", None, 10)] == ["in"]
    socket.closed()
