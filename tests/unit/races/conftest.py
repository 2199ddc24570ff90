"""Two processes that write at the same moment: what SQLite's single writer prevents, locks prevent on PostgreSQL.

Each case runs both sides at once, round after round, then looks whether the rule holds (docs/decisions/0101).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor
from chat.services import Services
from tests.conftest import sign_up
from tests.sizes import size

ROUNDS = size(8, 200)
ADDRESS = "192.0.2.1"


@dataclass
class Two:
    """Two processes' services on one database, and people who know each other."""

    one: Services
    two: Services
    people: list[Actor] = field(default_factory=list)

    def at_once(self, *jobs: Callable[[], object]) -> list[ErrorCode | None]:
        """Run the jobs at the same moment: how each was refused, None where it was not. Other failures are raised."""
        results: list[Any] = [None] * len(jobs)
        barrier = threading.Barrier(len(jobs))

        def run(number: int) -> None:
            barrier.wait(10)
            try:
                jobs[number]()
            except BaseException as error:
                results[number] = error

        threads = [threading.Thread(target=run, args=(number,)) for number in range(len(jobs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive(), "a job hangs"
        for result in results:
            if result is not None and not isinstance(result, ChatError):
                raise result
        refused = [None if result is None else result.code for result in results]
        assert ErrorCode.UNAVAILABLE not in refused
        return refused

    def group(self, number: int, *members: Actor) -> int:
        room = self.one.rooms.create_titled(self.people[0], f"group {number}", access=Access.GROUP)
        for member in members:
            self.one.memberships.add(self.people[0], room.id, member.user_id)
        return room.id

    def befriend(self, one: Actor, other: Actor) -> None:
        self.one.friends.request(one, other.user_id, "")
        self.one.friends.accept(other, one.user_id, other.user_id, "hello")

    def rows(self, *columns: Any, where: Any = True) -> list[Any]:
        with self.one.store.read() as connection:
            return list(connection.execute(select(*columns).where(where)).all())


@pytest.fixture
def two(make_services: Callable[..., Services]) -> Two:
    one, other = (make_services(rate_limits=False, rooms_owned=10_000, strangers_rooms=10_000) for _ in range(2))
    one.rooms.ensure_lobby()
    return Two(one, other, [sign_up(one, name) for name in ("olga", "mia", "alice", "bob")])


def somebody_waits(two: Two) -> object:
    """Whether a transaction waits for a lock of another one."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with two.one.store.read() as connection:
        return connection.exec_driver_sql(waiting).first()
