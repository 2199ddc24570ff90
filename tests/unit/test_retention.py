"""Messages older than the site keeps them are removed, with everything that belongs to them."""

import pytest
from sqlalchemy import select

from chat.models import Actor, Attachment, AttachmentChunk, AuditRow, Change, Mention, Message, Reaction
from chat.services import Services, purging, retention
from chat.services.messages import Draft
from tests.conftest import FakeClock, sign_up, statements_of
from tests.database import count
from tests.pictures import noise

DAY = 86400
WORD = "the-word-that-nobody-is-to-find"
pytestmark = pytest.mark.usefixtures("no_pauses")


def keep(services: Services, days: int) -> None:
    services.site.change(None, services.site.settings().version, {"keep_days": days})


def texts(services: Services, actor: Actor, room: str = "public") -> list[str]:
    return [message.content for message in services.messages.history(actor, room, None, 100)]


@pytest.mark.both_databases
def test_old_messages_go_and_new_ones_stay(
    services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = sign_up(services, "alice")
    old = services.messages.send(alice, "public", Draft(text=f"{WORD} @alice"))
    services.changes.edit(alice, "public", old.id, f"edited {WORD} @alice")
    services.changes.react(alice, "public", old.id, "👍", is_on=True)
    services.messages.send(alice, "public", Draft(image=noise(100)))
    clock.advance(8 * DAY)
    services.messages.send(alice, "public", Draft(text="a reply", reply_to_id=old.id))
    services.retention.purge()
    assert len(texts(services, alice)) == 3  # nothing is set
    keep(services, 7)
    clock.advance(3601)
    services.retention.purge()
    services.audit.purge()
    assert texts(services, alice) == ["a reply"]
    assert count(services, Message, Attachment, AttachmentChunk, Reaction, Mention, Change) == [1, 0, 0, 0, 0, 0]
    assert not services.search.find(alice, WORD, None, None, 0, 10).hits
    with services.store.read() as connection:
        words = connection.execute(select(AuditRow.before, AuditRow.after).where(AuditRow.message_id == old.id)).all()
    assert words == [("", "")]
    monkeypatch.setattr(services.store, "_scrub_due", 0.0)
    services.store.scrub()
    clock.advance(8 * DAY)
    services.retention.purge()
    assert texts(services, alice) == []


def test_a_transaction_takes_few_rows_and_chunks(
    services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS", 3)
    monkeypatch.setattr(purging, "BATCHES", 1)
    alice = sign_up(services, "alice")
    for number in range(7):
        services.messages.send(alice, "public", Draft(text=str(number)))
    upload = services.files.begin(alice, "public", "f", 40)
    for _ in range(40):
        services.files.add(upload, b"x")
    services.files.finish(alice, upload)
    keep(services, 1)
    clock.advance(2 * DAY)
    left = []
    for _ in range(7):
        services.retention.purge()
        left.append(tuple(count(services, Message, AttachmentChunk)))
    assert left == [(5, 40), (2, 40), (2, 24), (2, 8), (0, 0), (0, 0), (0, 0)]


def test_pulls_do_not_get_removed_messages_from_memory(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    services.messages.send(alice, "public", Draft(text="old"))
    assert services.pulls.since(alice, {"public": 0}, 10)[1].count == 1
    keep(services, 1)
    clock.advance(2 * DAY)
    services.retention.purge()
    assert services.pulls.since(alice, {"public": 0}, 10)[1].count == 0


def test_with_nothing_set_it_only_reads_once_an_hour(services: Services) -> None:
    with statements_of(services) as statements:
        services.retention.purge()
        services.retention.purge()
    assert set(statements) <= {"BEGIN", "SELECT", "COMMIT", "ROLLBACK"}
    assert statements.count("SELECT") == 1
