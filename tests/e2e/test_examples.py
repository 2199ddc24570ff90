"""The browser example of docs/protocols/realtime.md, as a page from another origin."""

import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import Server
from tests.server import ROOT


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """Serves the test's folder; its address."""
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path)))
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    web.server_close()


@pytest.fixture
def live(tmp_path_factory: pytest.TempPathFactory, elsewhere: str) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("instance"), env={"CHAT_CORS_ORIGINS": elsewhere})
    server.migrate()
    server.start()
    yield server
    server.kill()


def test_two_people_talk_and_outlive_a_restart(browser: Browser, live: Server, elsewhere: str, tmp_path: Path) -> None:
    text = (ROOT / "docs/protocols/realtime.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```html\n(.*?)^```", text, re.M | re.S)
    (tmp_path / "room.html").write_text(example.replace("http://localhost:8000", live.url), encoding="utf-8")
    problems: list[str] = []
    contexts = [browser.new_context() for _ in range(2)]
    alice, bob = (_enter(context.new_page(), elsewhere, name, problems.append) for context, name in
                  zip(contexts, ("alice", "bob"), strict=True))  # fmt: skip
    expect(_lines(alice)).to_have_text(["bob came"])
    _say(alice, "hello <b>bob</b>")
    _say(bob, "你好")
    expect(alice.get_by_text("bob: 你好")).to_have_count(1)
    expect(alice.get_by_text("me: hello <b>bob</b>")).to_have_count(1)
    expect(_lines(bob)).to_have_text(["alice: hello <b>bob</b>", "me: 你好"])
    live.stop()
    _say(bob, "are you there?")
    live.start()
    expect(bob.get_by_text("me: are you there?")).to_have_count(1)
    _say(alice, "back again")
    expect(alice.get_by_text("me: back again")).to_have_count(1)
    _say(bob, "so am I")  # both are back by now
    expect(alice.get_by_text("bob: so am I")).to_have_count(1)
    for context in contexts:
        context.close()
    assert problems == []


def _enter(page: Page, address: str, name: str, note: Callable[[str], None]) -> Page:
    page.on("pageerror", lambda error: note(str(error)))
    page.goto(f"{address}/room.html")
    page.get_by_placeholder("name").fill(name)
    page.get_by_placeholder("password").fill("secret1")
    with page.expect_websocket() as opened:
        page.get_by_role("button", name="Enter").click()
    opened.value.wait_for_event("framesent")
    return page


def _say(page: Page, text: str) -> None:
    page.locator("[name=msg]").fill(text)
    page.get_by_role("button", name="Send").click()


def _lines(page: Page) -> Locator:
    return page.locator("#said li")
