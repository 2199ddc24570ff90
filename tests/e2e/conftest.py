"""A real server, a real browser, and users."""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from tests.browser import BROWSERS, FLAGS, find_browser
from tests.databases import Databases
from tests.e2e.client import PASSWORD as PASSWORD
from tests.e2e.client import Client as Client
from tests.e2e.school import School
from tests.real_server import Server as GunicornServer
from tests.real_server import Servers

INSECURE_HOST = "chat.test"  # this machine too; unlike 127.0.0.1, browsers do not trust it without https
BROWSER_FLAGS = [*FLAGS, f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1"]

expect.set_options(timeout=25_000)


class Server(GunicornServer):
    """A real gunicorn; it keeps port and data across restarts."""

    def migrate(self) -> None:
        self.flask("db", "upgrade")

    @property
    def is_up(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def restart(self) -> None:
        self.stop()
        self.start()


# Without transitions, which take CPU, and in which colours are neither the old nor the new ones.
USUAL: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", "reduced_motion": "reduce"}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Problems:
    """Errors in pages."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self._found.append(f"page error: {error}"))
        page.on("console", lambda message: self._console(message.type, message.text))

    def _console(self, kind: str, text: str) -> None:
        # Browsers log every refused request; the page shows these, and the tests look there.
        if kind == "error" and not text.startswith("Failed to load resource: the server responded with a status of 4"):
            self._found.append(f"console: {text}")

    def take(self, *, may_lose_network: bool) -> list[str]:
        """Those since the last call."""
        found = [each for each in self._found if not (may_lose_network and "Failed to load resource: net::" in each)]
        self._found.clear()
        return found


# After all that the page does when it is left: a document's visibilitychange comes behind pagehide.
FORGETS_WHEN_LEFT = """() => {
    const forget = () => { localStorage.clear(); sessionStorage.clear(); };
    addEventListener("pagehide", forget);
    document.addEventListener("visibilitychange", forget);
}"""


class Desk:
    """A browser context with a page."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self._url = url
        self.context: BrowserContext = browser.new_context(base_url=url, **USUAL | options)
        self.page = self.context.new_page()
        self.problems = Problems()
        self.problems.watch(self.page)

    def post(self, path: str, **body: Any) -> None:
        """Send a request as the page's user."""
        answer = self.context.request.post(path, data=body)
        assert answer.ok, answer.text()

    def clear(self) -> bool:
        """Remove everything of a user; False where that is not possible."""
        if self.page.is_closed():
            return False
        others = [page for page in self.context.pages if page is not self.page]
        for page in others:
            page.close()
        self.page.unroute_all()
        self.context.unroute_all()
        self.page.mouse.move(0, 0)
        self.page.set_viewport_size(USUAL["viewport"])
        self.context.clear_cookies()
        try:
            if others or not self.page.url.startswith(f"{self._url}/"):
                self.page.goto("/healthz")  # storage can be cleared here alone
            self.page.evaluate(FORGETS_WHEN_LEFT)
            self.page.goto("about:blank")  # takes half the CPU of a page of the server
            self.context.clear_cookies()
        except Error:  # the server is down
            return False
        return True


class Desks:
    """Desks with the usual options, for one test after another: to open one takes longer than most tests."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._make = partial(Desk, browser, url)
        self._free: list[Desk] = []

    def take(self) -> Desk:
        return self._free.pop() if self._free else self._make()

    def make(self, **options: Any) -> Desk:
        return self._make(**options)

    def give_back(self, desk: Desk) -> None:
        if desk.clear():
            self._free.append(desk)
        else:
            desk.context.close()

    def close(self) -> None:
        for desk in self._free:
            desk.context.close()


class People:
    """Creates users, each in their own browser context, and collects errors in their pages."""

    def __init__(self, browser: Browser, server: GunicornServer, desks: Desks | None = None) -> None:
        self._desks = desks or Desks(browser, server.url)
        self._server = server
        self._used: list[Desk] = []
        self._own: list[Desk] = []
        self._clients: list[Client] = []
        self._problems = Problems()
        self.may_lose_network = False

    def page(
        self,
        user: str | None = None,
        *,
        room: str = "",
        joins: Sequence[str] = (),
        is_teacher: bool = False,
        is_known: bool = False,
        at: str = "",
        is_altered: bool = False,
        **options: Any,
    ) -> Page:
        """Open the page in a browser context, for a visitor or a new logged-in user, in a new room of theirs if named.

        joins: rooms of others, the first of which shows. at: another address than the chat's.
        is_known: the user exists, and logs in.
        is_altered: the test leaves traces in the page that a new address does not remove, such as another clock.
        """
        if is_altered or options.keys() - {"viewport"}:
            desk = self._desks.make(**options)
            self._own.append(desk)
        else:
            desk = self._desks.take()
            self._used.append(desk)
            if options:
                desk.page.set_viewport_size(options["viewport"])
        if user is not None:
            desk.post("/user/login" if is_known else "/user/register", username=user, password=PASSWORD)
            if is_teacher:
                self._server.flask("chat", "teacher", user)
        for joined in joins:
            desk.post("/room/join", roomname=joined)
        if room:
            desk.post("/room/create", roomname=room)
        desk.page.goto(at or f"/#{room or ''.join(joins[:1])}".removesuffix("#"))
        return desk.page

    def watch(self, page: Page) -> None:
        """Collect the errors of a page that the test has opened."""
        self._problems.watch(page)

    def join(self, name: str, **options: Any) -> Page:
        """Create a user who sees the lobby, or a new room."""
        page = self.page(user=name, **options)
        expect(page.locator("#my-name")).to_have_text(name)
        expect(page.locator("body")).to_have_attribute("data-connection", "online")
        return page

    def client(self, name: str, password: str | None = None) -> Client:
        self._clients.append(Client(self._server.url, name, password))
        return self._clients[-1]

    def finish(self) -> None:
        for client in self._clients:
            client.close()
        for desk in self._own:
            desk.context.close()
        watched = [self._problems, *(desk.problems for desk in self._own + self._used)]
        problems = [each for one in watched for each in one.take(may_lose_network=self.may_lose_network)]
        for desk in self._used:
            self._desks.give_back(desk)
            desk.problems.take(may_lose_network=True)
        assert not problems, "\n".join(problems)


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
def make_server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Start servers on databases of their own."""
    servers = Servers(Server, lambda: databases.filled(tmp_path_factory.mktemp("instance"), "sqlite"))
    yield servers.start
    servers.kill()


@pytest.fixture(scope="session")
def shared_server(make_server: Callable[..., Server]) -> Server:
    return make_server()


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """One server for all tests; every test has users and rooms of its own. One that stops it may leave it stopped."""
    yield shared_server
    if not shared_server.is_up:
        shared_server.start()


@pytest.fixture(scope="session")
def desks(browser: Browser, shared_server: Server) -> Desks:
    return Desks(browser, shared_server.url)


@pytest.fixture
def people(browser: Browser, desks: Desks, server: Server) -> Iterator[People]:
    gathered = People(browser, server, desks)
    yield gathered
    gathered.finish()


@pytest.fixture(scope="session")
def school(make_server: Callable[..., Server]) -> Iterator[School]:
    found = School(make_server())
    yield found
    found.close()


@pytest.fixture
def guests(browser: Browser, school: School) -> Iterator[People]:
    """People at the server of the school."""
    gathered = People(browser, school.server)
    yield gathered
    gathered.finish()


@pytest.fixture(scope="module")
def page(browser: Browser, shared_server: Server) -> Iterator[Page]:
    """A page of a visitor, for tests of its modules."""
    context = browser.new_context(base_url=shared_server.url, locale="en-US")
    opened = context.new_page()
    opened.goto("/")
    yield opened
    context.close()


@pytest.fixture
def name() -> Callable[[str], str]:
    """Names that no other test has."""
    tag = secrets.token_hex(3)
    return lambda stem: f"{stem}-{tag}"
