"""Storage quotas: per person and day, in all, and by free disk space; of texts for themselves."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chat.errors import ChatError, ErrorCode
from chat.models import Actor
from chat.security.limits import MESSAGES
from chat.services import Services, quota
from chat.services.files import LEASE, Upload
from chat.services.messages import Draft
from chat.services.profiles import Changes
from tests.conftest import FakeClock, run_in_threads, settings_at, sign_up, statements_of
from tests.pictures import noise
from tests.unit.bounds import code_of

MIB = 1024 * 1024
Start = Callable[..., Services]


def store(services: Services, actor: Actor, size: int) -> None:
    """A file of that size, whole."""
    upload = services.files.begin(actor, "public", "f", size)
    services.files.add(upload, b"x" * size)
    services.files.finish(actor, upload)


def test_bytes_a_day_of_one_person(limited: Start, clock: FakeClock) -> None:
    services = limited(storage_per_day=1000, rate_limits=False)
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    store(services, alice, 600)
    clock.advance(3600)
    assert code_of(lambda: store(services, alice, 401)) is ErrorCode.QUOTA_USED
    store(services, alice, 400)
    with pytest.raises(ChatError) as refused:
        store(services, alice, 1)
    assert refused.value.data == {"limit": 1000, "retry_after": 23 * 3600}
    store(services, bob, 1000)  # others have their own
    clock.advance(23 * 3600 - 1)
    assert code_of(lambda: store(services, alice, 1)) is ErrorCode.QUOTA_USED
    clock.advance(1)
    store(services, alice, 1000)
    assert code_of(lambda: store(services, alice, 1)) is ErrorCode.QUOTA_USED
    clock.advance(-24 * 3600)  # a clock set back locks no client out
    store(services, alice, 1000)


def test_pictures_files_and_avatars_count_together(limited: Start) -> None:
    picture = noise(3000)
    services = limited(storage_per_day=len(picture) + 300)
    alice = sign_up(services, "alice")
    services.messages.send(alice, "public", Draft(image=picture, client_message_id="one"))
    store(services, alice, 100)
    services.profiles.change(alice, "secret1", Changes(avatar="a" * 100), "192.0.2.1")
    group = services.rooms.create(alice, "club")
    services.groups.change(alice, group, None, "a" * 100)
    refused: list[Callable[[], object]] = [
        lambda: services.messages.send(alice, "public", Draft(image=picture)),
        lambda: store(services, alice, 1),
        lambda: services.profiles.change(alice, "secret1", Changes(avatar="b"), "192.0.2.1"),
        lambda: services.groups.change(alice, group, None, "b"),
    ]
    assert [code_of(each) for each in refused] == [ErrorCode.QUOTA_USED] * 4
    assert services.profiles.own(alice).avatar == "a" * 100
    services.profiles.change(alice, "secret1", Changes(avatar=""), "192.0.2.1")  # none takes no place
    services.messages.send(alice, "public", Draft(text="texts go on"))
    again = services.messages.send(alice, "public", Draft(image=picture, client_message_id="one"))
    assert again.attachment_size == len(picture)  # a retry stores nothing


def test_a_picture_beyond_the_quota_costs_no_work(limited: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    services = limited(storage_per_day=0)
    alice = sign_up(services, "alice")
    monkeypatch.setattr(services.attachments, "picture", lambda _: pytest.fail("it was looked at"))
    assert code_of(lambda: services.messages.send(alice, "public", Draft(image=b"x"))) is ErrorCode.QUOTA_USED


def test_a_file_counts_from_its_announcement_and_not_if_it_breaks_off(limited: Start, clock: FakeClock) -> None:
    services = limited(storage_per_day=1000)
    alice = sign_up(services, "alice")
    upload = services.files.begin(alice, "public", "f", 1000)
    assert code_of(lambda: store(services, alice, 1)) is ErrorCode.QUOTA_USED
    services.files.add(upload, b"x" * 10)
    services.files.abandon(upload)
    lost = services.files.begin(alice, "public", "f", 1000)  # its process is killed
    services.files.add(lost, b"x" * 10)
    clock.advance(LEASE / 1e6 + 1)
    services.files.purge()
    store(services, alice, 1000)
    assert code_of(lambda: store(services, alice, 1)) is ErrorCode.QUOTA_USED


def test_an_upload_aborted_after_the_day_is_not_refunded(limited: Start, clock: FakeClock) -> None:
    services = limited(storage_per_day=1000)
    alice = sign_up(services, "alice")
    upload = services.files.begin(alice, "public", "f", 900)
    clock.advance(24 * 3600)
    store(services, alice, 600)
    services.files.abandon(upload)
    assert code_of(lambda: store(services, alice, 401)) is ErrorCode.QUOTA_USED


def test_uploads_at_once_at_two_workers_stay_within_the_day(limited: Start) -> None:
    one, other = (limited(storage_per_day=1000, rate_limits=False) for _ in range(2))
    alice = sign_up(one, "alice")
    outcomes: list[ErrorCode | None] = []
    jobs = [lambda s=s: outcomes.append(code_of(lambda: store(s, alice, 300))) for s in (one, other) * 4]
    run_in_threads(*jobs)
    assert (outcomes.count(None), outcomes.count(ErrorCode.QUOTA_USED)) == (3, 5)


def used(services: Services) -> int:
    with services.store.read() as connection:
        return services.store.bytes_used(connection)


@pytest.mark.sqlite_only
def test_bytes_in_all(limited: Start) -> None:
    services = limited(storage_max=used(limited()) + 5 * MIB // 2, rate_limits=False)
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    room = services.rooms.create(alice, "club", members=["bob"])
    upload = services.files.begin(alice, room, "f", MIB)
    services.files.add(upload, b"x" * MIB)
    services.files.finish(alice, upload)
    store(services, bob, MIB)
    for who in (alice, bob):
        assert code_of(lambda w=who: services.files.begin(w, "public", "f", MIB)) is ErrorCode.STORAGE_FULL  # type: ignore[misc]
    picture = noise(MIB)
    assert code_of(lambda: services.messages.send(alice, "public", Draft(image=picture))) is ErrorCode.STORAGE_FULL
    services.messages.send(alice, "public", Draft(text="texts go on"))
    services.rooms.delete(alice, room)
    services.purger.purge()  # the space is refunded
    store(services, bob, MIB)


@pytest.mark.sqlite_only
def test_uploads_at_once_overrun_by_no_piece(limited: Start) -> None:
    most = used(limited()) + 2 * MIB
    one, other = (limited(storage_max=most, rate_limits=False) for _ in range(2))
    actors = [sign_up(one, f"user {number}") for number in range(6)]
    uploads: list[tuple[Services, Actor, Upload]] = [
        (services, actor, services.files.begin(actor, "public", "f", MIB))
        for services, actor in zip((one, other) * 3, actors, strict=True)
    ]  # each alone would fit

    refused: list[ErrorCode] = []

    def come(services: Services, upload: Upload) -> None:
        try:
            for _ in range(8):
                services.files.add(upload, b"x" * (MIB // 8))
        except ChatError as error:
            refused.append(error.code)
            services.files.abandon(upload)

    run_in_threads(*[lambda s=s, u=u: come(s, u) for s, _, u in uploads])
    assert set(refused) == {ErrorCode.STORAGE_FULL}
    assert used(one) <= most + MIB // 8


@pytest.mark.sqlite_only
def test_the_disk_keeps_some_room(limited: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    services = limited(disk_free_min=1000)
    alice = sign_up(services, "alice")
    free = services.store.disk_free()
    assert free
    assert free > 0
    monkeypatch.setattr(services.store, "disk_free", lambda: 1500)
    store(services, alice, 500)
    assert code_of(lambda: store(services, alice, 501)) is ErrorCode.STORAGE_FULL
    upload = services.files.begin(alice, "public", "f", 400)
    monkeypatch.setattr(services.store, "disk_free", lambda: 999)  # others write too
    assert code_of(lambda: services.files.add(upload, b"x" * 400)) is ErrorCode.STORAGE_FULL
    picture = noise(3000)
    assert code_of(lambda: services.messages.send(alice, "public", Draft(image=picture))) is ErrorCode.STORAGE_FULL
    services.messages.send(alice, "public", Draft(text="texts go on"))


@pytest.fixture
def few_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The day's texts are as small as the setting says, and each is counted in the database."""
    monkeypatch.setattr(quota, "TEXTS_AT_LEAST", 0)
    monkeypatch.setattr(quota, "TEXT_BYTES_AT_ONCE", 1)


def say(services: Services, actor: Actor, text: str = "é" * 400, **more: Any) -> int:
    """Of 1,000 bytes with its row."""
    return services.messages.send(actor, "public", Draft(text=text, **more)).id


@pytest.mark.usefixtures("few_texts")
@pytest.mark.both_databases
def test_bytes_of_texts_a_day_of_one_person(limited: Start, clock: FakeClock) -> None:
    services = limited(storage_per_day=10_000, rate_limits=False)
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    first = say(services, alice, client_message_id="first")
    for _ in range(9):
        say(services, alice)
    with pytest.raises(ChatError) as refused:
        say(services, alice)
    assert (refused.value.code, refused.value.data) == (
        ErrorCode.QUOTA_USED,
        {"limit": 10_000, "retry_after": 8640.0},  # a tenth of a day
    )
    assert say(services, alice, client_message_id="first") == first  # a retry stores nothing
    assert len(services.messages.history(alice, "public", None, 50)) == 10
    say(services, bob)  # others have their own
    clock.advance(8640)
    say(services, alice)
    assert code_of(lambda: say(services, alice)) is ErrorCode.QUOTA_USED


@pytest.mark.usefixtures("few_texts")
def test_edits_count_as_what_they_store(limited: Start) -> None:
    services = limited(storage_per_day=5_000, rate_limits=False)
    alice = sign_up(services, "alice")
    message = say(services, alice)
    services.changes.edit(alice, "public", message, "x" * 800)  # the old text and, twice, the new one
    assert code_of(lambda: services.changes.edit(alice, "public", message, "y" * 800)) is ErrorCode.QUOTA_USED
    assert services.messages.history(alice, "public", None, 1)[0].content == "x" * 800


@pytest.mark.usefixtures("few_texts")
def test_a_refusal_is_in_the_security_log(limited: Start, caplog: pytest.LogCaptureFixture) -> None:
    services = limited(storage_per_day=900)
    alice = sign_up(services, "alice")
    with caplog.at_level(logging.INFO, "commonroom.security"):
        for call in (lambda: say(services, alice), lambda: store(services, alice, 901)):
            assert code_of(call) is ErrorCode.QUOTA_USED
    assert [line.count("event=limit") for line in caplog.messages] == [1, 1]
    assert all(f"user_id={alice.user_id} limit=bytes-per-day" in line for line in caplog.messages)


@pytest.mark.usefixtures("few_texts")
def test_texts_at_two_workers_share_a_day(limited: Start) -> None:
    one, other = (limited(storage_per_day=10_000, rate_limits=False) for _ in range(2))
    alice = sign_up(one, "alice")
    outcomes: list[ErrorCode | None] = []
    jobs = [lambda s=s: outcomes.append(code_of(lambda: say(s, alice))) for s in (one, other) * 8]
    run_in_threads(*jobs)
    assert (outcomes.count(None), outcomes.count(ErrorCode.QUOTA_USED)) == (10, 6)


def test_few_texts_cost_no_statement(limited: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "TEXTS_AT_LEAST", 0)
    monkeypatch.setattr(quota, "TEXT_BYTES_AT_ONCE", 2_500)
    services = limited(storage_per_day=4_000, rate_limits=False)
    alice = sign_up(services, "alice")
    counts = []
    for _ in range(4):
        with statements_of(services) as statements:
            say(services, alice)
        counts.append(len(statements))
    assert counts[0] == counts[1] == counts[2] - 1 == counts[3]
    say(services, alice)
    assert [code_of(lambda: say(services, alice)) for _ in range(3)] == [ErrorCode.QUOTA_USED] * 3


def test_without_uploads_texts_go_on(limited: Start) -> None:
    services = limited(storage_per_day=0)
    alice = sign_up(services, "alice")
    assert code_of(lambda: store(services, alice, 1)) is ErrorCode.QUOTA_USED
    for number in range(50):
        say(services, alice, f"{number}")


def test_a_person_at_the_limit_of_messages_has_enough_for_a_day(tmp_path: Path) -> None:
    """20 texts of 100 characters a second, all day, by the default settings."""
    per_second = MESSAGES.burst / MESSAGES.seconds
    assert settings_at(tmp_path).storage_per_day >= 86_400 * per_second * (quota.ROW_BYTES + 100)
