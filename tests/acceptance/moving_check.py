"""Check 11: a large database moves to PostgreSQL fast enough, whole, and after a break."""

import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import column, func, insert, select, text, true, update

from chat.models import Attachment, AttachmentChunk, Message, Room
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import services_of
from tests.contract.conftest import ran
from tests.contract.test_moving import furnish, rows_of

pytestmark = [pytest.mark.sqlite_only, pytest.mark.acceptance(11)]
MESSAGES = 200_000
FILES, FILE_BYTES = 10, 4 * 1024 * 1024
LEAST_ROWS_A_SECOND = 20_000
NUMBERS = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MESSAGES}) SELECT i FROM n"


def fill(services: Services) -> None:
    """200,000 messages in the lobby, and 40 MiB of files."""
    alice = furnish(services)
    for number in range(FILES):
        upload = services.files.begin(alice, "public", f"{number}.bin", FILE_BYTES)
        for _ in range(FILE_BYTES // 65536):
            services.files.add(upload, bytes(range(256)) * 256)
        services.files.finish(alice, upload)
    last = services.messages.send(alice, "public", Draft(text="one of very many, of the length that they usually have"))
    copied = [each for each in Message.__table__.columns if each.name not in {"id", "time"}]
    numbers = text(NUMBERS).columns(column("i")).subquery("numbers")
    each_with_all = Message.__table__.join(numbers, true())
    many = select(Message.time + numbers.c.i, *copied).select_from(each_with_all)
    with services.store.write() as tx:
        columns = ["time", *(each.name for each in copied)]
        tx.execute(insert(Message).from_select(columns, many.where(Message.id == last.id)))
        tx.execute(update(Room).where(Room.id == last.room_id).values(last_time=last.time + MESSAGES))


def count_of(services: Services, what: type[Message | AttachmentChunk | Attachment]) -> int:
    with services.store.read() as connection:
        return connection.execute(select(func.count()).select_from(what)).scalar_one()


def test_a_large_database_moves(
    make_app: Callable[..., Flask], elsewhere: str, monkeypatch: pytest.MonkeyPatch, figure: Callable[[str], None]
) -> None:
    app = make_app(rate_limits=False, storage_per_day=10**9, disk_free_min=0)
    fill(services_of(app))
    rows = sum(map(len, rows_of(services_of(app)).values()))
    began, cpu_before = time.monotonic(), time.process_time()
    code, output = ran(app, "move", "--to", elsewhere)
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu_before
    assert code == 0, output
    there = services_of(make_app(database_url=elsewhere))
    counts = [(count_of(services_of(app), what), count_of(there, what)) for what in (Message, AttachmentChunk)]
    figure(
        f"{rows} rows and {FILES * FILE_BYTES >> 20} MiB of files in {seconds:.1f} s ({cpu:.1f} s of the"
        f" command's CPU), with the comparison: {rows / seconds:.0f} rows/s;"
        f" messages and pieces of files here and there: {counts}"
    )
    assert all(here == moved for here, moved in counts)
    assert counts[0][0] > MESSAGES
    assert rows / seconds >= LEAST_ROWS_A_SECOND
