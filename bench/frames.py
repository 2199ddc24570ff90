"""Frames of the page in Chromium, in a room with 5,000 loaded messages, while 20 messages a second arrive."""

import contextlib
import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import quote

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from bench import report
from bench.cpu import descendants
from bench.ledger import percentile
from bench.long_room import ROOM, LongRoom
from bench.searching import ask
from bench.servers import CORES, SERVER_CORE, Commonroom
from tests.browser import BROWSERS, FLAGS, find_browser

MESSAGES, SENDERS, A_SECOND, SECONDS = 5000, 4, 20, 20
MARK_MS, MOST_IN_DOCUMENT = 50.0, 200
SIZE = {"width": 1280, "height": 800}
_FIRST, _LAST = -20, -12  # niceness of Chromium, and of server and senders: before all else on the machine
_STEP_MS, _WHEEL_PX = 50, 400
_CATEGORIES = [f"{kind}devtools.timeline{part}" for kind in ("", "disabled-by-default-") for part in ("", ".frame")]
_TEXTS = (
    "Who has the second page of the worksheet?",
    "I think it is the one with the drawing of the pulley, **not** the one with the lever. See `page 12` of the book, "
    "where the forces are drawn as arrows, and compare the lengths of both.",
    "Yes",
    "This helped me: https://example.org/physics/pulleys?page=12 (in the library, too)",
    "My result:\n- force: 12 N\n- distance: 3 m\n- work: 36 J",
    "```python\nfor mass in masses:\n    print(mass * 9.81)\n```",
)
# Runs in the page: the time between two frames, and the browser's own list of long tasks.
_WATCH = """() => {
    const seen = (globalThis.seen = { gaps: [], longTasks: 0, last: null });
    new PerformanceObserver((list) => (seen.longTasks += list.getEntries().length)).observe({ type: "longtask" });
    const frame = (now) => {
        if (seen.last !== null) seen.gaps.push(now - seen.last);
        seen.last = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}"""
_TAKE = """() => {
    const { gaps, longTasks } = seen;
    Object.assign(seen, { gaps: [], longTasks: 0, last: null });
    return { gaps, longTasks };
}"""


class Work(NamedTuple):
    """The main thread's work for one frame, in ms."""

    wall: float  # with the time in which it waits for a core or the compositor
    cpu: float  # the cost of the frame

    @property
    def is_late(self) -> bool:
        return self.wall > MARK_MS

    def __str__(self) -> str:
        return f"{self.wall:.1f} / {self.cpu:.1f}"


@dataclass
class Phase:
    """Measurements while messages arrived."""

    what: str
    works: list[Work] = field(default_factory=list)  # of each frame
    gaps: list[float] = field(default_factory=list)  # ms between two frames
    cpu_ms: float = 0.0  # of the main thread
    long_tasks: int = 0  # of over 50 ms, as the browser counts them
    messages: int = 0
    most: int = 0  # messages in the document at a time

    @property
    def late(self) -> list[Work]:
        """The frames over the mark, in wall time."""
        return [work for work in self.works if work.is_late]

    def row(self) -> list[str]:
        walls, cpus = ([int(ms * 1e6) for ms in each] for each in zip(*self.works, strict=True))
        shares = [Work(percentile(walls, share), percentile(cpus, share)) for share in (0.5, 0.95, 0.99, 1)]
        costly = sum(work.cpu > MARK_MS for work in self.works)
        gap = max(self.gaps, default=0.0)
        counts = [
            f"{len(self.late)} / {costly}",
            str(self.long_tasks),
            f"{gap:.0f}",
            f"{self.cpu_ms / max(1, self.messages):.1f}",
        ]
        return [self.what, str(len(self.works)), *map(str, shares), *counts, str(self.most)]


@dataclass
class Frames:
    phases: list[Phase]
    loaded_s: float  # to load MESSAGES messages by scrolling back

    @property
    def is_met(self) -> bool:
        return all(not phase.late and phase.most <= MOST_IN_DOCUMENT for phase in self.phases)

    def text(self) -> str:
        """Return the figures as Markdown."""
        heads = (
            "the user",
            "frames",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "max ms",
            f"over {MARK_MS:.0f} ms",
            "long tasks",
        )
        heads = (*heads, "longest gap ms", "CPU ms a message", "messages in the document")
        lines = [" | ".join(cells) for cells in (heads, ["---"] * len(heads), *(phase.row() for phase in self.phases))]
        table = "\n".join(f"| {line} |" for line in lines)
        late = ", ".join(str(work) for phase in self.phases for work in phase.late) or "none"
        return f"""Machine: {report.machine()}. Chromium has no GPU, and both cores. It goes before the
server and the senders, which share one of them: a pupil's machine has neither.

A window of {SIZE["width"]} x {SIZE["height"]} shows a room with {MESSAGES:,} messages. The page has loaded all of them,
by scrolling back, in {self.loaded_s:.0f} s. For each row, {A_SECOND} messages a second arrive for {SECONDS} s. A frame:
the work of the main thread since the last frame (script, style, layout, painting), from Chromium's trace: wall time /
CPU time. A frame over the mark in wall time and not in CPU time waited for a core or the compositor.
Marks: {MARK_MS:.0f} ms a frame, {MOST_IN_DOCUMENT} messages in the document. Long tasks: of over 50 ms, as the browser
counts them.

{table}

Frames over the mark, ms: {late}.
"""


def frames() -> Frames:
    """Measure a reader above the end, one who scrolls, and one at the end."""
    with LongRoom(SENDERS, MESSAGES, _text) as server, sync_playwright() as playwright:
        browser = _launch(playwright)
        try:
            page = _open(browser, server)
            began = time.monotonic()
            _load_all(page)
            loaded_s = time.monotonic() - began
            page.evaluate(_WATCH)
            senders = _Senders(server)
            phases = [
                _phase(browser, page, senders, "reads above the end", lambda _: None),
                _phase(browser, page, senders, "scrolls down and up", lambda step: _scroll(page, step)),
            ]
            page.locator("#jump").click()
            phases.append(_phase(browser, page, senders, "is at the end", lambda _: None))
            page.locator("#log .message", has_text=f"no. {senders.number - 1}:").wait_for()
        finally:
            browser.close()
    return Frames(phases, loaded_s)


def _launch(playwright: Playwright) -> Browser:
    """Start Chromium, which goes before all else: a pupil's machine has no server, and no other senders."""
    os.sched_setaffinity(0, CORES)
    browser = playwright.chromium.launch(executable_path=_browser(), args=FLAGS)
    os.sched_setaffinity(0, {SERVER_CORE})
    for pid in descendants(os.getpid()):
        _prefer(pid, _FIRST if "chrom" in Path(f"/proc/{pid}/comm").read_text() else _LAST)
    return browser


def _prefer(pid: int, niceness: int) -> None:
    """Set the niceness of a process and of its session: Linux shares the CPU among sessions first (autogroups)."""
    with contextlib.suppress(OSError):  # to be preferred takes root
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))


def _browser() -> str:
    found = find_browser(has_windows=True)
    if found is None:
        raise SystemExit(f"no browser: none of {', '.join(BROWSERS)} is on PATH (scripts/chromium installs one)")
    return found


def _text(number: int) -> str:
    return f"no. {number}: {_TEXTS[number % len(_TEXTS)]}"


def _open(browser: Browser, server: Commonroom) -> Page:
    context = browser.new_context(base_url=f"http://127.0.0.1:{server.port}", viewport=SIZE, locale="en-US")
    reader = {"username": "reader", "password": "secret of the reader"}
    for path, body in (("/user/register", reader), ("/room/join", {"roomname": ROOM})):
        answer = context.request.post(path, data=body)
        if not answer.ok:
            raise RuntimeError(answer.text())
    page = context.new_page()
    page.goto(f"/#{quote(ROOM)}")
    page.locator("#log .message").first.wait_for()
    return page


def _load_all(page: Page) -> None:
    """Scroll back to the room's beginning."""
    while not page.locator(".log-head", has_text="begins").count():
        page.evaluate("document.getElementById('log').scrollTop = 0")
        page.wait_for_timeout(20)
    page.evaluate("(log) => (log.scrollTop = log.scrollHeight / 2)", page.locator("#log").element_handle())


def _scroll(page: Page, step: int) -> None:
    half = SECONDS * 1000 // _STEP_MS // 2
    page.mouse.move(SIZE["width"] / 2, SIZE["height"] / 2)
    page.mouse.wheel(0, _WHEEL_PX if step < half else -_WHEEL_PX)


class _Senders:
    """Sends A_SECOND messages a second, by members in turns."""

    def __init__(self, server: Commonroom) -> None:
        self._tokens = server.tokens[ROOM]
        self._port = server.port
        self.number = MESSAGES  # of the next message
        self.failure = ""

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self._run)
        thread.start()
        return thread

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        began = time.monotonic()
        try:
            for count in range(A_SECOND * SECONDS):
                time.sleep(max(0.0, began + count / A_SECOND - time.monotonic()))
                text = {"type": "text", "content": _text(self.number)}
                body = json.dumps({"roomname": ROOM, "new_message": text})
                ask(connection, self._tokens[self.number // 3 % SENDERS], "POST", "/chat/send", body)
                self.number += 1
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.failure = repr(error)
        finally:
            connection.close()


def _phase(browser: Browser, page: Page, senders: _Senders, what: str, act: Callable[[int], None]) -> Phase:
    phase = Phase(what)
    before = senders.number
    page.evaluate(_TAKE)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        browser.start_tracing(page=page, path=path, categories=_CATEGORIES)
        sending = senders.start()
        for step in range(SECONDS * 1000 // _STEP_MS):
            act(step)
            if step % (1000 // _STEP_MS) == 0:
                phase.most = max(phase.most, page.locator("#log .message").count())
            page.wait_for_timeout(_STEP_MS)
        sending.join()
        browser.stop_tracing()
        events = json.loads(path.read_bytes())["traceEvents"]
    if senders.failure:
        raise RuntimeError(senders.failure)
    phase.messages = senders.number - before
    seen = page.evaluate(_TAKE)
    phase.gaps, phase.long_tasks = seen["gaps"], seen["longTasks"]
    tasks = list(_main_tasks(events))
    phase.cpu_ms = sum(task.get("tdur", 0) for task in tasks) / 1000
    phase.works = list(_works(tasks, events))
    return phase


def _main_tasks(events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the tasks of the page's main thread in their order: those of the busiest renderer."""
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    by_thread: dict[tuple[int, int], list[dict[str, Any]]] = {thread: [] for thread in mains}
    for event in events:
        if event["name"] == "RunTask" and event.get("ph") == "X" and (event["pid"], event["tid"]) in by_thread:
            by_thread[event["pid"], event["tid"]].append(event)
    busiest = max(by_thread.values(), key=lambda tasks: sum(task["dur"] for task in tasks))
    yield from sorted(busiest, key=lambda task: task["ts"])


def _works(tasks: list[dict[str, Any]], events: list[dict[str, Any]]) -> Iterator[Work]:
    """Yield for each frame the tasks since the one before; the task in which a frame begins draws it."""
    thread = tasks[0]["pid"], tasks[0]["tid"]
    begins = sorted(
        event["ts"]
        for event in events
        if event["name"] == "BeginMainThreadFrame" and (event["pid"], event["tid"]) == thread
    )
    at, wall, cpu = 0, 0.0, 0.0
    for task in tasks:
        wall += task["dur"] / 1000
        cpu += task.get("tdur", 0) / 1000
        end = task["ts"] + task["dur"]
        if at < len(begins) and begins[at] <= end:
            while at < len(begins) and begins[at] <= end:
                at += 1
            yield Work(wall, cpu)
            wall = cpu = 0.0


if __name__ == "__main__":
    print(frames().text())  # noqa: T201
