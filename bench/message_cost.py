"""CPU of the page for a message that arrives, by how many messages are in the document."""

import http.client
import json
import statistics
import time
from dataclasses import dataclass
from urllib.parse import quote

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from bench import report
from bench.searching import ask
from bench.servers import Commonroom
from tests.browser import BROWSERS, FLAGS, find_browser

SHOWN = (50, 100, 200)  # in the document, at the beginning
SENDERS, A_SECOND, COUNT, ROUNDS = 4, 20, 80, 3
MOST_TIMES = 1.5  # as much with the most messages as with the fewest
_SIZE = {"width": 1280, "height": 800}
_PARTS = {"script": "ScriptDuration", "style": "RecalcStyleDuration", "layout": "LayoutDuration", "all": "TaskDuration"}
_SETTLED_MS = 2000
_TEXT = "{}, no. {}: compare the lengths of **both** arrows on `page 12`, and see https://example.org/physics?page=12"


@dataclass
class Cost:
    """CPU of the main thread for a message, in ms, by part; the median of the rounds."""

    shown: int
    parts: dict[str, float]


@dataclass
class Costs:
    costs: list[Cost]

    @property
    def times(self) -> float:
        return self.costs[-1].parts["all"] / self.costs[0].parts["all"]

    @property
    def is_met(self) -> bool:
        return self.times <= MOST_TIMES

    def text(self) -> str:
        """Return the figures as Markdown."""
        heads = ("messages in the document", *(f"{part} ms" for part in _PARTS))
        rows = [[str(cost.shown), *(f"{cost.parts[part]:.2f}" for part in _PARTS)] for cost in self.costs]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows))
        return f"""Machine: {report.machine()}. Chromium has no GPU.

A page of {_SIZE["width"]} x {_SIZE["height"]} is at the end of a room, with so many messages in the document, while
{COUNT} more arrive, {A_SECOND} a second. CPU of the main thread for each of these, as Chromium counts it
(`Performance.getMetrics`); the median of {ROUNDS} rounds in turns. With {SHOWN[-1]}, the page removes a message for
each that comes.

{table}

With {SHOWN[-1]} messages {self.times:.2f} times as much as with {SHOWN[0]} (mark: {MOST_TIMES}).
"""


def message_cost() -> Costs:
    """Measure the page with few and with many messages, in turns."""
    found: dict[int, list[dict[str, float]]] = {shown: [] for shown in SHOWN}
    with Commonroom(len(SHOWN), SENDERS) as server, sync_playwright() as playwright:
        program = find_browser()
        if program is None:
            raise SystemExit(f"no browser: none of {', '.join(BROWSERS)} is on PATH (scripts/chromium installs one)")
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            page = _log_in(browser, server)
            for shown, room in zip(SHOWN, server.tokens, strict=True):
                _send(server, room, "first", shown, a_second=200)
            for number in range(ROUNDS):
                for shown, room in zip(SHOWN, server.tokens, strict=True):
                    _open(page, room, shown)
                    found[shown].append(_measure(page, server, room, f"round {number}"))
        finally:
            browser.close()
    medians = (
        Cost(shown, {part: statistics.median(each[part] for each in rounds) for part in _PARTS})
        for shown, rounds in found.items()
    )
    return Costs(list(medians))


def _log_in(browser: Browser, server: Commonroom) -> Page:
    context = browser.new_context(base_url=f"http://127.0.0.1:{server.port}", viewport=_SIZE, locale="en-US")
    requests = [("/user/register", {"username": "reader", "password": "secret of the reader"})]
    requests += [("/room/join", {"roomname": room}) for room in server.tokens]
    for path, body in requests:
        answer = context.request.post(path, data=body)
        if not answer.ok:
            raise RuntimeError(answer.text())
    return context.new_page()


def _open(page: Page, room: str, shown: int) -> None:
    """Open a room again, load so many messages by scrolling back, and go to the end."""
    page.goto("about:blank")
    page.goto(f"/#{quote(room)}")
    messages = page.locator("#log .message")
    messages.first.wait_for()
    while (count := messages.count()) < shown:
        page.evaluate("document.getElementById('log').scrollTop = 0")
        page.wait_for_function("(count) => document.querySelectorAll('#log .message').length > count", arg=count)
    page.evaluate("(log) => (log.scrollTop = log.scrollHeight)", page.locator("#log").element_handle())
    page.wait_for_timeout(_SETTLED_MS)
    if messages.count() != shown:
        raise RuntimeError(f"{messages.count()} messages in the document, not {shown}")


def _measure(page: Page, server: Commonroom, room: str, title: str) -> dict[str, float]:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _metrics(session)
    last = _send(server, room, title, COUNT, a_second=A_SECOND)
    # Not by a locator, which would read all messages in the page.
    page.wait_for_function(
        "(last) => document.getElementById('log').lastElementChild.textContent.includes(last)", arg=last
    )
    page.wait_for_timeout(_SETTLED_MS // 4)
    after = _metrics(session)
    session.detach()
    return {part: (after[name] - before[name]) * 1000 / COUNT for part, name in _PARTS.items()}


def _metrics(session: CDPSession) -> dict[str, float]:
    return {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}


def _send(server: Commonroom, room: str, title: str, count: int, a_second: float) -> str:
    """Send messages by the members in turns, and return a part of the last message's text."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    began = time.monotonic()
    number = 0
    try:
        for number in range(count):
            time.sleep(max(0.0, began + number / a_second - time.monotonic()))
            text = {"type": "text", "content": _TEXT.format(title, number)}
            token = server.tokens[room][number // 3 % SENDERS]
            ask(connection, token, "POST", "/chat/send", json.dumps({"roomname": room, "new_message": text}))
    finally:
        connection.close()
    return f"{title}, no. {number}:"
