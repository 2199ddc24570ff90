"""The browser examples of the guides in docs/protocols, as pages from another origin."""

import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import Server
from tests.real_server import ROOT


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
def live(make_server: Callable[..., Server], elsewhere: str) -> Iterator[Server]:
    server = make_server(CHAT_CORS_ORIGINS=elsewhere)
    yield server
    server.kill()


@pytest.fixture
def people(browser: Browser) -> Iterator[list[Page]]:
    """Two browsers' pages; no script of theirs may fail."""
    problems: list[str] = []
    contexts = [browser.new_context() for _ in range(2)]
    pages = [context.new_page() for context in contexts]
    for page in pages:
        page.on("pageerror", lambda error: problems.append(str(error)))
    yield pages
    for context in contexts:
        context.close()
    assert problems == []


def test_realtime(people: list[Page], live: Server, elsewhere: str, tmp_path: Path) -> None:
    _write_example("realtime", live, tmp_path)
    alice, bob = people
    _enter(alice, elsewhere, "alice")
    _say(alice, "anyone?")
    expect(_lines(alice)).to_have_text(["me: anyone?"])  # arrivals are announced to members only
    _enter(bob, elsewhere, "bob")
    expect(_lines(alice)).to_have_text(["me: anyone?", "bob came"])
    _say(alice, "hello <b>bob</b>")
    expect(_lines(bob)).to_have_count(1)
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


def test_roomapi(people: list[Page], live: Server, elsewhere: str, tmp_path: Path) -> None:
    _write_example("roomapi", live, tmp_path)
    alice, bob = people
    _enter(alice, elsewhere, "alice")
    _enter(bob, elsewhere, "bob")
    said = ["alice: hello <b>bob</b>", "bob: 你好"]
    _say(alice, "hello <b>bob</b>")
    expect(_lines(bob)).to_have_text(said[:1])
    _say(bob, "你好")
    expect(_lines(alice)).to_have_text(said)
    live.stop()
    bob.context.set_offline(True)  # so that he is not back before alice speaks
    for text in ("are you there?", "x" * 4001, "hello?", "hello?"):
        _say(bob, text)
    live.start()
    _say(alice, "back again")
    said.append("alice: back again")
    expect(_lines(alice)).to_have_text(said, timeout=20_000)
    bob.context.set_offline(False)
    too_long = f"not sent: {'x' * 4001} (消息过长，最多 4000 个字符)"
    expect(_lines(bob)).to_have_text([*said, "bob: are you there?", too_long, *["bob: hello?"] * 2], timeout=20_000)
    expect(_lines(alice)).to_have_text([*said, "bob: are you there?", *["bob: hello?"] * 2])


def _write_example(guide: str, live: Server, folder: Path) -> None:
    text = (ROOT / f"docs/protocols/{guide}.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```html\n(.*?)^```", text, re.M | re.S)
    (folder / "room.html").write_text(example.replace("http://localhost:8000", live.url), encoding="utf-8")


def _enter(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/room.html")
    page.get_by_placeholder("name").fill(name)
    page.get_by_placeholder("password").fill("secret1")
    page.get_by_role("button", name="Enter").click()


def _say(page: Page, text: str) -> None:
    page.locator("[name=msg]").fill(text)
    page.get_by_role("button", name="Send").click()


def _lines(page: Page) -> Locator:
    return page.locator("#said li")
