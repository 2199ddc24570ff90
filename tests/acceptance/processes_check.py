"""Checks 6 and 10: many processes on one PostgreSQL: one order for all, and no waiting for each other."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine

from app import services_for
from chat.backends import engine_options
from chat.clock import system_clock
from chat.models import Access, Actor
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import settings_at, sign_up
from tests.databases import url_of
from tests.launch import processes

pytestmark = pytest.mark.postgresql_only
PROCESSES = 8
MESSAGES = 500  # of each writer
ROOMS = 40
LOCKED_SECONDS = 2.0
# Transactions that wait for the lock of NOTIFY, which they would take at COMMIT. Buses wait for each other in their
# own statement, which delays no send.
SAMPLE = """
SELECT count(*) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND wait_event = 'object' AND query NOT LIKE 'SELECT pg_notify%'
"""


@contextmanager
def running(home: Path) -> Iterator[Services]:
    """Services of this process with their threads, as a worker has them."""
    settings = settings_at(home, rate_limits=False)
    options = engine_options(settings.postgresql_url, settings.database_busy_seconds)
    services = services_for(settings, create_engine(settings.database_uri, **options), system_clock)
    services.start()
    try:
        yield services
    finally:
        services.close()
        services.store.dispose()


def write(home: Path, told: Connection, actor: Actor, rooms: list[int], seconds: float) -> None:
    """Send to the rooms in turns, and tell how long each send took: MESSAGES of them, or for a time."""
    with running(home) as services:
        told.send("ready")
        told.recv()
        took: list[float] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end if seconds else len(took) < MESSAGES:
            began = time.monotonic()
            text = f"{actor.username} {len(took)}"
            services.messages.send(actor, rooms[len(took) % len(rooms)], Draft(text=text))
            took.append(time.monotonic() - began)
        told.send(took)


def read(home: Path, told: Connection, actor: Actor, room: str, count: int) -> None:
    """Read a room from cursor to cursor until so many messages have come, and tell which."""
    with running(home) as services:
        told.send("ready")
        told.recv()
        texts: list[str] = []
        cursor = 0
        while len(texts) < count:
            found = services.pulls.since(actor, {room: cursor}, 50)[1].rooms[room]
            texts += [message.content for message in found]
            cursor = found[-1].time if found else cursor
        told.send(texts)


class Processes:
    """Processes that begin their work at the same moment."""

    def __init__(self) -> None:
        self._made: list[tuple[Any, Connection]] = []

    def add(self, job: Callable[..., None], home: Path, *more: object) -> None:
        mine, its = Pipe()
        process = processes.Process(target=job, args=(home, its, *more))
        process.start()
        self._made.append((process, mine))

    def begin(self) -> None:
        for _, pipe in self._made:
            assert pipe.poll(60)
            assert pipe.recv() == "ready"
        for _, pipe in self._made:
            pipe.send("go")

    def results(self) -> list[Any]:
        """In the order in which they were added."""
        found = []
        for process, pipe in self._made:
            assert pipe.poll(300), "a process does not end"
            found.append(pipe.recv())
            process.join(30)
        return found


@pytest.fixture
def people(make_services: Callable[..., Services]) -> tuple[Services, list[Actor]]:
    services = make_services(rate_limits=False, strangers_rooms=10_000)
    services.rooms.ensure_lobby()
    return services, [sign_up(services, f"person {n}") for n in range(2 * PROCESSES)]


@pytest.mark.acceptance(6)
def test_processes_see_all_messages_of_a_room_once_in_one_order(
    people: tuple[Services, list[Actor]], home: Path, figure: Callable[[str], None]
) -> None:
    actors = people[1]
    working = Processes()
    for actor in actors[:PROCESSES]:
        working.add(write, home, actor, [1], 0)
    for actor in actors[PROCESSES:]:
        working.add(read, home, actor, "public", PROCESSES * MESSAGES)
    working.begin()
    began = time.monotonic()
    results = working.results()
    rate = PROCESSES * MESSAGES / (time.monotonic() - began)
    wanted = sorted(f"{actor.username} {n}" for actor in actors[:PROCESSES] for n in range(MESSAGES))
    orders = results[PROCESSES:]
    wrong = sum(sorted(order) != wanted or order != orders[0] for order in orders)
    figure(f"8 processes write {len(wanted)} messages to one room, 8 read: {wrong} wrong; {rate:.0f} sends/s")
    assert wrong == 0
    for actor in actors[:PROCESSES]:  # in the order in which each was sent
        assert [text for text in orders[0] if text.startswith(f"{actor.username} ")] == [
            f"{actor.username} {n}" for n in range(MESSAGES)
        ]


@pytest.mark.acceptance(6)
def test_a_locked_room_delays_no_other(
    people: tuple[Services, list[Actor]], home: Path, figure: Callable[[str], None]
) -> None:
    services, actors = people
    members = [actor.user_id for actor in actors[1:]]
    rooms = [
        services.rooms.create_titled(actors[0], f"room {n}", access=Access.OPEN, members=members).id
        for n in range(ROOMS)
    ]
    working = Processes()
    for actor in actors[:PROCESSES]:
        working.add(write, home, actor, rooms[1:], 2 * LOCKED_SECONDS)
    working.add(write, home, actors[-1], rooms[:1], 2 * LOCKED_SECONDS)
    waits = 0
    with psycopg.connect(url_of(home)) as outside, psycopg.connect(url_of(home), autocommit=True) as watching:
        working.begin()
        outside.execute("SELECT 1 FROM rooms WHERE id = %s FOR UPDATE", (rooms[0],))
        unlock = threading.Timer(LOCKED_SECONDS, outside.rollback)
        unlock.start()
        while unlock.is_alive():
            waits += watching.execute(SAMPLE).fetchall()[0][0]
            time.sleep(0.01)
    *others, locked = working.results()
    times = sorted(each for took in others for each in took)
    p99 = 1000 * times[int(0.99 * len(times))]
    figure(
        f"a room locked for 2 s: its sends waited up to {max(locked):.1f} s, p99 of {len(times)} sends to 39 others"
        f" {p99:.1f} ms; waits of sends for the lock of NOTIFY: {waits}"
    )
    assert max(locked) > LOCKED_SECONDS * 0.8
    assert p99 < 100
    assert waits == 0
