"""Origins, CORS, tokens, headers, attachments, limits (docs/specification.md, "Sessions" and "Rate limits")."""

import base64
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask_jwt_extended import create_access_token

from chat.pictures import rewritten
from chat.security import tokens
from tests.conftest import FakeClock, run_in_threads, services_of
from tests.contract.clients import FlaskTransport, PollingClient
from tests.contract.conftest import Clients
from tests.pictures import picture

LOGIN = {"username": "alice", "password": "secret1"}
MakeApp = Callable[..., Flask]


def user_of(app: Flask, username: str = "alice") -> PollingClient:
    made = PollingClient(FlaskTransport(app))
    made.register(username)
    return made


FOREIGN = [
    "https://evil.example",
    "null",
    "http://localhost.evil.example",
    "http://localhost:81",
    "http://localhost@evil",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_may_not_use_the_cookie(client: Clients, origin: str) -> None:
    alice = client("alice")
    for path, body in (
        ("/user/login", LOGIN),
        ("/user/register", {"username": "new", "password": "secret1"}),
        ("/room/create", {"roomname": "r"}),
        ("/chat/send", {"roomname": "public", "new_message": {"type": "text", "content": "x"}}),
        ("/user/logout", {}),
    ):
        reply = alice.call("POST", path, body, Origin=origin)
        assert reply.status == 403, path
        assert "Set-Cookie" not in reply.headers
    assert alice.rooms() == {"public"}
    assert alice.call("GET", "/room/find", Origin=origin).status == 200  # changes nothing, and is not readable there


@pytest.mark.parametrize("origin", ["http://localhost", "http://localhost:80", "https://LOCALHOST"])
def test_our_own_origin_may(client: Clients, origin: str) -> None:
    alice = client("alice")
    assert alice.call("POST", "/room/create", {"roomname": "r"}, Origin=origin).status == 200


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost:", "http://localhost", 200),  # an empty port is the scheme's (RFC 3986, 6.2.3)
        ("localhost:80", "http://localhost", 200),
        ("[::1]:8000", "http://[::1]:8000", 200),
        ("[fe80::1%25eth0]:8000", "http://[fe80::1%25eth0]:8000", 200),
        ("localhost:80", "https://localhost", 200),  # by a proxy that terminates TLS
        ("Chat.Example.:8000", "http://chat.example.:8000", 200),
        ("localhost:443", "http://localhost", 403),
        ("[::1]:8000", "http://[::1]", 403),
        ("localhost", "http://me@localhost", 403),
        ("localhost", "http://[localhost", 403),
        ("localhost:99999", "http://localhost:99999", 403),
        ("a,b", "http://", 403),  # a Host that is none
    ],
)
def test_hosts_and_origins_are_compared_by_name_and_port(client: Clients, host: str, origin: str, status: int) -> None:
    assert client().call("POST", "/user/register", LOGIN, Host=host, Origin=origin).status == status


def test_an_explicit_token_passes_any_origin(client: Clients) -> None:
    alice = client("alice")
    token = alice.call("POST", "/user/login", LOGIN).headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    reply = alice.call("POST", "/room/create", {"roomname": "r"}, Origin="https://evil.example", Authorization=token)
    assert reply.status == 200


def test_cors_only_for_listed_origins(make_app: MakeApp) -> None:
    alice = user_of(make_app(cors_origins=("https://front.example",)))
    listed = alice.call("POST", "/room/create", {"roomname": "r"}, Origin="https://front.example")
    assert listed.status == 200
    assert listed.headers["Access-Control-Allow-Origin"] == "https://front.example"
    assert listed.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in listed.headers["Vary"]
    preflight = alice.call(
        "OPTIONS", "/chat/send", None, Origin="https://front.example", **{"Access-Control-Request-Method": "POST"}
    )
    assert preflight.status == 204
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    other = alice.call("POST", "/room/create", {"roomname": "q"}, Origin="https://other.example")
    assert other.status == 403
    assert "Access-Control-Allow-Origin" not in other.headers


def test_without_the_setting_there_is_no_cors(client: Clients) -> None:
    reply = client("alice").call("GET", "/room/find", Origin="https://front.example")
    assert not [name for name, _ in reply.headers.items() if name.startswith("Access-Control")]


def test_tokens_are_good_for_their_purpose_only(app: Flask) -> None:
    alice = user_of(app)
    me = alice.ok("GET", "/user/me")
    with app.app_context():
        session = services_of(app).sessions.open(me["id"])
        right = tokens.issue(tokens.Purpose.SESSION, tokens.Token(me["id"], session.id), 60)
        ticket = _other_purpose(me["id"], session.id)
        expired = tokens.issue(tokens.Purpose.SESSION, tokens.Token(me["id"], session.id), -60)
        other_user = tokens.issue(tokens.Purpose.SESSION, tokens.Token(me["id"] + 1, session.id), 60)
    assert alice.call("GET", "/user/me", Authorization=right).status == 200
    head, body, signature = right.split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    forged = (f"{unsigned}.{body}.", f"{head}.{body}.{signature[:-2]}xx", f"{head}.{body}x.{signature}")
    for bad in (ticket, expired, other_user, *forged):
        assert alice.call("GET", "/user/me", Authorization=bad).status == 401


def _other_purpose(user_id: int, reference: str) -> str:
    token: str = create_access_token(str(user_id), additional_claims={"purpose": "room-ticket", "ref": reference})
    return token


def test_a_session_ends_with_its_lifetime(make_app: MakeApp, clock: FakeClock) -> None:
    alice = user_of(make_app(clock, session_hours=2))
    clock.advance(2 * 3600 - 1)
    assert alice.call("GET", "/user/me").status == 200
    clock.advance(2)
    assert alice.call("GET", "/user/me").status == 401


def test_the_cookie_is_secure_behind_tls(make_app: MakeApp) -> None:
    proxied = PollingClient(FlaskTransport(make_app(trusted_proxies=1)))
    reply = proxied.call(
        "POST", "/user/register", LOGIN, **{"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.1.1.1"}
    )
    assert "Secure" in reply.headers["Set-Cookie"]
    direct = PollingClient(FlaskTransport(make_app()))
    reply = direct.call("POST", "/user/login", LOGIN, **{"X-Forwarded-Proto": "https"})
    assert "Secure" not in reply.headers["Set-Cookie"]


def test_a_forwarded_host_makes_no_origin_our_own(make_app: MakeApp) -> None:
    client = PollingClient(FlaskTransport(make_app(trusted_proxies=1)))
    forwarded = {"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "10.1.1.1", "X-Forwarded-Proto": "http"}
    assert client.call("POST", "/user/register", LOGIN, Origin="http://evil.example", **forwarded).status == 403
    assert client.call("POST", "/user/register", LOGIN, Origin="http://localhost", **forwarded).status == 200


def test_headers_on_every_answer(client: Clients) -> None:
    for path in ("/", "/user/me", "/room/nope", "/healthz", "/attachments/nope", "/nowhere"):
        reply = client().call("GET", path)
        assert reply.headers["X-Content-Type-Options"] == "nosniff", path
        assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"], path
        assert "unsafe" not in reply.headers["Content-Security-Policy"], path
        assert "Traceback" not in reply.body.decode()
    assert client().call("GET", "/user/me").headers["Cache-Control"] == "no-store"


def test_an_attachment_has_its_media_type_and_cannot_run_scripts(app: Flask, client: Clients) -> None:
    alice = client("alice")
    alice.create_room("album")
    data = rewritten(picture("WEBP")).data
    alice.show("album", data + b"<script>alert(1)</script>")
    with services_of(app).store.read() as connection:
        name = connection.exec_driver_sql("SELECT name FROM attachments").scalar()
    assert re.fullmatch(r"[\w-]{32}", name or "")
    reply = client().call("GET", f"/attachments/{name}")  # no login: the name is the key
    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (200, data, "image/webp")
    assert "sandbox" in reply.headers["Content-Security-Policy"]
    again = client().call("GET", f"/attachments/{name}", None, **{"If-None-Match": reply.headers["ETag"]})
    assert again.status == 304
    alice.delete_room("album")
    assert client().call("GET", f"/attachments/{name}").status == 404


def tries(client: PollingClient, count: int, **headers: str) -> list[int]:
    wrong = {"username": "alice", "password": "wrong one"}
    return [client.call("POST", "/user/login", wrong, **headers).status for _ in range(count)]


def test_ten_failed_logins_a_minute_per_account(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app(clock)
    alice = user_of(app)
    assert tries(alice, 10) == [401] * 10
    refused = alice.call("POST", "/user/login", LOGIN)
    assert refused.status == 429  # even the right one, or guessing would go on
    assert 1 <= int(refused.headers["Retry-After"]) <= 6
    user_of(app, "bob")
    assert alice.call("POST", "/user/login", {"username": "bob", "password": "secret1"}).status == 200
    clock.advance(6)
    assert tries(alice, 2) == [401, 429]
    clock.advance(60)
    assert tries(alice, 11) == [401] * 10 + [429]


def test_successful_logins_do_not_count(make_app: MakeApp, clock: FakeClock) -> None:
    alice = user_of(make_app(clock))
    assert [alice.call("POST", "/user/login", LOGIN).status for _ in range(30)] == [200] * 30


def test_two_hundred_failed_logins_a_minute_per_address(make_app: MakeApp, clock: FakeClock) -> None:
    visitor = PollingClient(FlaskTransport(make_app(clock, trusted_proxies=1)))

    def attempt(n: int, address: str) -> int:
        body = {"username": f"guess{n}", "password": "wrong one"}
        return visitor.call("POST", "/user/login", body, **{"X-Forwarded-For": address}).status

    statuses = [attempt(n, "10.0.0.1") for n in range(201)]
    assert statuses == [401] * 200 + [429]
    assert attempt(999, "10.0.0.2") == 401


def test_a_class_of_sixty_registers_and_logs_in_within_a_minute(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app(clock)
    for number in range(60):
        user_of(app, f"pupil {number}").login(f"pupil {number}")


def test_two_hundred_registrations_a_minute_per_address(make_app: MakeApp, clock: FakeClock) -> None:
    visitor = PollingClient(FlaskTransport(make_app(clock)))

    def attempt(n: int) -> int:
        return visitor.call("POST", "/user/register", {"username": f"pupil{n}", "password": "secret1"}).status

    assert [attempt(n) for n in range(201)] == [200] * 200 + [429]


def test_wrong_passwds_are_limited(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app(clock)
    alice, bob = user_of(app), user_of(app, "bob")
    alice.create_room("staff", passwd="xyzzy")
    body: dict[str, Any] = {"roomname": "staff", "passwd": "guess"}
    assert [bob.call("POST", "/room/join", body).status for _ in range(11)] == [403] * 10 + [429]
    clock.advance(60)
    bob.join("staff", "xyzzy")


def test_limits_can_be_turned_off(make_app: MakeApp, clock: FakeClock) -> None:
    alice = user_of(make_app(clock, rate_limits=False))
    assert tries(alice, 15) == [401] * 15
    for number in range(100):
        alice.say("public", str(number))


def test_a_class_that_shares_an_account_logs_in_all_at_once(app: Flask, client: Clients) -> None:
    client("alice")
    statuses: list[int] = []
    log_in = lambda: statuses.append(client().call("POST", "/user/login", LOGIN).status)  # noqa: E731
    run_in_threads(*[log_in] * 30)
    assert statuses == [200] * 30


def test_guesses_sent_all_at_once_count_one_by_one(app: Flask, client: Clients) -> None:
    client("alice")
    statuses: list[int] = []
    run_in_threads(*[lambda: statuses.extend(tries(client(), 1))] * 30)
    assert statuses.count(401) <= 12  # two may be looked at together
    assert statuses.count(401) + statuses.count(429) == 30


def test_limits_hold_over_several_workers(make_app: MakeApp, clock: FakeClock) -> None:
    apps = [make_app(clock), make_app(clock)]
    for app in apps:
        services_of(app).limits.hold_over_workers()
    alice = user_of(apps[0])
    token = alice.call("POST", "/user/login", LOGIN).headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    body = {"roomname": "public", "new_message": {"type": "text", "content": "x"}}

    def send(number: int) -> int:
        transport = FlaskTransport(apps[number % 2])
        return PollingClient(transport).call("POST", "/chat/send", body, Authorization=token).status

    assert [send(number) for number in range(62)] == [200] * 60 + [429] * 2


def test_one_subscriber_has_a_whole_network_of_ipv6_addresses(make_app: MakeApp, clock: FakeClock) -> None:
    visitor = PollingClient(FlaskTransport(make_app(clock, trusted_proxies=1)))
    for number in range(200):
        address = f"2001:db8:1:1::{number:x}"
        body = {"username": f"guess{number}", "password": "wrong one"}
        assert visitor.call("POST", "/user/login", body, **{"X-Forwarded-For": address}).status == 401
    body = {"username": "another", "password": "wrong one"}
    assert visitor.call("POST", "/user/login", body, **{"X-Forwarded-For": "2001:db8:1:1:ffff::1"}).status == 429
    assert visitor.call("POST", "/user/login", body, **{"X-Forwarded-For": "2001:db8:1:2::1"}).status == 401


def test_a_clock_set_back_keeps_all_sessions(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = user_of(app)
    real = datetime

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real.now(tz) - timedelta(hours=1)

    monkeypatch.setattr("jwt.api_jwt.datetime", Earlier)
    assert alice.call("GET", "/user/me").status == 200
