import pytest
from sqlalchemy import delete, select

from chat.clock import SECOND
from chat.models import Access, Attachment, AttachmentChunk, Message
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import FakeClock, run_in_threads, sign_up, statements_of
from tests.database import engine_of
from tests.pictures import picture

pytestmark = pytest.mark.both_databases


def test_times_grow_strictly_however_the_clock_jumps(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    times = []
    for jump in (0, 0, 5, -3600, 0, 1, -1, 7200, -7200):
        clock.advance(jump)
        times.append(services.messages.send(alice, "public", Draft(text="x")).time)
    assert times == sorted(set(times))
    assert times[0] == clock.now - sum((0, 0, 5, -3600, 0, 1, -1, 7200, -7200)) * SECOND


def test_many_senders_at_once_lose_nothing_and_share_no_time(services: Services) -> None:
    actors = [sign_up(services, f"pupil {n}") for n in range(8)]

    def send(actor) -> None:
        for number in range(25):
            services.messages.send(actor, "public", Draft(text=f"{actor.username} {number}"))

    run_in_threads(*[lambda a=actor: send(a) for actor in actors])
    history = services.messages.history(actors[0], "public", None, 500)
    assert len(history) == 200
    assert len({message.time for message in history}) == 200
    for actor in actors:
        own = [m.content for m in history if m.sender_id == actor.user_id]
        assert own == [f"{actor.username} {n}" for n in range(25)]


def test_a_retry_at_the_same_moment_stores_once(services: Services) -> None:
    alice = sign_up(services, "alice")
    ids: list[int] = []
    draft = Draft(text="x", client_message_id="1")
    run_in_threads(*[lambda: ids.append(services.messages.send(alice, "public", draft).id)] * 6)
    assert len(set(ids)) == 1


def test_a_fault_halfway_leaves_nothing(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = sign_up(services, "alice")
    draft = Draft(image=picture())
    with monkeypatch.context() as patch:
        patch.setattr("chat.services.messages.StoredMessage", None)  # after the picture, the clock and the row
        with pytest.raises(TypeError):
            services.messages.send(alice, "public", draft)
    with services.store.read() as connection:
        for table in (Message, Attachment, AttachmentChunk):
            assert connection.execute(select(table)).all() == []
    assert services.rooms.find(alice, unread=False)[0].last_time == 0
    services.messages.send(alice, "public", Draft(text="and goes on"))


@pytest.mark.acceptance(10)
def test_a_send_takes_few_statements(services: Services) -> None:
    alice = sign_up(services, "alice")
    services.messages.send(alice, "public", Draft(text="warm"))
    # On PostgreSQL one statement stores the message and its event; on SQLite there is no such event.
    stores = "INSERT" if engine_of(services).dialect.name == "sqlite" else "WITH"
    send = ["BEGIN", "UPDATE", stores, "COMMIT"]
    with statements_of(services) as statements:
        services.messages.send(alice, "public", Draft(text="counted"))
        assert statements == send
        statements.clear()
        services.messages.send(alice, 1, Draft(text="by id"))
        assert statements == send


def test_older_messages_by_id(services: Services) -> None:
    alice = sign_up(services, "alice")
    room = services.rooms.create_titled(alice, "club", access=Access.INVITE).id
    ids = []
    for number in range(10):
        services.messages.send(alice, "public", Draft(text="between"))
        ids.append(services.messages.send(alice, room, Draft(text=str(number))).id)

    def page(before_id: int | None, limit: int = 4) -> list[int]:
        return [m.id for m in services.messages.history(alice, room, None, limit, before_id=before_id)]

    assert page(None) == ids[-4:]
    assert page(ids[6]) == ids[2:6]
    assert page(ids[6] - 1) == ids[2:6]  # of another room: it still separates older from newer
    assert page(ids[2]) == ids[:2]
    assert page(ids[0]) == page(0) == page(-1) == page(-(2**70)) == []
    assert page(2**63) == page(2**70) == ids[-4:]
    with services.store.write() as tx:
        tx.execute(delete(Message).where(Message.id == ids[6]))
    assert page(ids[6]) == ids[2:6]
