"""How long `/chat/search` takes in a big database, by kinds of queries."""

import http.client
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from bench import report, sections
from bench.growth import P95_MARK, Address, GrownCommonroom, measured
from bench.growth_data import BUSY, LOBBY, messages
from bench.searching import ask
from bench.servers import core_seconds

TIMES = 100  # each query
LIMIT = 50  # hits that the page asks for


@dataclass
class Finding:
    messages: int
    queries: list[Address]
    others: float  # the server core's share used by other programs

    @property
    def is_met(self) -> bool:
        return all(query.is_met for query in self.queries)

    def text(self) -> str:
        """Return the figures as Markdown."""
        return f"""Machine: {report.machine()}.

`GET /chat/search` with limit={LIMIT} by a member of all rooms, {TIMES} times each, one after the other, on one
connection, to a server with one worker and {self.messages:,} messages on SQLite. CPU: of all of the server's processes,
the mean of these requests. Mark: {P95_MARK:.0f} ms at p95. Other programs took {self.others:.0%} of the
server's core meanwhile.

{report.growth_table(self.queries)}"""


def finding(scale: float, data: Path | None = None) -> Finding:
    """Ask each kind of query of a server with that much of the full database, made before or now."""
    count = messages(scale)
    with GrownCommonroom(scale, data) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)

        def searching(query: dict[str, str]) -> Callable[[], bytes]:
            path = "/chat/search?" + urlencode({"limit": str(LIMIT), **query})
            return lambda: ask(connection, server.tokens["teacher"], "GET", path, None)

        core, own = core_seconds(), server.cpu_seconds()
        done = []
        try:
            for what, query in _queries(count).items():
                what += ": " + " in ".join(query.values())
                done.append(measured(server, what, searching(query), lambda answer: len(answer["messages"]), TIMES))
        finally:
            connection.close()
        own, core = server.cpu_seconds() - own, core_seconds() - core
        took = sum(query.p50 for query in done) * TIMES / 1000
    return Finding(count, done, max(0.0, core - own) / max(took, 0.1))


def write(path: Path, found: Finding) -> None:
    """Write the section on search of the page; all else in it is kept."""
    sections.write(path, "Search", found.text())


def _queries(count: int) -> dict[str, dict[str, str]]:
    """Return the words to search for, by the kind of the query; the texts are those of bench.growth_data."""
    number = str(count * 73 // 100 + 1234)
    busy = f"physics {LOBBY + BUSY // 2}"
    return {
        "a common word": {"q": "physics"},
        "an absent word": {"q": "nowhere"},
        "two common words": {"q": "message physics"},
        "a rare word": {"q": number},
        "common and rare": {"q": f"message {number}"},
        "three common words and a rare one": {"q": f"message about physics {number}"},
        "common and absent": {"q": f"physics {10 * count - 1}"},
        "common, and rare of common parts": {"q": "message about physics 777777"},
        "an absent phrase of common words": {"q": '"physics message"'},
        "a common term of one character": {"q": "e"},
        "a common term of two characters": {"q": "me"},
        "an absent term of two characters": {"q": "作业"},
        "common and rare, in the lobby": {"q": f"message {number}", "roomname": "public"},
        "a common term of two characters, in the lobby": {"q": "me", "roomname": "public"},
        "a common word, in a small room": {"q": "physics", "roomname": busy},
        "an absent word, in a small room": {"q": "nowhere", "roomname": busy},
    }
