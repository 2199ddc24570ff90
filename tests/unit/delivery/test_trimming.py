"""Old events are removed: in small transactions, and all but the newest one."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import func, insert, select

from chat.models import EventRow
from chat.ports import WriteTransaction
from chat.services import Services, housekeeping
from chat.services.messages import Draft
from tests.conftest import FakeClock, sign_up
from tests.database import bus_of

pytestmark = pytest.mark.both_databases


def test_events_are_trimmed_by_the_wall_clock_but_for_the_newest(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    clock.advance(86400 * 365)
    services.messages.send(alice, "public", Draft(text="the room's clock is a year ahead now"))
    clock.advance(-86400 * 365)
    for _ in range(5):
        services.messages.send(alice, "public", Draft(text="x"))
    clock.advance(86400 * 366)

    def ids() -> list[int]:
        with services.store.read() as connection:
            return list(connection.execute(select(EventRow.id).order_by(EventRow.id)).scalars())

    newest = ids()[-1]
    services.housekeeper.trim_events()
    assert ids() == [newest]


def test_many_events_are_trimmed_in_small_transactions(
    services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = 2 * housekeeping.TRIM_ROWS + 10
    with services.store.write() as tx:
        rows = [{"kind": "message", "subject_id": 1, "time": n, "written_at": clock()} for n in range(many)]
        tx.execute(insert(EventRow), rows)
    clock.advance(3600)
    deleted: list[int] = []
    write = services.store.write

    @contextmanager
    def counting() -> Iterator[WriteTransaction]:
        with write() as tx:
            before = tx.execute(select(func.count()).select_from(EventRow)).scalar_one()
            yield tx
            deleted.append(before - tx.execute(select(func.count()).select_from(EventRow)).scalar_one())

    monkeypatch.setattr(services.store, "write", counting)
    services.housekeeper.trim_events()
    assert sum(deleted) >= many - 1
    assert max(deleted) <= housekeeping.TRIM_ROWS


def test_the_first_event_after_a_quiet_time_is_no_gap(
    services: Services, other: Services, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    alice = sign_up(services, "alice")
    clock.advance(3600)
    services.housekeeper.trim_events()
    bus = bus_of(other)
    bus.start()
    bus.stop()
    services.messages.send(alice, "public", Draft(text="x"))
    bus.read_events()
    assert "missed" not in caplog.text
