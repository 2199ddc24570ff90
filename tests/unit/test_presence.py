from time import monotonic

from chat.services import Services
from tests.conftest import FakeClock, sign_up


def online(services: Services, *actors) -> set[str]:
    found = services.presence.online(actor.user_id for actor in actors)
    return {actor.username for actor in actors if actor.user_id in found}


def test_online_for_a_minute_after_a_request(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    assert online(services, alice) == {"alice"}
    clock.advance(59)
    assert online(services, alice) == {"alice"}
    clock.advance(2)
    assert online(services, alice) == set()


def test_online_as_long_as_something_waits(services: Services, other: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    services.presence.wait(alice.session_id, alice.user_id)
    for _ in range(100):
        clock.advance(2)
        services.presence.flush()
        assert online(services, alice) == online(other, alice) == {"alice"}
    services.presence.wait_ended(alice.session_id)
    clock.advance(2)
    services.presence.flush()
    assert online(services, alice) == set()
    assert online(other, alice) == set()  # within 5 s elsewhere too, though it was written ahead


class Pulls:
    """A connection with a held pull, or with the last pull some seconds ago."""

    is_held = True
    ago = 0.0

    @property
    def asked_at(self) -> float:
        return monotonic() - self.ago


def test_a_connection_that_is_followed_is_asked(services: Services, other: Services, clock: FakeClock) -> None:
    alice, pulls = sign_up(services, "alice"), Pulls()
    services.presence.follow(alice.session_id, alice.user_id, pulls)
    for pulls.ago in range(0, 200, 2):
        clock.advance(2)
        services.presence.flush()
        assert online(services, alice) == online(other, alice) == {"alice"}, "while one is held"
    pulls.is_held = False
    clock.advance(2)
    services.presence.flush()
    assert online(services, alice) == set(), "the last request was long ago"
    pulls.ago = 50
    assert online(services, alice) == {"alice"}, "there was another"
    services.presence.unfollow(alice.session_id, pulls)
    services.presence.unfollow(alice.session_id, pulls)  # does no harm
    assert online(services, alice) == {"alice"}
    clock.advance(11)
    assert online(services, alice) == set()
    for _ in range(2):
        services.presence.flush()
    assert not services.presence._seen, "nothing is kept of who is gone"


def test_a_followed_session_may_log_out(services: Services) -> None:
    alice, pulls = sign_up(services, "alice"), Pulls()
    services.presence.follow(alice.session_id, alice.user_id, pulls)
    services.sessions.close(alice)
    assert online(services, alice) == set()
    services.presence.unfollow(alice.session_id, pulls)
    assert online(services, alice) == set()


def test_other_processes_know_and_forget(services: Services, other: Services, clock: FakeClock) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    services.presence.flush()
    assert online(other, alice, bob) == {"alice", "bob"}
    services.sessions.close(bob)
    assert online(services, alice, bob) == {"alice"}
    clock.advance(1)
    assert online(other, alice, bob) == {"alice"}


def test_a_logout_elsewhere_ends_presence_here(services: Services, other: Services, clock: FakeClock) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    other.presence.touch(bob.session_id, bob.user_id)
    services.sessions.close(bob)
    services.presence.touch(bob.session_id, bob.user_id)  # a request that was under way
    for process in (services, other):
        process.presence.flush()  # every 2 s
        clock.advance(1)
        assert online(process, alice, bob) == {"alice"}


def test_a_process_does_not_revert_another_ones_writes(services: Services, other: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    clock.advance(120)
    services.presence.wait(alice.session_id, alice.user_id)
    services.presence.flush()
    clock.advance(1)
    other.presence.touch(alice.session_id, alice.user_id)  # a request, somewhere else
    other.presence.flush()
    services.presence.wait_ended(alice.session_id)
    services.presence.flush()
    clock.advance(30)
    assert online(services, alice) == {"alice"}


def test_a_chatty_user_is_written_rarely(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    writes = 0
    for _ in range(120):
        clock.advance(1)
        services.presence.touch(alice.session_id, alice.user_id)
        writes += len(services.presence._changes())
    assert writes <= 4


def test_ended_sessions_leave_nothing(services: Services, clock: FakeClock) -> None:
    for number in range(20):
        sign_up(services, f"pupil {number}")
    services.presence.flush()
    clock.advance(100)
    services.presence.flush()
    assert services.presence._seen == {}


def test_marks_are_written_in_batches_and_only_move_forward(services: Services) -> None:
    alice = sign_up(services, "alice")
    for time in (50, 90, 70):
        services.read_marks.mark(alice.user_id, [(1, time)])

    def stored() -> int:
        with services.store.read() as connection:
            return int(connection.exec_driver_sql("SELECT read_time FROM memberships").scalar() or 0)

    assert stored() == 0
    services.read_marks.flush()
    assert stored() == 90
    services.read_marks.mark(alice.user_id, [(1, 60)])
    services.read_marks.flush()
    assert stored() == 90
