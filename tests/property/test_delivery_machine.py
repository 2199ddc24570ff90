"""Random senders and readers on two servers over one database: every reader gets every message once, in order.

The servers restart, answers are lost on their way, the clock jumps, and news of the other server comes when it comes.
"""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from app import create_app
from chat.delivery.bus import SqliteBus
from chat.http.context import EXTENSION
from chat.services import Services
from config import Settings
from tests.conftest import SECRET, FakeClock
from tests.contract.clients import FlaskTransport, PollingClient, Refused

ROOMS = ("public", "second")
PEOPLE = ("alice", "bob", "carol")
SERVERS = (0, 1)


class Delivery(RuleBasedStateMachine):
    migrated: Path

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        shutil.copy(self.migrated, self.home / "commonroom.db")
        self.clock = FakeClock()
        self.transports: list[FlaskTransport] = []
        self.buses: list[SqliteBus] = []
        self.services: list[Services] = []
        for server in SERVERS:
            self.start(server)
        self.tokens: dict[str, str] = {}
        self.sent: dict[str, list[str]] = {room: [] for room in ROOMS}
        self.got: dict[tuple[str, str], list[str]] = {}
        self.cursors: dict[tuple[str, str], str] = {}
        self.number = 0

    def start(self, server: int) -> None:
        app = create_app(
            Settings(instance_path=self.home, secret_key=SECRET, rate_limits=False, session_hours=8000), self.clock
        )
        services = app.extensions[EXTENSION]
        services.rooms.ensure_lobby()
        services._started = True  # news of the other server comes by the rule below, not by a thread
        bus = SqliteBus(services.store, services.hub)
        bus.read_events()
        self.transports[server:] = [FlaskTransport(app), *self.transports[server + 1 :]]
        self.buses[server:] = [bus, *self.buses[server + 1 :]]
        self.services[server:] = [services, *self.services[server + 1 :]]

    def call(self, server: int, person: str) -> PollingClient:
        client = PollingClient(self.transports[server])
        token = self.tokens[person]
        client.call = lambda method, path, body=None, **headers: PollingClient.call(  # type: ignore[method-assign]
            client, method, path, body, Authorization=token, **headers
        )
        return client

    @initialize()
    def sign_up(self) -> None:
        for person in PEOPLE:
            client = PollingClient(self.transports[0])
            reply = client.call("POST", "/user/register", {"username": person, "password": "secret1"})
            self.tokens[person] = reply.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
        self.call(0, "alice").create_room("second")
        for person in PEOPLE[1:]:
            self.call(1, person).join("second")
        for person in PEOPLE:
            for room in ROOMS:
                self.got[person, room] = []
                self.cursors[person, room] = ""

    @rule(server=st.sampled_from(SERVERS), person=st.sampled_from(PEOPLE), room=st.sampled_from(ROOMS))
    def send(self, server: int, person: str, room: str) -> None:
        self.number += 1
        text = f"{self.number}"
        self.call(server, person).say(room, text, client_message_id=text)
        self.sent[room].append(text)

    @rule(server=st.sampled_from(SERVERS), person=st.sampled_from(PEOPLE), room=st.sampled_from(ROOMS), data=st.data())
    def send_again(self, server: int, person: str, room: str, data: st.DataObject) -> None:
        """As a client does whose answer was lost; to be stored once only."""
        self.number += 1
        text = f"{self.number}"
        for _ in range(data.draw(st.integers(1, 3))):
            self.call(data.draw(st.sampled_from(SERVERS)), person).say(room, text, client_message_id=text)
        self.sent[room].append(text)

    @rule(
        server=st.sampled_from(SERVERS),
        person=st.sampled_from(PEOPLE),
        rooms=st.sets(st.sampled_from(ROOMS), min_size=1),
        limit=st.integers(1, 4),
        lost=st.booleans(),
    )
    def pull(self, server: int, person: str, rooms: set[str], limit: int, lost: bool) -> None:
        cursors = {room: self.cursors[person, room] for room in sorted(rooms)}
        answer = self.call(server, person).ok("POST", f"/chat/pull?timeout=0&limit={limit}", cursors)
        if lost:
            return
        for room in cursors:
            assert len(answer[room]) <= limit
            for message in answer[room]:
                self.got[person, room].append(message["content"])
                self.cursors[person, room] = message["timestamp"]
            # No gap and no repetition at any moment, though the other server's news may be yet to come.
            assert self.got[person, room] == self.sent[room][: len(self.got[person, room])]

    @rule(server=st.sampled_from(SERVERS))
    def hear_of_the_other(self, server: int) -> None:
        self.buses[server].read_events()

    @rule(server=st.sampled_from(SERVERS))
    def restart(self, server: int) -> None:
        self.services[server].close()
        self.services[server].store.engine.dispose()
        self.start(server)

    @rule(seconds=st.integers(-3600, 3600))
    def jump(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: self.number > 0)
    @rule(server=st.sampled_from(SERVERS), person=st.sampled_from(PEOPLE[1:]))
    def leave_and_come_back(self, server: int, person: str) -> None:
        self.call(server, person).leave("second")
        with pytest.raises(Refused, match="not_found"):
            self.call(1 - server, person).hear("second")
        self.call(1 - server, person).join("second")

    def teardown(self) -> None:
        for bus in self.buses:
            bus.read_events()
        for (person, room), got in self.got.items():
            while new := self.call(len(got) % 2, person).ok(
                "POST", "/chat/pull?timeout=0&limit=3", {room: self.cursors[person, room]}
            )[room]:
                got += [message["content"] for message in new]
                self.cursors[person, room] = new[-1]["timestamp"]
            assert got == self.sent[room], (person, room)
        for services in self.services:
            services.close()
            services.store.engine.dispose()
        shutil.rmtree(self.home)


def test_every_reader_gets_every_message_once_and_in_order(migrated: Path, cheap_passwords: None) -> None:
    Delivery.migrated = migrated
    run_state_machine_as_test(
        Delivery,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
