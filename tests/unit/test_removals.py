"""Check 3: a removed member sends and hears nothing more, also in a process that has no hint of the removal."""

import contextlib
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select

from chat.errors import ChatError
from chat.models import Access, Actor, Message, StoredMessage
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import sign_up
from tests.databases import url_of
from tests.real_server import wait_until
from tests.sizes import size

pytestmark = [pytest.mark.postgresql_only, pytest.mark.acceptance(3)]
REMOVALS = size(4, 1000)
SENDERS = 8
# Keeps the room's clock at the removal, while the room is locked: so the database tells which messages are later.
NOTE_REMOVALS = """
CREATE TABLE removals (room_id bigint, last_time bigint);
CREATE FUNCTION note_removal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
INSERT INTO removals SELECT OLD.room_id, last_time FROM rooms WHERE id = OLD.room_id; RETURN OLD; END $$;
CREATE TRIGGER note_removal BEFORE DELETE ON memberships FOR EACH ROW EXECUTE FUNCTION note_removal();
"""


@dataclass
class Listener:
    """A socket's reader and a held pull's, which are looked at whenever they are woken."""

    services: Services
    actor: Actor
    room: str
    heard: list[StoredMessage] = field(default_factory=list)

    def listen(self, end: threading.Event) -> None:
        woken = threading.Event()
        subscription = self.services.subscriptions.open(self.actor)
        subscription.wake = woken.set
        pull, _ = self.services.pulls.since(self.actor, {self.room: 0}, 10_000)
        pull.wake = woken.set
        pull.start(1000)
        try:
            while not end.is_set():
                woken.wait(0.01)
                woken.clear()
                found = subscription.find()
                for message in subscription.find_again() if found is None else found:
                    if subscription.take(message):
                        self.heard.append(message)
                with contextlib.suppress(ChatError):
                    news = pull.find() or pull.find_again()
                    self.heard += [each for each in news.rooms.get(self.room, ()) if isinstance(each, StoredMessage)]
        finally:
            pull.close()
            subscription.close()


@dataclass
class Round:
    """One room with eight senders. One of them is removed, and listens until the end."""

    here: Services  # the removal's process
    there: Services  # the members' process, without a hint of it
    people: list[Actor]
    number: int
    sent: int = 0
    end: threading.Event = field(default_factory=threading.Event)

    def send(self, actor: Actor, room: int) -> None:
        with contextlib.suppress(ChatError):  # the removed member
            while not self.end.is_set():
                self.there.messages.send(actor, room, Draft(text="x"))
                self.sent += 1

    def run(self) -> tuple[int, list[StoredMessage]]:
        """Return the room, and the messages handed to the removed member."""
        owner, *senders = self.people
        room = self.here.rooms.create_titled(
            owner, f"group {self.number}", access=Access.GROUP, members=[each.user_id for each in senders]
        )
        listener = Listener(self.there, senders[0], room.name)
        jobs = [threading.Thread(target=self.send, args=(each, room.id)) for each in senders]
        jobs.append(threading.Thread(target=listener.listen, args=(self.end,)))
        for job in jobs:
            job.start()
        try:
            wait_until(lambda: self.sent > SENDERS and listener.heard, "they talk")
            self.here.groups.remove(owner, room.id, senders[0].user_id)
            before = self.sent
            wait_until(lambda: self.sent > before + SENDERS, "the others go on")
        finally:
            self.end.set()
            for job in jobs:
                job.join(30)
        return room.id, listener.heard


def test_a_removed_member_neither_sends_nor_hears_anything_later(
    make_services: Callable[..., Services], home: Path, figure: Callable[[str], None]
) -> None:
    here, there = (make_services(rate_limits=False, rooms_owned=10_000, strangers_rooms=10_000) for _ in range(2))
    here.rooms.ensure_lobby()
    there.hub.heard(math.inf)  # believes that it knows all commits, though nothing tells it of the removal
    people = [sign_up(here, f"person {n}") for n in range(SENDERS + 1)]
    sent_late = heard_late = came_after = 0
    with psycopg.connect(url_of(home), autocommit=True) as outside:
        outside.execute(NOTE_REMOVALS)
        for number in range(REMOVALS):
            room, heard = Round(here, there, people, number).run()
            row = outside.execute("SELECT last_time FROM removals WHERE room_id = %s", (room,)).fetchone()
            assert row is not None
            with here.store.read() as connection:
                of_room = select(Message.sender_id).where(Message.room_id == room, Message.time > row[0])
                later = list(connection.execute(of_room).scalars())
            came_after += len(later)
            sent_late += later.count(people[1].user_id)
            heard_late += sum(message.time > row[0] for message in heard)
    figure(f"{REMOVALS} removals, {came_after} messages after them: {sent_late} sent late, {heard_late} heard late")
    assert came_after > REMOVALS * SENDERS
    assert (sent_late, heard_late) == (0, 0)
