"""docs/conformance.md: every case with its result."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from conformance import http
from conformance.clients import Outcome as Met
from conformance.sockets import Outcome

_HEAD = """# Conformance

What published rules and suites ask for, tried on a real server by bytes on a socket. `make conformance` runs it all and
writes this page; it fails where a case fails. `make test` runs the HTTP and WebSocket cases too.
"""

_CLIENTS = """
## Clients that nobody here wrote

curl, wget, Python's http.client, requests and aiohttp, node's fetch, npm's `ws`, and Chromium
(`conformance/foreign_cases.py`), by http and by https with a certificate that signs itself. Pictures have 1.2 MB. "Used
again" (`conformance/idle.py`) is a kept connection on which a message is sent after the server has closed it, or within
25 ms of that: an answered message must be stored once, others at most once. The tcp protocol is spoken by nc and
telnet (`conformance/lines.py`). Redocly reads the OpenAPI documents: no error, no warning.
"""

_HTTP = """
## HTTP, by RFC 9110, 9112, 9113, 6265, 6455 and 6585

Each case is named by its section (`conformance/http_requests.py`, `conformance/http_answers.py`); they run by http and
by https. Besides the table, every answer must have a Date and a Content-Type, none to a refused request is an
HTML page, HEAD gets no body, and where the connection is not closed, the next request on it is answered.
"""

_SOCKETS = """
## WebSocket, by the cases of the Autobahn suite

Numbers and expectations are those of [the Autobahn suite](https://github.com/crossbario/autobahn-testsuite); the client
is ours (`conformance/autobahn.py`). They run against an echo on the product's own WebSocket layer, by ws and by wss.

- **pass**: all that the suite asks for. **non-strict**: allowed by the suite, and why. **informational**: the suite
  only looks.
- The product sends no binary messages, so the echo tells a binary message's length and SHA-256.
- 12 and 13 (compression) do not apply: permessage-deflate is not offered, as it costs memory for each connection.
"""

_GROUPS = {
    "1": "Framing", "2": "Pings and pongs", "3": "Reserved bits", "4": "Opcodes", "5": "Fragmentation",
    "6": "UTF-8", "7": "Closing", "9": "Limits", "10": "Automatic fragmentation",
}  # fmt: skip


def counts(outcomes: Sequence[Outcome]) -> str:
    """How many of each result."""
    found = Counter(outcome.result.value for outcome in outcomes)
    return ", ".join(f"{count} {result}" for result, count in sorted(found.items(), key=lambda one: -one[1]))


def page(
    met: Mapping[str, Sequence[Met]],
    asked: Mapping[str, Sequence[http.Outcome]],
    found: Mapping[str, Sequence[Outcome]],
) -> str:
    """All of it, by schemes."""
    return _HEAD + _CLIENTS + _client_table(met) + _HTTP + _http_table(asked) + _SOCKETS + _socket_tables(found)


def _client_table(met: Mapping[str, Sequence[Met]]) -> str:
    results = {scheme: {(one.client, one.about): one.result for one in tried} for scheme, tried in met.items()}
    lines = ["", f"| client | what | {' | '.join(met)} |", "|---" * (2 + len(met)) + "|"]
    for client, about in dict.fromkeys(key for found in results.values() for key in found):
        cells = [client, about, *(found.get((client, about), "not tried") for found in results.values())]
        lines.append("| " + " | ".join(map(_code, cells)) + " |")
    return "\n".join(lines) + "\n"


def _http_table(asked: Mapping[str, Sequence[http.Outcome]]) -> str:
    lines = ["", *(f"`{scheme}`: {http.counts(outcomes)}.  " for scheme, outcomes in asked.items()), ""]
    lines += [f"| section | what | answer | {' | '.join(asked)} |", "|---" * (3 + len(asked)) + "|"]
    for row in zip(*asked.values(), strict=True):
        case = row[0].case
        statuses = ", ".join(str(status) for status in case.statuses) + (", then closed" if case.closes else "")
        cells = [case.section, _code(case.about), statuses, *(outcome.fault or "pass" for outcome in row)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    """As a table cell takes it."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _socket_tables(found: Mapping[str, Sequence[Outcome]]) -> str:
    lines = ["", *(f"`{scheme}`: {counts(outcomes)}.  " for scheme, outcomes in found.items())]
    rows = zip(*found.values(), strict=True)
    for group, cases in groupby(rows, lambda row: row[0].case.number.split(".")[0]):
        lines += ["", f"### {group}. {_GROUPS[group]}", ""]
        lines += [f"| case | what | {' | '.join(found)} | |", "|---" * (3 + len(found)) + "|"]
        for row in cases:
            remarks = dict.fromkeys(outcome.remark for outcome in row if outcome.remark)
            cells = [
                row[0].case.number,
                row[0].case.about,
                *(outcome.result.value for outcome in row),
                "; ".join(remarks),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
