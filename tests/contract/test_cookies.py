"""Cookies by installation and scheme (decision 0040): what shares a host does not share a log-in by mistake."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chat.http.auth import OLD_COOKIE
from tests.conftest import SECRET

MakeApp = Callable[..., Flask]
LOGIN = {"username": "alice", "password": "secret1"}
HTTP: dict[str, str] = {}
HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}


class Browser:
    """Keeps cookies as browsers do: by host, without the port; over http no Secure one is overwritten or sent."""

    def __init__(self) -> None:
        self.jar: dict[str, tuple[str, bool]] = {}

    def call(self, app: Flask, path: str, body: Any = None, **headers: str) -> int:
        is_secure = headers.get("X-Forwarded-Proto") == "https"
        sent = {name: value for name, (value, secure) in self.jar.items() if is_secure or not secure}
        if sent:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in sent.items())
        client: FlaskClient = app.test_client(use_cookies=False)
        reply = client.open(path, method="GET" if body is None else "POST", json=body, headers=headers)
        for line in reply.headers.getlist("Set-Cookie"):
            self._keep(line, is_secure=is_secure)
        return reply.status_code

    def _keep(self, line: str, *, is_secure: bool) -> None:
        pair, *attributes = [part.strip() for part in line.split(";")]
        name, _, value = pair.partition("=")
        secure = "Secure" in attributes
        if not is_secure and (secure or self.jar.get(name, ("", False))[1]):
            return
        if name.startswith("__Host-") and not (secure and "Path=/" in attributes and "Domain" not in line):
            return
        if "Max-Age=0" in attributes:
            self.jar.pop(name, None)
        else:
            self.jar[name] = (value, secure)

    def is_logged_in(self, app: Flask, **headers: str) -> bool:
        return self.call(app, "/user/me", **headers) == 200


@pytest.fixture
def browser() -> Browser:
    return Browser()


def test_two_installations_on_one_host_keep_their_log_ins_apart(
    make_app: MakeApp, browser: Browser, tmp_path: Path
) -> None:
    first, second = make_app(), make_app(secret_key=SECRET[::-1])
    assert browser.call(first, "/user/register", LOGIN) == 200
    assert browser.call(second, "/user/register", {**LOGIN, "username": "bob"}) == 200
    assert browser.is_logged_in(first)
    assert browser.is_logged_in(second)
    assert browser.call(second, "/user/logout", {}) == 200
    assert browser.is_logged_in(first)
    assert not browser.is_logged_in(second)


@pytest.mark.parametrize("login", ["/user/login", "/Login"])
def test_a_log_in_by_https_does_not_spoil_one_by_http(make_app: MakeApp, browser: Browser, login: str) -> None:
    app = make_app(trusted_proxies=1)
    assert browser.call(app, "/user/register", LOGIN, **HTTPS) == 200
    assert {name[:7] for name in browser.jar} == {"__Host-"}
    assert browser.call(app, login, LOGIN, **HTTP) == 200
    assert browser.is_logged_in(app, **HTTP)
    assert browser.is_logged_in(app, **HTTPS)
    assert browser.call(app, "/user/logout", {}, **HTTPS) == 200
    assert browser.is_logged_in(app, **HTTP)


def test_over_https_only_the_cookie_that_was_set_there_counts(make_app: MakeApp, browser: Browser) -> None:
    app = make_app(trusted_proxies=1)
    browser.call(app, "/user/register", LOGIN, **HTTP)
    assert browser.is_logged_in(app, **HTTP)
    assert not browser.is_logged_in(app, **HTTPS)  # attackers on the network can set a cookie for http


def test_an_upgrade_keeps_all_sessions(make_app: MakeApp, browser: Browser) -> None:
    app = make_app()
    _as_before_the_upgrade(app, browser)
    assert browser.is_logged_in(app)
    assert browser.call(app, "/user/login", LOGIN) == 200
    assert OLD_COOKIE not in browser.jar
    assert browser.is_logged_in(app)


def test_logging_out_leaves_no_old_cookie(make_app: MakeApp, browser: Browser) -> None:
    app = make_app()
    _as_before_the_upgrade(app, browser)
    assert browser.call(app, "/user/logout", {}) == 200
    assert browser.jar == {}


def test_an_older_installation_on_the_same_host_keeps_its_cookie(make_app: MakeApp, browser: Browser) -> None:
    older, app = make_app(secret_key=SECRET[::-1]), make_app()
    _as_before_the_upgrade(older, browser)
    assert browser.call(app, "/user/login", LOGIN) == 200
    assert browser.call(app, "/user/logout", {}) == 200
    assert browser.is_logged_in(older)


def _as_before_the_upgrade(app: Flask, browser: Browser) -> None:
    """Alice is logged in, by a cookie as versions up to 0.1 set it."""
    browser.call(app, "/user/register", LOGIN)
    [(name, kept)] = [each for each in browser.jar.items() if "session" in each[0]]
    browser.jar = {OLD_COOKIE: kept}
    assert name != OLD_COOKIE
