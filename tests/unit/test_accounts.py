import hashlib

import pytest
from sqlalchemy import update

from chat.errors import ChatError, ErrorCode
from chat.models import User
from chat.names import is_name
from chat.security import passwords
from chat.services import Services
from chat.services.profiles import Changes
from tests.conftest import FakeClock, sign_up
from tests.unit.bounds import code_of

pytestmark = pytest.mark.both_databases

ADDRESS = "192.0.2.1"
PASSWORD = "zjh1997@stupid"
MD5 = hashlib.md5(PASSWORD.encode()).hexdigest()
SHA1 = hashlib.sha1(PASSWORD.encode()).hexdigest()


def lets_in(services: Services, password: str, *, digest_allowed: bool, username: str = "zhang") -> bool:
    try:
        services.accounts.log_in(username, password, ADDRESS, digest_allowed=digest_allowed)
    except ChatError as error:
        if error.code is not ErrorCode.CREDENTIALS_WRONG:
            raise
        return False
    return True


@pytest.mark.parametrize("given", [MD5, SHA1, MD5.upper(), SHA1.upper()])
def test_a_digest_is_a_password_where_it_is_allowed_only(services: Services, given: str) -> None:
    services.accounts.register("zhang", PASSWORD, ADDRESS)
    assert lets_in(services, given, digest_allowed=True)
    assert not lets_in(services, given, digest_allowed=False)
    assert lets_in(services, PASSWORD, digest_allowed=True)


@pytest.mark.parametrize("given", ["wrong!", "0" * 32, "0" * 40, MD5[:-1], SHA1[:-1], MD5 + "\n", MD5 + "0" * 8])
def test_other_digests_are_wrong(services: Services, given: str) -> None:
    services.accounts.register("zhang", PASSWORD, ADDRESS)
    assert not lets_in(services, given, digest_allowed=True)


@pytest.mark.parametrize("password", [MD5, SHA1, MD5.upper(), "0" * 32, "F" * 40])
def test_a_password_that_looks_like_a_digest_lets_its_owner_in(services: Services, password: str) -> None:
    services.accounts.register("zhang", password, ADDRESS)
    for digest_allowed in (True, False):
        assert lets_in(services, password, digest_allowed=digest_allowed)
        assert not lets_in(services, PASSWORD, digest_allowed=digest_allowed)
    for digest in (passwords.md5(password), passwords.sha1(password)):
        assert lets_in(services, digest, digest_allowed=True)


def test_a_changed_password_changes_its_digests(services: Services) -> None:
    services.accounts.register("zhang", "the first", ADDRESS)
    services.accounts.set_password("zhang", PASSWORD)
    assert lets_in(services, MD5, digest_allowed=True)
    assert lets_in(services, SHA1, digest_allowed=True)
    assert not lets_in(services, passwords.md5("the first"), digest_allowed=True)


@pytest.mark.parametrize("given", ["wrong!", "0" * 32, "0" * 40])
def test_an_unknown_user_costs_as_much(services: Services, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    services.accounts.register("zhang", PASSWORD, ADDRESS)
    compared: list[str] = []
    real = passwords.verify

    def verify(stored: str | None, digest: str) -> bool:
        compared.append(digest)
        return real(stored, digest)

    monkeypatch.setattr(passwords, "verify", verify)
    assert not lets_in(services, given, digest_allowed=True)
    known = list(compared)
    assert not lets_in(services, given, digest_allowed=True, username="nobody")
    assert compared == known * 2


def test_failures_with_digests_are_limited(services: Services) -> None:
    services.accounts.register("zhang", PASSWORD, ADDRESS)
    for _ in range(10):
        assert not lets_in(services, "0" * 32, digest_allowed=True)
    with pytest.raises(ChatError) as caught:
        services.accounts.log_in("zhang", MD5, ADDRESS, digest_allowed=True)
    assert caught.value.code is ErrorCode.RATE_LIMITED


def test_nicknames(services: Services) -> None:
    user_id, session = services.accounts.register("Zhang", PASSWORD, ADDRESS, "I'm angry")
    actor = services.sessions.resolve(session.id, user_id)
    assert actor is not None
    assert (actor.username, actor.nickname) == ("Zhang", "I'm angry")
    for nothing in (None, ""):
        user_id, _ = services.accounts.register(f"calm {nothing}.", PASSWORD, ADDRESS, nothing)
        assert services.accounts.find(user_id).nickname == f"calm {nothing}."
    for bad in ("x" * 33, " x", "a\nb"):
        with pytest.raises(ChatError) as caught:
            services.accounts.register("wang", PASSWORD, ADDRESS, bad)
        assert (caught.value.code, caught.value.data) == (ErrorCode.FIELD_INVALID, {"field": "nickname"})
    with pytest.raises(ChatError):
        services.accounts.find("wang")


LOOK_ALIKE = ["Ms Miller", "ms miller", "\uff2ds Miller", "Ms\u200b Miller"]


@pytest.mark.parametrize("nickname", LOOK_ALIKE)
def test_a_nickname_cannot_be_another_users_username(services: Services, nickname: str) -> None:
    services.accounts.create("Ms Miller", PASSWORD, ADDRESS)
    accounts = services.accounts
    taken = ErrorCode.NICKNAME_TAKEN
    if is_name(nickname, 32):
        assert code_of(lambda: accounts.create("pupil", PASSWORD, ADDRESS, nickname)) is taken
    assert code_of(lambda: accounts.register_by_email("a@b.cd", PASSWORD, nickname, ADDRESS)) is taken
    assert code_of(lambda: accounts.register_by_email("a@b.cd", PASSWORD, f"\x00 {nickname}\u202e", ADDRESS)) is taken
    user_id, session, _ = accounts.register_by_email("a@b.cd", PASSWORD, "pupil", ADDRESS)
    pupil = services.sessions.resolve(session.id, user_id)
    assert pupil is not None

    def renamed(name: str) -> ErrorCode | None:
        return code_of(lambda: services.profiles.change(pupil, PASSWORD, Changes(nickname=name), ADDRESS))

    assert renamed(nickname) is taken
    assert renamed("a@b.cd") is None  # the user's own username
    accounts.register_by_email("c@d.ef", PASSWORD, "another", ADDRESS)
    assert renamed("c@d.ef") is taken


def test_a_username_cannot_be_another_users_nickname(services: Services) -> None:
    accounts = services.accounts
    accounts.create("pupil", PASSWORD, ADDRESS, "Ms Miller")
    accounts.create("other", PASSWORD, ADDRESS, "x@y.zz")
    taken = ErrorCode.USERNAME_TAKEN
    assert code_of(lambda: accounts.create("ms miller", PASSWORD, ADDRESS)) is taken
    assert code_of(lambda: accounts.register("\uff2ds Miller", PASSWORD, ADDRESS)) is taken
    assert code_of(lambda: accounts.register_by_email("X@y.zz", PASSWORD, "vera", ADDRESS)) is taken
    user_id, session, _ = accounts.register_by_email("v@y.zz", PASSWORD, "vera", ADDRESS)
    vera = services.sessions.resolve(session.id, user_id)
    assert vera is not None
    assert code_of(lambda: services.profiles.change(vera, PASSWORD, Changes(email="x@y.zz"), ADDRESS)) is taken
    services.profiles.delete(vera)  # she may be restored, so her nickname stays reserved
    assert code_of(lambda: accounts.create("Vera", PASSWORD, ADDRESS)) is taken


def test_two_may_have_the_same_nickname(services: Services) -> None:
    for name in ("one", "two"):
        services.accounts.create(name, PASSWORD, ADDRESS, "Li Ming")
    for address in ("three@x.yz", "four@x.yz"):
        services.accounts.register_by_email(address, PASSWORD, "Li Ming", ADDRESS)


def test_finding_an_account(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "Alice")
    profile = services.accounts.find("aLICE")
    assert profile == services.accounts.find(alice.user_id)
    assert (profile.user_id, profile.username, profile.nickname) == (alice.user_id, "Alice", "Alice")
    assert profile.created_at == profile.updated_at == clock()
    for unknown in ("bob", "", 0, -5, alice.user_id + 1, 2**64, "x" * 100_000):
        with pytest.raises(ChatError) as caught:
            services.accounts.find(unknown)
        assert caught.value.code is ErrorCode.USER_NOT_FOUND
    with services.store.write() as tx:
        tx.execute(update(User).values(deleted_at=clock()))
    with pytest.raises(ChatError) as caught:
        services.accounts.find("alice")
    assert caught.value.code is ErrorCode.USER_NOT_FOUND


NFC, NFD = "p\u00e4ssw\u00f6rd", "pa\u0308sswo\u0308rd"


@pytest.mark.parametrize(("registered", "typed"), [(NFC, NFD), (NFD, NFC), (NFC, NFC), (NFD, NFD)])
def test_a_password_is_the_same_however_a_keyboard_composes_it(services: Services, registered: str, typed: str) -> None:
    services.accounts.create("zoe", registered, "127.0.0.1")
    services.accounts.log_in("zoe", typed, "127.0.0.1")


@pytest.mark.parametrize("letter", ["\u00e9", "e\u0301", "\u1112\u1161\u11ab"])
def test_its_length_counts_letters(services: Services, letter: str) -> None:
    for count, is_taken in ((5, False), (6, True), (128, True), (129, False)):
        if is_taken:
            services.accounts.check_password(letter * count)
        else:
            with pytest.raises(ChatError):
                services.accounts.check_password(letter * count)


def test_a_password_kept_before_they_were_normalized_still_lets_in(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "normal", lambda password: password)
    services.accounts.create("old", NFD, "127.0.0.1")
    monkeypatch.undo()
    services.accounts.log_in("old", NFD, "127.0.0.1")


@pytest.mark.parametrize(("made_with", "typed"), [(NFC, NFD), (NFD, NFC)])
def test_so_is_the_passwd_of_a_room(services: Services, made_with: str, typed: str) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    services.rooms.create(alice, "locked", "private", made_with)
    assert services.memberships.join(bob, "locked", typed)
