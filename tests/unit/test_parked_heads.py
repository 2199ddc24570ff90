"""Behind a proxy a client's next pull comes on any connection, and still needs no thread."""

from collections.abc import Callable

import pytest

from chat.server import known_heads as known_heads_module
from chat.server.connection import HttpConnection
from chat.server.http_parser import Framed
from chat.server.known_heads import Ending, Known, KnownHeads
from chat.server.ports import IS_AHEAD, NEEDS_THREAD, NOTHING_YET, Ahead, Data, Look
from chat.server.wsgi import Answer
from tests.unit.connection.conftest import Clock, Transport, Worker

ENDING = Ending(b"HTTP/1.1 200 OK", False, lambda: None, None)


class Pull:
    """A held request; it notes what it is asked."""

    deadline = float("inf")
    expired = False

    def __init__(self) -> None:
        self.is_held = False
        self.asked: list[bytes] = []
        self.ahead = 0  # so many times
        self.found: Data | Look = NOTHING_YET
        self.is_stale = self.is_closed = False
        self.wake: Callable[[], None] = lambda: None

    def start(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    continue_on = start

    def again(self, body: bytes) -> Data | Look | Ahead:
        self.asked.append(body)
        if self.ahead:
            self.ahead -= 1
            return IS_AHEAD
        return NEEDS_THREAD if self.is_stale else self.found

    def look(self) -> Data | Look:
        return self.found

    def look_again(self) -> None: ...

    def late(self) -> bytes:
        return b"late"

    def close(self) -> None:
        self.is_closed = True


class ProxiedWorker(Worker):
    is_proxied = True

    def __init__(self) -> None:
        super().__init__()
        self.woken: list[object] = []

    def wake(self, one: object) -> None:
        self.woken.append(one)


@pytest.fixture
def worker() -> ProxiedWorker:
    return ProxiedWorker()


def connect(worker: Worker) -> HttpConnection:
    made = HttpConnection(worker)
    made.connection_made(Transport())
    return made


def head(token: str) -> bytes:
    return f"POST /chat/pull HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 2\r\n\r\n".encode()


def hold(http: HttpConnection, worker: Worker, token: str, pull: Pull | None = None) -> Pull:
    """Have a client's first pull held, by a thread."""
    made = pull or Pull()
    http.data_received(head(token) + b"{}")
    worker.work.pop()
    answer = Answer([], close=False)
    answer.held, answer.ending = made, ENDING
    http._worked(Framed(head(token), b"{}", is_repeatable=True), answer)
    assert made.is_held
    return made


def answer_with(http: HttpConnection, pull: Pull, news: bytes = b"news") -> None:
    pull.found = news
    http.look()
    pull.found = NOTHING_YET
    assert not pull.is_held


def test_the_next_pull_on_another_connection_needs_no_thread(worker: ProxiedWorker) -> None:
    first, second = connect(worker), connect(worker)
    alice, bob = hold(first, worker, "alice"), hold(second, worker, "bob")
    answer_with(first, alice)
    answer_with(second, bob)
    bob.wake()
    assert worker.woken == [], "nobody waits"
    second.data_received(head("alice") + b"12")
    first.data_received(head("bob") + b"34")
    assert worker.work == []
    assert (alice.asked, bob.asked) == ([b"12"], [b"34"])
    assert (alice.is_held, bob.is_held) == (True, True)
    alice.wake()
    assert worker.woken == [second], "it is woken where it is held"
    answer_with(second, alice)
    answer_with(first, bob)


def test_a_pull_that_arrives_in_parts_is_known_too(worker: ProxiedWorker) -> None:
    first, second = connect(worker), connect(worker)
    alice = hold(first, worker, "alice")
    answer_with(first, alice)
    for part in (head("alice")[:10], head("alice")[10:] + b"12"):
        second.data_received(part)
    assert alice.asked == [b"12"]
    assert worker.work == []


def test_a_head_that_differs_in_a_byte_is_not_known(worker: ProxiedWorker) -> None:
    first = connect(worker)
    alice = hold(first, worker, "alice")
    answer_with(first, alice)
    first.data_received(head("alicf") + b"{}")
    assert alice.asked == []
    assert len(worker.work) == 1


def test_an_idle_connection_that_the_proxy_closes_forgets_nothing(worker: ProxiedWorker) -> None:
    first = connect(worker)
    alice = hold(first, worker, "alice")
    answer_with(first, alice)
    first.connection_lost(None)
    assert not alice.is_closed
    connect(worker).data_received(head("alice") + b"{}")
    assert alice.is_held


def test_a_client_that_hangs_up_is_forgotten_at_once(worker: ProxiedWorker) -> None:
    first = connect(worker)
    alice = hold(first, worker, "alice")
    first.connection_lost(None)
    assert alice.is_closed
    assert len(worker.known_heads) == 0


def test_tabs_with_equal_heads_have_a_pull_each(worker: ProxiedWorker) -> None:
    connections = [connect(worker) for _ in range(3)]
    pulls = [hold(each, worker, "alice") for each in connections]
    for connection, pull in zip(connections, pulls, strict=True):
        answer_with(connection, pull)
    for connection in connections:
        connection.data_received(head("alice") + b"{}")
    assert all(pull.is_held for pull in pulls)
    assert worker.work == []


def test_what_needs_a_thread_is_replaced_and_closed(worker: ProxiedWorker) -> None:
    first, second = connect(worker), connect(worker)
    alice = hold(first, worker, "alice")
    answer_with(first, alice)
    alice.is_stale = True
    second.data_received(head("alice") + b"{}")
    assert len(worker.work) == 1
    worker.work.clear()
    answer = Answer([], close=False)
    answer.held, answer.ending = Pull(), ENDING
    second._worked(Framed(head("alice"), b"{}", is_repeatable=True), answer)
    assert alice.is_closed


@pytest.mark.parametrize(("ahead", "threads"), [(1, 0), (2, 0), (9, 1)])
def test_what_another_process_is_ahead_of_is_asked_again_before_a_thread(
    worker: ProxiedWorker, ahead: int, threads: int
) -> None:
    first = connect(worker)
    alice = hold(first, worker, "alice")
    answer_with(first, alice)
    worker.soon.clear()
    alice.ahead = ahead
    first.data_received(head("alice") + b"{}")
    assert not alice.is_held
    while worker.soon:
        worker.soon.pop()()
    assert (alice.is_held, len(worker.work)) == (not threads, threads)
    assert len(alice.asked) == min(ahead, 3) + 1


def test_a_client_that_hangs_up_meanwhile_is_not_asked_for(worker: ProxiedWorker) -> None:
    first = connect(worker)
    alice = hold(first, worker, "alice")
    answer_with(first, alice)
    worker.soon.clear()
    alice.ahead = 1
    first.data_received(head("alice") + b"{}")
    first.connection_lost(None)
    worker.soon.pop()()
    assert (len(alice.asked), alice.is_closed, worker.work) == (1, True, [])


def test_without_a_proxy_a_connection_keeps_its_own(clock: Clock) -> None:
    worker = Worker()
    first = connect(worker)
    alice = hold(first, worker, "alice")
    answer_with(first, alice)
    assert len(worker.known_heads) == 0
    first.connection_lost(None)
    assert alice.is_closed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(known_heads_module, "time", made)
    return made


def parked(heads: KnownHeads, token: str) -> Pull:
    pull = Pull()
    heads.park(Known(Framed(head(token), b"{}", is_repeatable=True), pull, ENDING))
    return pull


def test_heads_of_clients_that_stay_away_are_closed(clock: Clock) -> None:
    due: list[Callable[[], None]] = []
    heads = KnownHeads(lambda _seconds, call: due.append(call), keep_seconds=75)
    alice = parked(heads, "alice")
    clock.now += 50
    bob = parked(heads, "bob")
    clock.now += 25
    due.pop()()
    assert (alice.is_closed, bob.is_closed) == (True, False)
    assert heads.take(head("alice")) is None
    clock.now += 75
    due.pop()()
    assert bob.is_closed
    assert not due, "nothing is left to close"
    assert len(heads) == 0


def test_heads_are_bounded(clock: Clock) -> None:
    heads = KnownHeads(lambda _seconds, _call: None, keep_seconds=75, most=2)
    pulls = [parked(heads, name) for name in ("alice", "bob", "carol")]
    assert [pull.is_closed for pull in pulls] == [True, False, False]
    assert len(heads) == 2
