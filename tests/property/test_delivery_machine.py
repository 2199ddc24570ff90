"""Random senders and readers on two servers with one database: every reader gets every message once, in order.

Pulls are held, answers are lost, and servers restart. In this process the clock jumps as well, and events of the other
server arrive when a step says so; over real gunicorns they arrive by themselves.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.contract.clients import PollingClient, Refused, Transport
from tests.databases import Databases
from tests.property.worlds import SERVERS, InProcess, Live, World

ROOMS = (0, 1)  # the lobby, and one of the example's own
PEOPLE = ("alice", "bob", "carol")
LONG = 50  # seconds: a pull held for so long is answered by news, or not within an example
PATIENCE = 10  # seconds
HELD = (f"timeout={LONG}", f"timeout={LONG}&limit=2", "timeout=0.1")

servers, people, rooms = st.sampled_from(SERVERS), st.sampled_from(PEOPLE), st.sampled_from(ROOMS)
some_rooms = st.sets(rooms, min_size=1)


@dataclass
class Held:
    """A pull under way in a thread, from these positions of its reader."""

    answer: Future[Any]
    server: int
    query: str
    at: dict[int, int]  # by room
    left: bool = False  # its reader has left the room and returned
    cut_off: bool = False  # its server has been stopped

    @property
    def is_short(self) -> bool:
        return not self.query.startswith(f"timeout={LONG}")


class Delivery(RuleBasedStateMachine):
    make_world: ClassVar[Callable[[], World]]

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make_world()
        self.threads = ThreadPoolExecutor(8)
        self.transports: dict[tuple[int, str], Transport] = {}
        self.names = ["public", self.world.new_room()]
        self.sent: dict[int, list[str]] = {room: [] for room in ROOMS}
        self.got: dict[tuple[str, int], list[str]] = {}
        self.cursors: dict[tuple[str, int], str] = {}
        self.held: dict[str, Held] = {}
        self.number = 0

    def client(self, server: int, person: str, use: str = "") -> PollingClient:
        """The same use gets the same connection, so that pulls have a known head."""
        key = (server, f"{person} {use}")
        if key not in self.transports:
            self.transports[key] = self.world.transport(server)
        client, token = PollingClient(self.transports[key]), self.world.token(person)
        client.call = lambda method, path, body=None, **headers: PollingClient.call(  # type: ignore[method-assign]
            client, method, path, body, Authorization=token, **headers
        )
        return client

    def text(self) -> str:
        """Also a client_message_id, so another one in each example."""
        self.number += 1
        return f"{self.number} of {self.names[1]}"

    @initialize()
    def gather(self) -> None:
        self.client(0, "alice").create_room(self.names[1])
        for person in PEOPLE[1:]:
            self.client(1, person).join(self.names[1])
        for room in ROOMS:
            earlier = self.client(0, "alice").ok("GET", f"/chat/history?roomname={self.names[room]}&limit=1")
            for person in PEOPLE:
                self.world.token(person)
                self.got[person, room] = []
                self.cursors[person, room] = earlier["messages"][-1]["timestamp"] if earlier["messages"] else ""

    # Sending

    @rule(server=servers, person=people, room=rooms)
    def send(self, server: int, person: str, room: int) -> None:
        text = self.text()
        self.client(server, person).say(self.names[room], text, client_message_id=text)
        self.sent[room].append(text)

    @rule(person=people, room=rooms, tries=st.lists(servers, min_size=1, max_size=3))
    def send_again(self, person: str, room: int, tries: list[int]) -> None:
        """Repeat a send whose answer was lost; it must be stored once only."""
        text = self.text()
        for server in tries:
            self.client(server, person).say(self.names[room], text, client_message_id=text)
        self.sent[room].append(text)

    @rule(room=rooms, senders=st.sets(st.tuples(servers, people), min_size=2, max_size=4))
    def send_at_once(self, room: int, senders: set[tuple[int, str]]) -> None:
        """The server decides which is first; the order is then the same for all readers."""
        texts = [self.text() for _ in senders]
        clients = [self.client(server, person, "at once") for server, person in sorted(senders)]
        jobs = [
            self.threads.submit(client.say, self.names[room], text, text)
            for client, text in zip(clients, texts, strict=True)
        ]
        for job in jobs:
            job.result(PATIENCE)
        path = f"/chat/history?roomname={self.names[room]}&limit={len(texts)}"
        stored = [message["content"] for message in self.client(0, "alice").ok("GET", path)["messages"]]
        assert sorted(stored) == sorted(texts)
        self.sent[room] += stored

    # Pulling

    def cursors_of(self, person: str, wanted: set[int]) -> dict[str, str]:
        return {self.names[room]: self.cursors[person, room] for room in sorted(wanted)}

    def take(self, person: str, room: int, at: int, messages: list[dict[str, str]]) -> None:
        """Check an answer to a pull from that position: no gap and no repetition."""
        end = at + len(messages)
        assert [message["content"] for message in messages] == self.sent[room][at:end]
        if end > len(self.got[person, room]):
            self.got[person, room] = self.sent[room][:end]
            self.cursors[person, room] = messages[-1]["timestamp"]

    @rule(server=servers, person=people, wanted=some_rooms, limit=st.integers(1, 4), lost=st.booleans())
    def pull(self, server: int, person: str, wanted: set[int], limit: int, lost: bool) -> None:
        body = self.cursors_of(person, wanted)
        answer = self.client(server, person).ok("POST", f"/chat/pull?timeout=0&limit={limit}", body)
        if lost:
            return
        for room in wanted:
            assert len(answer[self.names[room]]) <= limit
            self.take(person, room, len(self.got[person, room]), answer[self.names[room]])

    def catch_up(self, person: str, room: int) -> None:
        """Pull from both servers in turn until there is nothing more; the other's events may take a moment."""
        deadline = time.monotonic() + PATIENCE
        server = 0
        while len(self.got[person, room]) < len(self.sent[room]) and time.monotonic() < deadline:
            server = 1 - server
            self.pull(server, person, {room}, 3, lost=False)
        assert self.got[person, room] == self.sent[room], (person, room)

    @rule(server=servers, person=people, wanted=some_rooms, query=st.sampled_from(HELD), behind=st.booleans())
    def hold(self, server: int, person: str, wanted: set[int], query: str, behind: bool) -> None:
        if person in self.held:
            self.collect(person)
        if person in self.held:
            return
        if not behind:
            self.world.settle()
            for room in wanted:
                self.catch_up(person, room)
        client = self.client(server, person, "hold")
        answer = self.threads.submit(client.ok, "POST", f"/chat/pull?{query}", self.cursors_of(person, wanted))
        at = {room: len(self.got[person, room]) for room in wanted}
        self.held[person] = Held(answer, server, query, at)

    @rule(person=people)
    def collect(self, person: str) -> None:
        """The answer of a held pull, where there must be one; else it is still held."""
        if person in self.held:
            self.await_answer(person, self.held[person])

    @rule(server=servers, other=servers, person=people, room=rooms, query=st.sampled_from(HELD))
    def converse(self, server: int, other: int, person: str, room: int, query: str) -> None:
        """As most clients do: the same pull, again and again. From the third on its head is known."""
        for _ in range(4):
            self.hold(server, person, {room}, query, behind=False)
            self.send(other, "alice", room)
            self.collect(person)

    def await_answer(self, person: str, held: Held) -> None:
        has_news = any(len(self.sent[room]) > at for room, at in held.at.items())
        if not (has_news or held.is_short or held.left or held.cut_off):
            assert not held.answer.done(), held.answer
            return
        self.world.settle()
        if held.left and not has_news and not held.answer.done():
            return  # it was back before it was looked for
        del self.held[person]
        try:
            answer = held.answer.result(PATIENCE)
        except requests.ConnectionError:
            assert held.cut_off
            return
        except Refused:
            assert held.left  # the pull arrived while its reader was not a member
            return
        found = {room: answer[self.names[room]] for room in held.at if self.names[room] in answer}
        assert len(found) == len(held.at) or held.left
        assert any(found.values()) or held.is_short or held.left or held.cut_off
        for room, messages in found.items():
            self.take(person, room, held.at[room], messages)

    @precondition(lambda self: self.number > 0)
    @rule(server=servers, person=st.sampled_from(PEOPLE[1:]))
    def leave_and_come_back(self, server: int, person: str) -> None:
        if person in self.held:
            self.held[person].left = True
        self.client(server, person).leave(self.names[1])
        with pytest.raises(Refused, match="not_found"):
            self.client(1 - server, person).hear(self.names[1])
        self.client(1 - server, person).join(self.names[1])

    def stopping(self, server: int) -> None:
        """Before a server stops it may answer held pulls with nothing."""
        for held in self.held.values():
            held.cut_off = held.cut_off or held.server == server

    def stopped(self, server: int) -> None:
        self.transports = {key: transport for key, transport in self.transports.items() if key[0] != server}

    def teardown(self) -> None:
        try:
            for room in ROOMS:
                self.send(0, "alice", room)  # answers all waiting pulls
            self.world.settle()
            for person in list(self.held):
                self.collect(person)
            assert not self.held
            for person, room in self.got:
                self.catch_up(person, room)
                self.pull(0, person, {room}, 3, lost=False)  # and nothing else
        finally:
            self.world.end()
            self.threads.shutdown(wait=False)


class InThisProcess(Delivery):
    world: InProcess

    @rule(server=servers)
    def hear_of_the_other(self, server: int) -> None:
        self.world.hear(server)

    @rule(server=servers)
    def restart(self, server: int) -> None:
        self.stopping(server)
        self.world.restart(server)
        self.stopped(server)

    @rule(seconds=st.integers(-3600, 3600))
    def jump(self, seconds: int) -> None:
        self.world.clock.advance(seconds)


class OverGunicorn(Delivery):
    world: Live

    @rule(server=servers, chance=st.integers(1, 8), kill=st.booleans())
    def restart(self, server: int, chance: int, kill: bool) -> None:
        if chance == 8:  # it takes a second
            self.stopping(server)
            self.world.restart(server, kill=kill)
            self.stopped(server)


def run(machine: type[Delivery], **limits: Any) -> None:
    run_state_machine_as_test(machine, settings=settings(suppress_health_check=list(HealthCheck), **limits))


@pytest.mark.both_databases
def test_every_reader_gets_every_message_once_and_in_order(
    databases: Databases, database: str, cheap_passwords: None, examples: int
) -> None:
    InThisProcess.make_world = staticmethod(lambda: InProcess(databases, database))
    run(InThisProcess, max_examples=(15 if database == "sqlite" else 5) * examples, stateful_step_count=40)


@pytest.fixture
def live(home: Path) -> Iterator[Live]:
    world = Live(home)
    try:
        world.start()
        yield world
    finally:
        world.end()
        world.close()


def test_the_same_over_real_servers(live: Live, examples: int) -> None:
    OverGunicorn.make_world = staticmethod(lambda: live)
    # Without shrinking, because each example takes real time.
    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    run(OverGunicorn, max_examples=8 * examples, stateful_step_count=30, phases=phases)
