"""State + changes = state fetched again: a client that applies each change ends with the state of a fresh load.

People send, edit, delete, react, pin, change settings, mute, come and go through two servers with one database;
clients repeat unanswered requests; answers to pulls are lost, servers restart, the clock jumps, and events of the other
server arrive late.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.contract.clients import PollingClient, Refused
from tests.databases import Databases
from tests.property.worlds import SERVERS, InProcess

PEOPLE = ("alice", "bob")
GUEST = "carol"  # comes and goes
STATE = ("user", "role", "muted_until")  # of a member
EMOJI = ("👍", "❤️", "🎉")
PATIENCE = 10  # seconds

servers, people, emoji = st.sampled_from(SERVERS), st.sampled_from(PEOPLE), st.sampled_from(EMOJI)
tries = st.lists(servers, min_size=1, max_size=2)  # as a client does whose answer was lost
picks = st.integers(0, 1000)
# Nothing that would keep the others from writing.
SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "topic": st.sampled_from(["", "Newton", "光"]),
    "slow_mode": st.sampled_from([None, 0]),
    "seen_by": st.booleans(),
}


class View:
    """One reader's view of the room."""

    def __init__(self) -> None:
        self.cursor = ""
        self.entries: list[str] = []  # timestamps
        self.messages: dict[int, dict[str, Any]] = {}
        self.pins: set[int] = set()
        self.settings: dict[str, Any] = {}
        self.members: dict[str, dict[str, Any]] = {}

    def take(self, entries: list[dict[str, Any]]) -> None:
        """Apply an answer as the guide says."""
        for entry in entries:
            assert entry["timestamp"] > self.cursor, "each once, in order"
            self.cursor = entry["timestamp"]
            self.entries.append(self.cursor)
            if "change" not in entry:
                self.messages[entry["id"]] = known(entry)
            elif entry["change"] == "room":
                self.settings = entry["settings"]
            elif entry["change"] == "members":
                self.meet(entry["members"])
            elif entry["change"] == "pinned":
                (self.pins.add if entry["on"] else self.pins.discard)(entry["id"])
            else:
                if entry["change"] == "deleted":
                    self.pins.discard(entry["id"])  # also of a message that never arrived
                if entry["id"] in self.messages:
                    self.change(entry)

    def meet(self, members: list[dict[str, Any]]) -> None:
        for member in members:
            self.members.pop(member["user"], None)
            if member["role"] is not None:
                self.members[member["user"]] = {key: member[key] for key in STATE}

    def change(self, entry: dict[str, Any]) -> None:
        message = self.messages[entry["id"]]
        if entry["change"] == "deleted":
            del self.messages[entry["id"]]
        elif entry["change"] == "edited":
            message |= {"content": entry["content"], "edited": entry["timestamp"], "mentions": set(entry["mentions"])}
        else:
            assert entry["change"] == "reactions"
            reaction = (entry["emoji"], entry["user"])
            message["reactions"] -= {reaction}
            message["reactions"] |= {reaction} if entry["on"] else set()


def known(message: dict[str, Any]) -> dict[str, Any]:
    """A message as a reader keeps it."""
    reactions = {(kind, user) for kind, users in message["reactions"].items() for user in users}
    kept = {key: message[key] for key in ("user", "content", "edited", "reply_to")}
    return kept | {"reactions": reactions, "mentions": set(message["mentions"])}


class Changes(RuleBasedStateMachine):
    make_world: ClassVar[Callable[[], InProcess]]

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make_world()
        self.threads = ThreadPoolExecutor(2)
        self.room = self.world.new_room()
        self.sent: list[tuple[str, int]] = []  # by whom, and the id
        self.views = {(person, server): View() for person in PEOPLE for server in SERVERS}
        self.number = 0

    def client(self, server: int, person: str) -> PollingClient:
        client, token = PollingClient(self.world.transport(server)), self.world.token(person)
        client.call = lambda method, path, body=None, **headers: PollingClient.call(  # type: ignore[method-assign]
            client, method, path, body, Authorization=token, **headers
        )
        return client

    def pick(self, number: int) -> tuple[str, int]:
        return self.sent[number % len(self.sent)]

    def text(self) -> str:
        self.number += 1
        return f"{self.number} @{PEOPLE[self.number % 2]}"

    def post(self, path: str, person: str, message_id: int, repeated: list[int], **body: Any) -> None:
        """The same request as often; it may be about a message that is gone."""
        for server in repeated:
            reply = self.client(server, person).call("POST", path, {"roomname": self.room, "id": message_id, **body})
            assert reply.status in {200, 403, 404}, reply  # deleted; too late to edit

    @initialize()
    def gather(self) -> None:
        self.client(0, "alice").create_room(self.room)
        self.client(0, "bob").join(self.room)
        for view in self.views.values():  # loaded before anything happens
            view.settings, view.members = self.settings(), self.members()

    @rule(server=servers, person=people, answered=picks)
    def send(self, server: int, person: str, answered: int) -> None:
        text = self.text()
        message: dict[str, Any] = {"type": "text", "content": text, "client_message_id": text}
        client = self.client(server, person)
        if self.sent and answered % 2:
            message["reply_to"] = self.pick(answered)[1]
        try:
            client.ok("POST", "/chat/send", {"roomname": self.room, "new_message": message})
        except Refused:
            return  # the message it replies to is deleted
        newest = client.ok("GET", f"/chat/history?roomname={self.room}&limit=1&detail=1")["messages"]
        self.sent.append((person, newest[0]["id"]))

    @precondition(lambda self: self.sent)
    @rule(number=picks, repeated=tries)
    def edit(self, number: int, repeated: list[int]) -> None:
        person, message_id = self.pick(number)
        self.post("/chat/edit", person, message_id, repeated, content=self.text())

    @precondition(lambda self: self.sent)
    @rule(number=picks, repeated=tries)
    def delete(self, number: int, repeated: list[int]) -> None:
        person, message_id = self.pick(number)
        self.post("/chat/delete", person, message_id, repeated)

    @precondition(lambda self: self.sent)
    @rule(number=picks, person=people, kind=emoji, on=st.booleans(), repeated=tries)
    def react(self, number: int, person: str, kind: str, on: bool, repeated: list[int]) -> None:
        self.post("/chat/react", person, self.pick(number)[1], repeated, emoji=kind, on=on)

    @precondition(lambda self: self.sent)
    @rule(number=picks, on=st.booleans(), repeated=tries)
    def pin(self, number: int, on: bool, repeated: list[int]) -> None:
        for server in repeated:
            body = {"roomname": self.room, "id": self.pick(number)[1], "on": on}
            assert self.client(server, "alice").call("POST", "/chat/pin", body).status in {200, 404, 409}

    @rule(server=servers, changes=st.fixed_dictionaries({}, optional=SETTINGS))
    def set_up(self, server: int, changes: dict[str, Any]) -> None:
        self.client(server, "alice").ok("POST", "/room/settings", {"roomname": self.room, **changes})

    @rule(server=servers, minutes=st.sampled_from([0, 1, 10]))
    def mute(self, server: int, minutes: int) -> None:
        body = {"roomname": self.room, "user": GUEST, "minutes": minutes}
        assert self.client(server, "alice").call("POST", "/room/mute", body).status in {200, 404}

    @rule(server=servers, act=st.sampled_from(["join", "leave", "bar", "pardon"]))
    def come_and_go(self, server: int, act: str) -> None:
        who, path = (GUEST, act) if act in {"join", "leave"} else ("alice", "bar")
        body = {"roomname": self.room, "user": GUEST, "barred": act == "bar"}
        self.world.token(GUEST)
        assert self.client(server, who).call("POST", f"/room/{path}", body).status in {200, 403, 404}

    @rule(server=servers, person=people, limit=st.integers(1, 4), lost=st.booleans())
    def pull(self, server: int, person: str, limit: int, lost: bool) -> None:
        view = self.views[person, server]
        query = f"timeout=0&changes=1&detail=1&limit={limit}"
        entries = self.client(server, person).ok("POST", f"/chat/pull?{query}", {self.room: view.cursor})[self.room]
        assert len(entries) <= limit
        if not lost:
            view.take(entries)

    @precondition(lambda self: self.sent)
    @rule(server=servers, other=servers, person=people, number=picks)
    def wait(self, server: int, other: int, person: str, number: int) -> None:
        """A held pull is ended by a change, also one through the other server."""
        view = self.catch_up(server, person)
        held = self.threads.submit(
            self.client(server, person).ok, "POST", "/chat/pull?timeout=50&changes=1&detail=1", {self.room: view.cursor}
        )
        sender, message_id = self.pick(number)
        before = len(self.all_entries())
        self.post("/chat/edit", sender, message_id, [other], content=self.text())
        if len(self.all_entries()) == before:  # it was deleted
            self.send(other, "alice", 0)
        self.world.settle()
        entries = held.result(PATIENCE)[self.room]
        assert entries
        view.take(entries)

    @rule(server=servers)
    def hear_of_the_other(self, server: int) -> None:
        self.world.hear(server)

    @rule(server=servers)
    def restart(self, server: int) -> None:
        self.world.restart(server)

    @rule(seconds=st.integers(-3600, 600))
    def jump(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    def catch_up(self, server: int, person: str) -> View:
        self.world.settle()
        view = self.views[person, server]
        while True:
            had = len(view.entries)
            self.pull(server, person, 4, lost=False)
            if len(view.entries) == had:
                return view

    def settings(self) -> dict[str, Any]:
        found = self.client(0, "alice").ok("GET", f"/room/settings?roomname={self.room}")["settings"]
        return dict(found)

    def members(self) -> dict[str, dict[str, Any]]:
        found = self.client(0, "alice").ok("GET", f"/room/members?roomname={self.room}&detail=1")["members"]
        return {member["user"]: {key: member[key] for key in STATE} for member in found}

    def pins(self) -> set[int]:
        found = self.client(0, "alice").ok("GET", f"/chat/pins?roomname={self.room}")["messages"]
        return {message["id"] for message in found}

    def all_entries(self) -> list[dict[str, Any]]:
        found = self.client(0, "alice").ok("GET", f"/chat/history?roomname={self.room}&limit=500&changes=1&detail=1")
        return list(found["messages"])

    def teardown(self) -> None:
        try:
            # A message deleted before a reader arrived was never sent to that reader.
            entries = {entry["timestamp"] for entry in self.all_entries()}
            fresh = {entry["id"]: known(entry) for entry in self.all_entries() if "change" not in entry}
            for (person, server), view in self.views.items():
                self.catch_up(server, person)
                assert view.messages == fresh, (person, server)
                assert list(view.messages) == list(fresh)
                assert view.pins == self.pins(), (person, server)
                assert view.settings == self.settings(), (person, server)
                assert view.members == self.members(), (person, server)
                assert entries <= set(view.entries)
        finally:
            self.world.end()
            self.threads.shutdown(wait=False)


def test_state_and_changes_are_the_state_fetched_again(
    databases: Databases, database: str, cheap_passwords: None, examples: int
) -> None:
    Changes.make_world = staticmethod(lambda: InProcess(databases, database))
    run_state_machine_as_test(
        Changes,
        settings=settings(suppress_health_check=list(HealthCheck), max_examples=8 * examples, stateful_step_count=40),
    )
