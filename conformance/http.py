"""Runs the HTTP cases, one connection each."""

import base64
import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import chain

import requests

from conformance import http_answers, http_requests
from conformance.http_cases import STYLE, Case, World
from tests.pictures import picture
from tests.raw import Answer, Talk
from tests.real_server import Server
from tests.server.tls import TlsServer, TlsTalk

Open = Callable[[], Talk]
_USER = "conny"


@dataclass
class Outcome:
    case: Case
    fault: str  # empty: no fault


def opener(server: Server) -> Open:
    """Opens connections to the server."""
    return lambda: TlsTalk(server, timeout=6) if isinstance(server, TlsServer) else Talk(server, timeout=6)


def furnish(server: Server) -> World:
    """Create the data that the cases need on the server."""
    with requests.Session() as session:
        ask = partial(session.request, verify=server.verify, timeout=30)
        account = {"username": _USER, "password": "secret1"}
        ask("POST", f"{server.url}/user/register", json=account).raise_for_status()
        cookie = next(iter(session.cookies))
        shown = {"type": "img", "content": base64.b64encode(picture(size=(60, 40))).decode()}
        message = {"roomname": "public", "new_message": shown}
        session.headers["Authorization"] = str(cookie.value)
        ask("POST", f"{server.url}/chat/send", json=message).raise_for_status()
        with contextlib.closing(sqlite3.connect(server.home / "commonroom.db")) as database:
            path = "/attachments/" + database.execute("SELECT name FROM attachments").fetchone()[0]
        got = ask("GET", f"{server.url}{path}")
        style = ask("GET", f"{server.url}{STYLE}", headers={"Accept-Encoding": "identity"})
        return World(
            f"{cookie.name}={cookie.value}", _USER, path, len(got.content), got.headers["ETag"],
            STYLE, len(style.content), style.headers["Last-Modified"],
        )  # fmt: skip


def run(open_one: Open, world: World) -> Iterator[Outcome]:
    """All cases."""
    for case in chain(http_requests.cases(world), http_answers.cases(world)):
        try:
            with open_one() as talk:
                fault = _fault(case, talk)
        except (OSError, AssertionError, ValueError, KeyError) as error:
            fault = f"{type(error).__name__}: {str(error)[:200]}"
        yield Outcome(case, fault)


def counts(outcomes: Sequence[Outcome]) -> str:
    """How many of each result."""
    failed = sum(bool(outcome.fault) for outcome in outcomes)
    return f"{len(outcomes) - failed} pass" + (f", {failed} FAIL" if failed else "")


def _fault(case: Case, talk: Talk) -> str:
    answers = []
    statuses = list(case.statuses)
    if case.early:
        answers.append(talk.ask(case.early))
    talk.send(case.send)
    answers += [talk.answer(bodiless=case.bodiless or status == 101) for status in statuses[len(answers) :]]
    got = [answer.status for answer in answers]
    if got != statuses:
        return f"{got} instead of {statuses}: {answers[-1].body[:100]!r}"
    faults = [fault for answer in answers if answer.status >= 200 for fault in _common(answer)]
    for name, value in case.headers.items():
        if answers[-1].headers.get(name) != value:
            faults.append(f"{name}: {answers[-1].headers.get(name)}")
    if case.body is not None and case.body not in answers[-1].body:
        faults.append(f"the body is {answers[-1].body[:200]!r}")
    if not faults and answers[-1].status != 101:
        faults += _end(case, talk)
    return "; ".join(faults)


def _common(answer: Answer) -> Iterator[str]:
    """What every final answer has (RFC 9110, 6.6.1, 8.6 and 15; RFC 9112, 2.3)."""
    if answer.version not in ("HTTP/1.1", "HTTP/1.0"):
        yield answer.version
    if parsedate_to_datetime(answer.headers["date"]).tzinfo is None:
        yield "no Date in GMT"
    if answer.status == 204 and "content-length" in answer.headers:
        yield "204 with a Content-Length"
    if answer.status not in (204, 304) and "content-type" not in answer.headers:
        yield "no Content-Type"
    if answer.status >= 400 and "html" in answer.headers["content-type"]:
        yield "an HTML page"
    if b"Traceback" in answer.body:
        yield "a traceback"
    if answer.status == 405 and "allow" not in answer.headers:
        yield "405 without Allow"


def _end(case: Case, talk: Talk) -> list[str]:
    """Whether the connection ends, or continues without leftovers of the previous request."""
    if case.closes:
        rest = talk.rest()
        return [f"more came: {rest[:100]!r}"] if rest else []
    after = talk.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    return [] if after.status == 200 and b'"ok"' in after.body else [f"then {after}"]
