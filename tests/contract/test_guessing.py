"""Guessing accounts' and rooms' passwords is limited, without locking out the owners (docs/decisions/0025, 0026)."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from chat.errors import ChatError, ErrorCode
from chat.services import Services
from tests.conftest import FakeClock, services_of
from tests.contract.clients import FlaskTransport, PollingClient

MakeApp = Callable[..., Flask]
LOGIN = {"username": "alice", "password": "secret1"}
WRONG = {"username": "alice", "password": "wrong one"}
HOME = "10.0.0.1"


class Browser(PollingClient):
    """At an address, behind the proxy that the server trusts."""

    def __init__(self, app: Flask, address: str) -> None:
        super().__init__(FlaskTransport(app))
        self.address = address

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return super().call(method, path, body, **{"X-Forwarded-For": self.address, **headers})

    def log_in(self, body: dict[str, str] = LOGIN) -> int:
        return int(self.call("POST", "/user/login", body).status)


@pytest.fixture
def app(make_app: MakeApp, clock: FakeClock) -> Flask:
    return make_app(clock, trusted_proxies=1)


@pytest.fixture
def alice(app: Flask) -> Browser:
    """The owner's browser, where she has registered."""
    made = Browser(app, HOME)
    made.register("alice")
    return made


def guess(app: Flask, addresses: list[str], times: int) -> list[int]:
    return [Browser(app, address).log_in(WRONG) for address in addresses for _ in range(times)]


def elsewhere(count: int) -> list[str]:
    return [f"192.0.2.{number}" for number in range(count)]


def test_strangers_guesses_do_not_keep_the_owner_out(app: Flask, alice: Browser) -> None:
    statuses = guess(app, elsewhere(10), 10)
    assert statuses == [401] * 25 + [429] * 75
    assert Browser(app, "198.51.100.1").log_in() == 429  # even with the right one: it could be a guess
    assert alice.log_in() == 200
    assert Browser(app, HOME).log_in() == 200  # the address is known, for any browser or program
    alice.address = "198.51.100.1"
    assert alice.log_in() == 200  # and so is the browser, wherever it is


def test_guesses_from_the_owners_own_address_do_not_keep_her_browser_out(app: Flask, alice: Browser) -> None:
    assert guess(app, [HOME], 11) == [401] * 10 + [429]
    assert Browser(app, HOME).log_in() == 429
    assert alice.log_in() == 200
    assert [alice.log_in(WRONG) for _ in range(11)] == [401] * 10 + [429]  # it may not guess for ever either


def test_at_most_a_hundred_guesses_an_hour_at_an_account(app: Flask, alice: Browser, clock: FakeClock) -> None:
    hits = 0
    for _ in range(60):
        hits += guess(app, [HOME, *elsewhere(4)], 4).count(401)
        clock.advance(60)
    assert 50 <= hits <= 100  # ASVS 2.2.1
    clock.advance(3600)
    assert guess(app, elsewhere(3), 10).count(401) == 25


def test_unknown_names_have_the_same_limits_and_words(app: Flask, alice: Browser) -> None:
    def answers(name: str) -> list[tuple[int, Any]]:
        body = {"username": name, "password": "wrong one"}
        replies = [Browser(app, where).call("POST", "/user/login", body) for where in elsewhere(4) for _ in range(11)]
        return [(reply.status, reply.json) for reply in replies]

    assert answers("alice") == answers("nobody at all")


def test_a_new_password_makes_devices_unknown(app: Flask, alice: Browser) -> None:
    services_of(app).accounts.set_password("alice", "secret2")
    alice.address = "198.51.100.1"
    guess(app, elsewhere(10), 3)
    assert alice.log_in({"username": "alice", "password": "secret2"}) == 429


@pytest.mark.parametrize("forged", ["", "x" * 32, "." * 40, "é" * 32, "A" * 5000])
def test_a_forged_device_is_a_stranger(app: Flask, alice: Browser, forged: str) -> None:
    guess(app, elsewhere(10), 3)
    with pytest.raises(ChatError) as caught:
        services_of(app).accounts.log_in("alice", "secret1", "198.51.100.1", device=forged)
    assert caught.value.code is ErrorCode.RATE_LIMITED


def test_a_device_is_known_for_the_accounts_that_it_was_used_by_alone(app: Flask, alice: Browser) -> None:
    shared = Browser(app, "198.51.100.2")
    shared.register("bob")
    guess(app, elsewhere(10), 3)
    assert shared.log_in() == 429  # bob's browser
    assert alice.log_in() == 200
    alice.call("POST", "/user/login", {"username": "bob", "password": "secret1"})
    alice.address = "198.51.100.3"
    assert alice.log_in() == 200  # both are known now


def test_an_address_is_forgotten_after_thirty_days(app: Flask, alice: Browser, clock: FakeClock) -> None:
    clock.advance(31 * 86400)
    guess(app, elsewhere(10), 3)
    assert Browser(app, HOME).log_in() == 429


def test_limits_hold_over_two_workers(make_app: MakeApp, app: Flask, alice: Browser, clock: FakeClock) -> None:
    other = make_app(clock, trusted_proxies=1)
    statuses = [Browser((app, other)[n % 2], "192.0.2.1").log_in(WRONG) for n in range(11)]
    assert statuses == [401] * 10 + [429]
    statuses = [Browser((app, other)[n % 2], HOME).log_in() for n in range(31)]
    assert statuses == [200] * 30 + [429]


def test_thirty_logins_a_minute_over_all_protocols(app: Flask, alice: Browser, clock: FakeClock) -> None:
    digest = {"username": "alice", "password": "secret1"}
    ways = [("/user/login", LOGIN), ("/login", LOGIN), ("/Login", digest), ("/account/login", None)]

    def log_in(number: int) -> int:
        path, body = ways[number % 4]
        given = body or {"email": "alice", "password": "secret1"}
        return int(Browser(app, HOME).call("POST", path, given).status)

    assert [log_in(number) for number in range(31)] == [200] * 30 + [429]
    clock.advance(2)
    assert [log_in(0), log_in(0)] == [200, 429]


def test_a_name_and_its_mail_address_are_one_bucket(app: Flask) -> None:
    services: Services = services_of(app)
    services.rooms.ensure_lobby()
    services.accounts.register_by_email("dora@example.com", "secret1", "Dora", HOME)
    ways: list[Callable[..., object]] = [services.accounts.log_in, services.accounts.log_in_telling]
    codes = []
    for number in range(11):
        with pytest.raises(ChatError) as caught:
            ways[number % 2]("dora@example.com", "wrong one", "192.0.2.1")
        codes.append(caught.value.code)
    assert codes == [ErrorCode.CREDENTIALS_WRONG] * 10 + [ErrorCode.RATE_LIMITED]


def test_sixty_pupils_at_one_address_can_log_in_after_typing_errors(app: Flask) -> None:
    for number in range(60):
        Browser(app, "203.0.113.1").register(f"pupil {number}")
    for number in range(60):
        name = f"pupil {number}"
        pupil = Browser(app, "203.0.113.2")  # not where they registered
        assert [pupil.log_in({"username": name, "password": "oops12"}) for _ in range(3)] == [401] * 3
        assert pupil.log_in({"username": name, "password": "secret1"}) == 200


def test_strangers_cannot_lock_out_users_with_the_right_passwd(app: Flask, alice: Browser, clock: FakeClock) -> None:
    bob = Browser(app, HOME)
    bob.register("bob")
    alice.create_room("staff", passwd="xyzzy")
    clock.advance(86400)  # alice and bob no longer count as new accounts
    alice.login("alice")
    bob.login("bob")
    guesses: list[int] = []
    for number in range(4):
        stranger = Browser(app, HOME)
        stranger.register(f"new {number}")
        body = {"roomname": "staff", "passwd": "guess"}
        guesses += [stranger.call("POST", "/room/join", body).status for _ in range(10)]
    assert guesses == [403] * 20 + [429] * 20  # accounts created for guessing
    bob.join("staff", "xyzzy")
    newcomer = Browser(app, "10.0.0.2")
    newcomer.register("a newcomer")
    newcomer.join("staff", "xyzzy")


def test_a_login_over_a_living_session_ends_it(app: Flask, alice: Browser) -> None:
    token = alice.call("POST", "/user/login", LOGIN).headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    assert Browser(app, HOME).call("GET", "/user/me", Authorization=token).status == 200
    alice.register("bob")
    assert Browser(app, HOME).call("GET", "/user/me", Authorization=token).status == 401
    assert alice.ok("GET", "/user/me")["username"] == "bob"


def test_sessions_are_shown_and_ended_everywhere(app: Flask, alice: Browser, clock: FakeClock) -> None:
    other = Browser(app, "10.0.0.9")
    clock.advance(1)
    other.login("alice")
    clock.advance(1)
    token = other.call("POST", "/login", LOGIN).json["data"]["token"]
    found = alice.ok("GET", "/user/sessions")["sessions"]
    assert [(each["protocol"], each["address"], each["current"]) for each in found] == [
        ("roomapi", "10.0.0.9", False),
        ("polling", "10.0.0.9", False),
        ("polling", HOME, True),
    ]
    alice.ok("POST", "/user/logout", {"all": True})
    for each, headers in ((alice, {}), (other, {}), (other, {"Authorization": token})):
        assert each.call("GET", "/user/me", **headers).status == 401


def test_security_events_are_one_line_each_without_secrets(
    app: Flask, alice: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "commonroom.security")
    alice.log_in(WRONG)
    alice.log_in({"username": "my-passw0rd-in-the-wrong-field", "password": "x"})
    alice.register('m"allory event=login')
    alice.create_room("a", passwd="xyzzy")
    alice.delete_room("a", passwd="xyzzy")
    alice.logout()
    lines = [record.getMessage() for record in caplog.records if record.name == "commonroom.security"]
    assert lines[0] == f"event=login_failed protocol=polling address={HOME} user_id=1 user=alice"
    assert lines[1] == f"event=login_failed protocol=polling address={HOME}"
    assert [line.split()[0] for line in lines[2:]] == [
        "event=registration",
        "event=logout",
        "event=room_removal",
        "event=logout",
    ]
    assert 'user="m\\"allory event=login"' in lines[2]
    for secret in ("passw0rd", "wrong one", "secret1", "xyzzy", "eyJ"):
        assert not any(secret in line for line in lines), secret


def test_an_attacker_cannot_fill_the_log(app: Flask, alice: Browser, clock: FakeClock, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "commonroom.security")
    for number in range(300):
        Browser(app, f"192.0.2.{number % 100}").log_in({"username": f"guess {number}", "password": "wrong one"})
    assert len(caplog.records) == 120
    alice.log_in()
    assert "event=login " in caplog.records[120].getMessage()  # what attackers do does not crowd it out
    clock.advance(60)
    alice.log_in(WRONG)
    assert "omitted=180" in caplog.records[-1].getMessage()
