"""How often ims tells its clients to fetch messages."""

from types import SimpleNamespace

import pytest

from chat.protocols.ims.socket import NOTIFIED_A_SECOND, NOTIFIED_AT_ONCE, Notices
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import sign_up
from tests.peers import FakePeer


@pytest.fixture
def notices(services: Services) -> tuple[Notices, FakePeer]:
    services.rooms.ensure_lobby()
    alice, peer = sign_up(services, "alice"), FakePeer()
    made = Notices(peer, services, services.subscriptions.open(alice, signals=True))
    made.opened()
    return made, peer


def test_messages_found_after_a_pause_are_one_notice(services: Services, notices: tuple[Notices, FakePeer]) -> None:
    bob, reader = sign_up(services, "bob"), notices[1].reader
    assert reader is not None
    reader.look()

    def look() -> object:
        for number in range(5):
            services.messages.send(bob, 1, Draft(text=f"{number}"))
        return reader.look()

    notice = b'{"type":"notify"}'
    assert look() == [notice] * 5
    assert reader.pace is not None
    while not reader.pace():
        pass
    assert look() == notice
    reader.close()


def test_some_notices_at_once_then_a_few_a_second(
    notices: tuple[Notices, FakePeer], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("chat.protocols.ims.socket.time", SimpleNamespace(monotonic=lambda: now))
    pace, reader = notices[0].pace, notices[1].reader
    assert pace is not None
    waits = [pace() for _ in range(NOTIFIED_AT_ONCE)]
    assert waits == pytest.approx([0] * (NOTIFIED_AT_ONCE - 1) + [1 / NOTIFIED_A_SECOND])
    now += waits[-1]
    assert pace() == pytest.approx(1 / NOTIFIED_A_SECOND)
    now += 60
    assert [pace() for _ in range(NOTIFIED_AT_ONCE - 1)] == pytest.approx([0] * (NOTIFIED_AT_ONCE - 1))
    assert reader is not None
    reader.close()
