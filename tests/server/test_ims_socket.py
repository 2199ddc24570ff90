"""ims's WebSocket: three kinds of notice, and nothing else ever."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.contract.clients import HttpTransport, PollingClient
from tests.contract.ims_client import ImsClient
from tests.raw import Talk, get
from tests.real_server import Server
from tests.server.websocket import HANDSHAKE, TEXT, Socket, frame

Connect = Callable[[Server], HttpTransport]
Person = Callable[[Server, str], ImsClient]
NOTIFY, REQUEST, UNFRIENDED = ({"type": kind} for kind in ("notify", "request_message", "delete_friend"))


class Notices(Socket):
    def __init__(self, server: Server, who: ImsClient, path: str = "/ws/") -> None:
        Talk.__init__(self, server)  # published clients have the token in the query alone
        self.send(get(f"{path}?token={who.token}", *HANDSHAKE))
        self.handshake = self.answer(bodiless=True)
        assert self.handshake.status == 101, self.handshake


Listen = Callable[..., Notices]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Create transports to a server, closed at the end of the test."""
    made: list[HttpTransport] = []

    def make(server: Server) -> HttpTransport:
        made.append(HttpTransport(server.url))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Create sockets, closed at the end of the test."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Notices(*args, **options))


@pytest.fixture
def person(connect: Connect) -> Person:
    """Create registered users."""

    def make(server: Server, name: str) -> ImsClient:
        made = ImsClient(connect(server))
        made.register(name)
        return made

    return make


@pytest.mark.parametrize("workers", [1, 2])
def test_notices_reach_the_users_they_concern(
    server: Callable[..., Server], person: Person, listen: Listen, connect: Connect, workers: int
) -> None:
    live = server(workers=workers)
    alice, bob, carol = (person(live, name) for name in ("alice", "bob", "carol"))
    sockets = {who.username: listen(live, who) for who in (alice, bob, carol)}
    alice.ok("POST", "/add_friend", {"target_id": bob.id, "message": "hi"})
    assert sockets["bob"].json() == REQUEST
    bob.ok("POST", "/friend_request_handle", {"sender_user_id": alice.id, "receiver_user_id": bob.id})
    for _ in range(2):  # the conversation is there; bob's first message in it
        assert sockets["alice"].json() == NOTIFY
        assert sockets["bob"].json() == NOTIFY
    alice.create_room("club")
    assert sockets["alice"].json() == NOTIFY
    bob_in = {"conversationId": alice.id_of("club"), "member_id": bob.id}
    alice.ok("POST", "/conversations/member/add", bob_in)
    assert sockets["alice"].json() == NOTIFY  # her list of members is longer
    assert sockets["bob"].json() == NOTIFY  # his list of conversations
    bob.say("club", "hello")
    assert sockets["alice"].json() == NOTIFY
    assert sockets["bob"].json() == NOTIFY  # the sender too
    polling = PollingClient(connect(live))
    polling.register("paul")
    polling.say("public", "to everybody")
    for each in sockets.values():
        assert each.json() == NOTIFY
    bob.ok("DELETE", "/manage_friends", {"friend_id": alice.id})
    for name in ("alice", "bob"):  # bob may also have been told of the club by joining it
        while (told := sockets[name].json()) == NOTIFY:
            pass
        assert told == UNFRIENDED
    assert sockets["carol"].is_silent(0.5)


def test_messages_from_clients_are_not_answered(server: Callable[..., Server], person: Person, listen: Listen) -> None:
    live = server()
    alice = person(live, "alice")
    socket = listen(live, alice, path="/ws")
    for text in ("", "{", '{"type":"ping"}', json.dumps({"a": "x" * 1000}), "null"):
        socket.send(frame(TEXT, text))
    assert socket.is_silent(0.5)
    alice.say("public", "still there")
    assert socket.json() == NOTIFY


def test_a_bad_token_and_a_plain_request_get_the_envelope(server: Callable[..., Server], person: Person) -> None:
    live = server()
    alice = person(live, "alice")
    for query in ("", "?token=", "?token=x", f"?token={alice.token}x"):
        with Talk(live) as talk:
            talk.send(get(f"/ws/{query}", *HANDSHAKE))
            answer = talk.answer()
        assert (answer.status, json.loads(answer.body)) == (401, {"code": -2, "info": "Invalid or expired JWT"})
    plain = alice.call("GET", "/ws/")
    assert (plain.status, plain.json["code"]) == (426, -3)


def test_a_former_member_receives_nothing(server: Callable[..., Server], person: Person, listen: Listen) -> None:
    live = server()
    alice, bob = person(live, "alice"), person(live, "bob")
    alice.create_room("club")
    alice.bring("club", bob)
    bob.leave("public")
    socket = listen(live, bob)
    alice.say("club", "bob is in")
    assert socket.json() == NOTIFY
    alice.ok("DELETE", "/conversations/member/remove", {"conversation_id": alice.id_of("club"), "user": bob.id})
    alice.say("club", "bob is out")
    assert socket.is_silent(0.5)


@pytest.mark.parametrize("how", ["dissolved", "archived"])
def test_a_socket_outlives_the_end_of_a_conversation(
    server: Callable[..., Server], person: Person, listen: Listen, how: str
) -> None:
    live = server()
    alice, bob = person(live, "alice"), person(live, "bob")
    alice.create_room("club")
    alice.bring("club", bob)
    room = alice.id_of("club")
    socket = listen(live, bob)
    if how == "dissolved":
        alice.leave("club")
    else:
        archived = {"roomname": "club", "archived": True}
        assert alice.call("POST", "/room/settings", archived).status == 200, "archive"
    reply = bob.call("POST", "/conversations/messages", {"conversationId": room, "content": "still there?"})
    assert (reply.status, reply.json["code"]) == ((404, -1) if how == "dissolved" else (403, -3))
    assert socket.is_silent(0.5)
    alice.say("public", "here")
    assert socket.json() == NOTIFY


@pytest.mark.parametrize("how", ["deleted", "password"])
def test_the_end_of_the_session_closes_it(
    server: Callable[..., Server], person: Person, listen: Listen, connect: Connect, how: str
) -> None:
    live = server()
    alice = person(live, "alice")
    elsewhere = ImsClient(connect(live))
    elsewhere.login("alice")
    socket, own = listen(live, alice), listen(live, elsewhere)
    if how == "deleted":
        elsewhere.ok("DELETE", "/account/delete")
        assert own.until_close() == ([], 1008)
    else:
        elsewhere.ok("PUT", "/account/info", {"origin_password": "secret1", "password": "secret2"})
    assert socket.until_close() == ([], 1008)
    reply = alice.call("GET", "/conversations")
    assert (reply.status, reply.json) == (401, {"code": -2, "info": "Invalid or expired JWT"})
    if how == "password":  # the session that changed it continues
        elsewhere.say("public", "still here")
        assert own.json() == NOTIFY


def test_members_hear_of_announcements_and_refused_invitations(
    server: Callable[..., Server], person: Person, listen: Listen
) -> None:
    live = server()
    alice, bob, carol = (person(live, name) for name in ("alice", "bob", "carol"))
    alice.create_room("club")
    alice.bring("club", bob)
    bob.befriend(carol)
    socket = listen(live, bob)
    room = {"conversation_id": alice.id_of("club")}
    alice.ok("POST", "/conversations/manage/notifications", {**room, "content": "no school today"})
    assert socket.json() == NOTIFY
    bob.ok("POST", "/conversations/member/add", {"conversationId": room["conversation_id"], "member_id": carol.id})
    invite_id = alice.ok("GET", "/conversations/invitation", room)["invitation"][0]["invite_id"]
    alice.ok("DELETE", "/conversations/manage/handle_invitation", {"invite_id": invite_id})
    assert socket.json() == NOTIFY


def test_the_lists_have_what_a_notice_is_about(server: Callable[..., Server], person: Person, listen: Listen) -> None:
    """The published client loads its lists on a notice, and not again until the next."""
    live = server()
    alice, bob, carol = (person(live, name) for name in ("alice", "bob", "carol"))
    for friend in (bob, carol):
        friend.befriend(alice)

    def tells_bob(who: ImsClient, path: str, body: dict[str, object]) -> None:
        socket = listen(live, bob)  # a new one, because the action may cause two notices
        who.ok("POST", path, body)
        assert socket.json() == NOTIFY, path

    tells_bob(alice, "/conversations", {"name": "trip", "members": [bob.id]})
    assert "trip" in bob.rooms()
    trip = alice.id_of("trip")
    tells_bob(alice, "/conversations/member/add", {"conversationId": trip, "member_id": carol.id})
    assert "carol" in bob.members("trip")
    tells_bob(alice, "/conversations/manage/notifications", {"conversation_id": trip, "content": "at nine"})
    shown = bob.ok("GET", "/conversations/manage/notifications", {"conversation_id": trip})
    assert [each["content"] for each in shown["notifications"]] == ["at nine"]
    bob.ok("POST", "/add_friend", {"target_id": carol.id, "message": "hi"})
    tells_bob(carol, "/friend_request_handle", {"sender_user_id": bob.id, "receiver_user_id": carol.id})
    assert carol.id in {each.get("friend_id") for each in bob.conversations()}


def test_each_notice_comes_when_the_list_counts_its_message(
    server: Callable[..., Server], person: Person, listen: Listen
) -> None:
    """A client loads the list on each notice: after as many notices as messages, all are counted."""
    live = server()
    alice, bob = person(live, "alice"), person(live, "bob")
    alice.create_room("club")
    alice.bring("club", bob)
    socket = listen(live, bob)
    for number in range(1, 6):
        alice.say("club", "one")
        alice.say("club", "and one at once")
        for said in (1, 2):
            assert socket.json() == NOTIFY
            assert bob.unread("club") >= 2 * number - 2 + said


def test_nothing_is_lost_after_the_handshake(server: Callable[..., Server], person: Person) -> None:
    """The client is told that it is connected before a thread follows its rooms."""
    live = server(CHAT_RATE_LIMITS="off")
    alice, bob = person(live, "alice"), person(live, "bob")
    with ExitStack() as stack:
        for number in range(40):
            socket = stack.enter_context(Notices(live, alice))
            bob.say("public", f"no. {number}")
            assert socket.json() == NOTIFY
