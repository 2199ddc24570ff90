"""Presence that all processes share through Redis."""

from chat.services import Services
from tests.conftest import FakeClock, sign_up
from tests.redis import PrivateRedis
from tests.unit.redis.conftest import online


def test_presence_is_shared(two: tuple[Services, Services], clock: FakeClock) -> None:
    one, other = two
    alice = sign_up(one, "alice")
    one.presence.wait(alice.session_id, alice.user_id)
    for _ in range(20):
        clock.advance(2)
        one.presence.flush()
        other.presence.flush()
        assert online(other)
    one.presence.wait_ended(alice.session_id)
    clock.advance(25)
    one.presence.flush()
    assert not online(other), "though it was written ahead"


def test_a_logout_ends_presence_in_all_processes(two: tuple[Services, Services], clock: FakeClock) -> None:
    one, other = two
    alice = sign_up(one, "alice")
    one.presence.flush()
    clock.advance(2)
    assert online(other)
    other.sessions.close(alice)
    one.presence.doubt(alice.user_id)  # as the bus does
    one.presence.flush()
    clock.advance(2)
    assert not online(one)
    assert not online(other)


def test_presence_outlasts_an_absence_and_comes_back(
    server: PrivateRedis, two: tuple[Services, Services], clock: FakeClock
) -> None:
    one, other = two
    alice = sign_up(one, "alice")
    one.presence.wait(alice.session_id, alice.user_id)
    one.presence.flush()
    clock.advance(2)
    assert online(other)
    server.kill()
    clock.advance(30)
    one.presence.flush()
    other.presence.flush()
    assert online(one)
    assert online(other), "what was known is kept for a while"
    clock.advance(20)
    assert online(one)
    assert not online(other)
    server.start()
    for services in two:
        assert services.shared is not None
        services.shared.link.attempt(lambda redis: redis.ping())  # type: ignore[attr-defined]
        services.presence.flush()
    clock.advance(2)
    assert online(other), "everything is written again"


def test_expired_sessions_are_removed(server: PrivateRedis, two: tuple[Services, Services], clock: FakeClock) -> None:
    one, _ = two
    for n in range(3):
        sign_up(one, f"pupil{n}")
    one.presence.flush()
    with server.client() as redis:
        (key,) = [key for key in redis.scan_iter() if key.endswith(":online")]
        assert redis.zcard(key) == 3
        clock.advance(120)
        one.presence.flush()
        assert redis.zcard(key) == 0
