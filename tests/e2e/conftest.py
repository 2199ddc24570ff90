"""A real server, a real browser, and users."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.real_server import BIN, ROOT
from tests.real_server import Server as GunicornServer

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse"

expect.set_options(timeout=25_000)


class Server(GunicornServer):
    """A real gunicorn with a database created by the real command; it keeps port and data across restarts."""

    def migrate(self) -> None:
        command = [str(BIN / "flask"), "--app", "wsgi", "db", "upgrade"]
        environment = os.environ | {"CHAT_INSTANCE_PATH": str(self.home)}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)

    @property
    def is_up(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def restart(self) -> None:
        self.stop()
        self.start()


class Client:
    """A user's client over plain HTTP."""

    def __init__(self, url: str, name: str, password: str | None = None) -> None:
        """Register a new user, or log in an existing one by the password."""
        self.name = name
        self._url = url
        self._session = requests.Session()
        self.post("/user/login" if password else "/user/register", username=name, password=password or PASSWORD)

    def close(self) -> None:
        self._session.close()

    def post(self, path: str, **body: Any) -> Any:
        answer = self._session.post(self._url + path, json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        answer = self._session.get(self._url + path, params=query, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def say(self, text: str, room: str = "public") -> None:
        self.post("/chat/send", roomname=room, new_message={"type": "text", "content": text})

    def show(self, base64: str, room: str = "public") -> None:
        self.post("/chat/send", roomname=room, new_message={"type": "img", "content": base64})

    def texts(self, room: str = "public") -> list[str]:
        return [
            m["content"] for m in self.get("/chat/history", roomname=room, limit=500)["messages"] if m["type"] == "text"
        ]


class People:
    """Creates users, each in their own browser context, and collects errors in their pages."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self._browser = browser
        self._server = server
        self._contexts: list[BrowserContext] = []
        self._clients: list[Client] = []
        self._problems: list[str] = []
        self.may_lose_network = False

    def page(self, user: str | None = None, **options: Any) -> Page:
        """Open the page in a new browser context, for a visitor or a new logged-in user."""
        options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US"} | options
        context = self._browser.new_context(base_url=self._server.url, **options)
        self._contexts.append(context)
        if user is not None:
            answer = context.request.post("/user/register", data={"username": user, "password": PASSWORD})
            assert answer.ok, answer.text()
        page = context.new_page()
        self.watch(page)
        page.goto("/")
        return page

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self._problems.append(f"page error: {error}"))
        page.on("console", lambda message: self._console(message.type, message.text))

    def join(self, name: str, **options: Any) -> Page:
        """Create a user who sees the lobby."""
        page = self.page(user=name, **options)
        expect(page.locator("#my-name")).to_have_text(name)
        page.wait_for_selector("body[data-connection=online]")
        return page

    def client(self, name: str, password: str | None = None) -> Client:
        self._clients.append(Client(self._server.url, name, password))
        return self._clients[-1]

    def finish(self) -> None:
        for client in self._clients:
            client.close()
        for context in self._contexts:
            context.close()
        assert not self._problems, "\n".join(self._problems)

    def _console(self, kind: str, text: str) -> None:
        if kind != "error":
            return
        # Browsers log every refused request; the page shows these, and the tests look there.
        if text.startswith("Failed to load resource: the server responded with a status of 4"):
            return
        if self.may_lose_network and text.startswith("Failed to load resource: net::"):
            return
        self._problems.append(f"console: {text}")


def find_browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = find_browser()
    if found is None:
        reason = f"no browser: none of {', '.join(BROWSERS)} is on PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=BROWSER_FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("instance"))
    server.migrate()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """One server for all tests; every test has users and rooms of its own. One that stops it may leave it stopped."""
    yield shared_server
    if not shared_server.is_up:
        shared_server.start()


@pytest.fixture
def people(browser: Browser, server: Server) -> Iterator[People]:
    gathered = People(browser, server)
    yield gathered
    gathered.finish()


@pytest.fixture
def name() -> Callable[[str], str]:
    """Names that no other test has."""
    tag = secrets.token_hex(3)
    return lambda stem: f"{stem}-{tag}"
