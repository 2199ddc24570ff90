"""Request limits per person, by HTTP, WebSocket and tcp; a class never reaches any limit."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.clients import HttpTransport, PollingClient
from tests.contract.ims_client import ImsGuest
from tests.contract.realtime_client import RealtimeClient
from tests.contract.roomapi_client import FollowingRoomapiClient
from tests.contract.roomapi_socket import PONG, Member
from tests.contract.tcp_client import Lines, TcpClient
from tests.real_server import Server

AT_ONCE = 10
KINDS: list[Any] = [PollingClient, FollowingRoomapiClient, RealtimeClient, ImsGuest, TcpClient]
EACH = 12  # of a kind


@pytest.fixture(scope="module")
def live(serve: Callable[..., Server]) -> Server:
    """A low request limit with a refill of one per second."""
    return serve(CHAT_REQUESTS_AT_ONCE=str(AT_ONCE), CHAT_REQUESTS_PER_SECOND="1")


@pytest.fixture(scope="module")
def ordinary(serve: Callable[..., Server]) -> Server:
    """As it is without any setting."""
    return serve()


def test_http(live: Server) -> None:
    alice, bob = (PollingClient(HttpTransport(live.url)) for _ in range(2))
    alice.register("alice")  # before the log-in nothing counts
    bob.register("bob")
    statuses = [alice.call("GET", "/user/me").status for _ in range(AT_ONCE + 10)]
    assert statuses[:AT_ONCE] == [200] * AT_ONCE
    assert 429 in statuses[AT_ONCE:]
    assert bob.call("GET", "/user/me").status == 200
    for path, envelope in (
        ("/api/room/list", {"code", "msg", "data"}),
        ("/Room", {"status", "error"}),
        ("/conversations", {"code", "info"}),
        ("/room/find", {"status", "feedback"}),
    ):
        replies = [alice.call("GET", path) for _ in range(3)]
        refused = next(reply for reply in replies if reply.status == 429)
        assert set(refused.json) == envelope
        assert refused.headers["Retry-After"] == "1"
    for client in (alice, bob):
        client.transport.close()  # type: ignore[attr-defined]


def test_held_pulls_are_free_and_pulls_in_a_loop_are_not(live: Server) -> None:
    alice = PollingClient(HttpTransport(live.url))
    alice.register("polly")
    alice.say("public", "hello")
    for _ in range(AT_ONCE + 5):
        assert alice.call("POST", "/chat/pull?timeout=0.02", {"public": "2099-01-01T00:00:00Z"}).status == 200
    statuses = {alice.call("POST", "/chat/pull?timeout=5", {"public": ""}).status for _ in range(3 * AT_ONCE)}
    assert statuses == {200, 429}
    alice.transport.close()  # type: ignore[attr-defined]


def test_frames(live: Server) -> None:
    alice = Member(live.url, "alice")
    socket = alice.connect()
    for _ in range(2 * AT_ONCE):
        socket.send({"type": "ping"})
    answers = [socket.next() for _ in range(2 * AT_ONCE)]
    assert AT_ONCE - 5 <= answers.count(PONG) < 2 * AT_ONCE, answers
    refused = next(answer for answer in answers if answer != PONG)
    assert (refused["code"], refused["msg"]) == (1, "操作过于频繁，请 1 秒后再试")
    alice.close()


def test_lines(live: Server) -> None:
    with Lines(live.tcp_port) as alice:
        for _ in range(2 * AT_ONCE):
            assert alice.ask("heartbeat")["message_type"] == "heartbeat"  # nobody yet
        alice.sign_in("terry")
        alice.raw(b'{"message_type":"heartbeat"}\n' * 2 * AT_ONCE)
        answers = [alice.next() for _ in range(2 * AT_ONCE)]
        refused = [answer for answer in answers if answer["message_type"] != "heartbeat"]
        assert 0 < len(refused) <= AT_ONCE
        assert {answer["error_code"] for answer in refused} == {1008}


def test_rooms_passwds_count_once_though_they_are_hashed_in_another_lane(ordinary: Server) -> None:
    alice = PollingClient(HttpTransport(ordinary.url))
    alice.register("alice")
    body = {"type": "private", "passwd": "secret"}
    statuses = [alice.call("POST", "/room/create", {"roomname": f"room {n}", **body}).status for n in range(11)]
    assert statuses == [200] * 10 + [429]
    alice.transport.close()  # type: ignore[attr-defined]


@pytest.fixture
def pupils(ordinary: Server) -> Iterator[list[Any]]:
    """Sixty clients that have not registered, of all protocols, at a server with nothing set."""
    made = [kind(HttpTransport(ordinary.url, ordinary.tcp_port)) for kind in KINDS for _ in range(EACH)]
    yield made
    for each in made:
        each.close()
        each.transport.close()


def test_a_class_of_sixty_never_meets_a_bound(pupils: list[Any]) -> None:
    """All from one address within a minute; every refusal is raised here."""
    teacher: Any = pupils[-1]
    names = [f"pupil {number}" for number in range(len(pupils))]
    with ThreadPoolExecutor(8) as pool:

        def all_do(work: Callable[[Any, str], object]) -> list[Any]:
            return list(pool.map(work, pupils, names))

        all_do(lambda pupil, name: pupil.register(name))
        teacher.ok("create_chat_request", "create_chat_response", chat_name="physics", member_usernames=names)
        for pupil in pupils[2 * EACH : 3 * EACH]:
            pupil.join("physics")  # realtime's enter by a socket
        all_do(lambda pupil, name: pupil.create_room(f"room of {name}"))
        all_do(lambda pupil, _: pupil.hear("physics"))
        for text in ("good morning", "I have a question"):
            said = [f"{text}, says {name}" for name in names]
            list(pool.map(lambda pupil, words: pupil.say("physics", words), pupils, said))
            heard = all_do(lambda pupil, _: pupil.hear("physics", timeout=5))
            for pupil, own, messages in zip(pupils, said, heard, strict=True):
                missing = set(said) - {message.content for message in messages}
                assert missing <= (set() if "echo" in pupil.can else {own}), (pupil.protocol, own)
