"""The OpenAPI documents: Schemathesis sends allowed and invalid requests, and every answer must match the document."""

import html
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings, strategies
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from chat import __version__
from chat.errors import ChatError
from chat.http.openapi import documents
from chat.models import Event, EventKind, Restriction, Room, SiteSetting, User
from chat.protocols.polling import chat
from chat.security import tokens
from chat.services.messages import Draft
from chat.web.guides import render
from tests.conftest import services_of, sign_up
from tests.pictures import picture
from tests.real_server import Server

PROTOCOLS = ["polling", "roomapi", "realtime", "ims"]
UNDOCUMENTED = {"/api/message/ws", "/ws/join", "/ws/"}  # WebSockets: OpenAPI has no words for them
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MOST_EXAMPLES = 250  # random ones, a protocol
# What random names would never hit.
KNOWN = {
    "roomname": "physics",
    "username": "alice",
    "password": "secret1",
    "owner": "alice",
    "user": "bob",
    "room_id": "",
    "id": "",  # of a message
}
UNREACHED = {
    "POST /site/claim",
    "GET /site/roster/status",
    "GET /room/by_code",
}  # there is a teacher already; ids are random


class World:
    """A logged-in teacher with a room, and bob; put right after each request that may have undone it."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._services = services_of(app)
        self._services.start()
        self._alice = sign_up(self._services, "alice")
        self._bob = sign_up(self._services, KNOWN["user"])
        sign_up(self._services, "carol")
        self._services.teachers.appoint(None, "carol", is_teacher=True)  # so that alice is not the last one

    def token(self) -> str:
        """Of a new session."""
        self._put_right()
        with suppress(ChatError):  # it is there already
            self._services.rooms.create(self._alice, KNOWN["roomname"], "public", "")
            KNOWN["room_id"] = str(self._services.rooms.joined(self._alice)[-1].id)
        with suppress(ChatError):
            for member in (self._alice, self._bob):
                self._services.memberships.join(member, KNOWN["roomname"])
            message = self._services.messages.send(self._alice, KNOWN["roomname"], Draft(text="to change"))
            KNOWN["id"] = str(message.id)
        session = self._services.sessions.open(self._alice.user_id)
        with self._app.app_context():
            return tokens.issue(tokens.Purpose.SESSION, tokens.Token(self._alice.user_id, session.id), 3600)

    def _put_right(self) -> None:
        bob = {"username": KNOWN["user"], "username_key": KNOWN["user"], "deleted_at": None, "disabled_at": None}
        with suppress(IntegrityError), self._services.store.write() as tx:
            tx.execute(delete(SiteSetting))
            tx.execute(delete(Restriction))
            tx.execute(update(Room).values(archived_at=None, seen_by=True))
            tx.execute(update(User).where(User.id == self._alice.user_id).values(is_teacher=True, deleted_at=None))
            tx.execute(update(User).where(User.id == self._bob.user_id).values(is_teacher=False, **bob))
            tx.emit(Event(EventKind.USER, self._alice.user_id))


@pytest.fixture
def app(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Nothing is refused for its number, and nothing held: that would take all day."""
    monkeypatch.setattr(chat, "TIMEOUT_MAX", 0.0)
    return make_app(rate_limits=False, pull_timeout=0.0)


@pytest.fixture
def world(app: Flask) -> World:
    return World(app)


def name_what_is_there(case: Any) -> None:
    """Put known names into half of the cases."""
    if case.operation.path == "/chat/pull" and case.body == {}:  # in which rooms' names are the keys
        case.body = {KNOWN["roomname"]: ""}
    for holder in (case.body, case.query, case.path_parameters):
        if isinstance(holder, dict) and len(str(holder)) % 2:
            holder.update({name: KNOWN[name] for name in holder.keys() & KNOWN.keys()})


def cases(operation: Any, examples: int) -> Iterator[Any]:
    """Yield allowed and forbidden values: every limit of every field, then random ones."""
    modes = list(GenerationMode)
    config = operation.schema.config.generation_for(operation=operation, phase="coverage")
    yield from operation.schema.iter_coverage_cases(operation, generation_modes=modes, generation_config=config)
    drawn: list[Any] = []

    @settings(max_examples=examples, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategies.one_of(*(operation.as_strategy(mode) for mode in modes)))
    def draw(case: Any) -> None:
        drawn.append(case)

    draw()
    yield from drawn


@pytest.mark.parametrize("protocol", PROTOCOLS[:3])  # the fourth: ims/test_openapi.py
def test_every_answer_is_as_the_document_says(app: Flask, world: World, protocol: str) -> None:
    api = schemathesis.openapi.from_wsgi(f"/openapi/{protocol}.json", app)
    operations: list[Any] = [found.ok() for found in api.get_all_operations() if isinstance(found, Ok)]
    statuses: Counter[tuple[str, int]] = Counter()
    token = world.token()
    for operation in operations:
        for case in cases(operation, MOST_EXAMPLES // len(operations)):
            name_what_is_there(case)
            response = case.call_and_validate(headers={"Authorization": token}, checks=CHECKS)
            statuses[operation.label, response.status_code] += 1
            if response.status_code < 300 and case.method.upper() != "GET":  # which may have changed the world
                token = world.token()
    successful = {label for label, status in statuses if 200 <= status < 300}
    assert successful == {operation.label for operation in operations} - UNREACHED, statuses


def test_every_route_of_every_protocol_is_in_its_document(app: Flask) -> None:
    assert documents(app).keys() == set(PROTOCOLS)
    for document in documents(app).values():
        rules = [rule for rule in app.url_map.iter_rules() if rule.rule.split("/")[1] in document.prefixes]
        assert {document.path(rule) for rule in rules} - document.json["paths"].keys() <= UNDOCUMENTED


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_anonymous_clients_are_refused_where_the_document_says_so(app: Flask, protocol: str) -> None:
    client = app.test_client()
    paths = client.get(f"/openapi/{protocol}.json").get_json()["paths"]
    operations = [(path, method, about) for path, methods in paths.items() for method, about in methods.items()]
    assert operations
    for path, method, about in operations:
        reply = client.open(re.sub(r"{\w+}", "1", path), method=method.upper(), data="{}")
        assert (reply.status_code == 401) == bool(about["security"]), path


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_shows_every_operation_of_every_document(app: Flask, language: str) -> None:
    client = app.test_client()
    page = client.get("/docs", headers={"Accept-Language": language})
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    shown = page.get_data(as_text=True)
    assert page.get_data() == client.get(f"/docs?lang={language}").get_data()
    for name, document in documents(app).items():
        assert f"/openapi/{name}.json" in shown
        for path, methods in document.json["paths"].items():
            for about in methods.values():
                assert f"<code>{path}</code>" in shown
                summary = about["summary" if language == "en" else "x-summary-zh"]
                assert summary
                assert f">{html.escape(summary, quote=False)}<" in shown.replace("&#39;", "'")
    texts = re.sub(r"<(pre|code)\b.*?</\1>|<[^>]*>", "", shown, flags=re.DOTALL)
    assert re.findall(r".*(?:`|\*\*|\]\(|</?\w+>).*", html.unescape(texts)) == []  # Markdown or HTML as text


def test_all_files_linked_by_the_page_exist_and_no_others(app: Flask) -> None:
    client = app.test_client()
    links = re.findall(r'href="(/(?:docs|openapi)/[^"]+)"', client.get("/docs").get_data(as_text=True))
    assert {f"/docs/{protocol}?lang=en" for protocol in (*PROTOCOLS, "tcp")} <= set(links)
    for link in links:
        with client.get(link) as reply:
            assert reply.status_code == 200, link
    for path in (
        "/docs/nope.md",
        "/docs/nope",
        "/docs/..%2farchitecture.md",
        "/docs/../../README.md",
        "/openapi/nope.json",
    ):
        assert client.get(path).status_code == 404, path


@pytest.mark.parametrize("path", ["/docs", "/docs/tcp", "/docs/teaching"])
def test_a_language_that_there_is_not_is_the_browsers(app: Flask, path: str) -> None:
    client = app.test_client()
    pages = {language: client.get(f"{path}?lang={language}").get_data() for language in ("en", "zh")}
    assert pages["en"] != pages["zh"]
    for asked in ("fr", "", "%00", "zz-CN", "../zh", "x" * 2000):
        for language, page in pages.items():
            answer = client.get(f"{path}?lang={asked}", headers={"Accept-Language": language})
            assert (answer.status_code, answer.get_data()) == (200, page), (asked, language)
    for asked, language in (("zh-CN", "zh"), ("zh-TW", "zh"), ("EN", "en"), ("en-GB", "en")):
        assert client.get(f"{path}?lang={asked}").get_data() == pages[language], asked


@pytest.mark.parametrize("name", [*PROTOCOLS, "tcp", "teaching"])
@pytest.mark.parametrize(("language", "suffix", "contents"), [("en", "", "Contents"), ("zh", ".zh-CN", "目录")])
def test_guides_are_pages_and_markdown(app: Flask, name: str, language: str, suffix: str, contents: str) -> None:
    client = app.test_client()
    page = client.get(f"/docs/{name}", headers={"Accept-Language": language})
    assert page.get_data() == client.get(f"/docs/{name}?lang={language}").get_data()
    assert page.headers["Content-Security-Policy"] == client.get("/docs").headers["Content-Security-Policy"]
    shown = page.get_data(as_text=True)
    assert f'href="/docs/{name}{suffix}.md"' in shown
    with client.get(f"/docs/{name}{suffix}.md") as reply:
        markdown = reply.get_data(as_text=True)
    title = html.escape(markdown.partition("\n")[0].removeprefix("# "), quote=False)
    assert f"<h1>{title}</h1>" in shown
    assert f">{contents}</h2>" in shown
    assert " style=" not in shown  # the policy refuses it
    anchors = re.findall(r'<li class="level-\d"><a href="#([^"]+)"', shown)
    assert len(anchors) == len(re.findall(r"^###? ", markdown, re.MULTILINE))
    for anchor in anchors:
        assert shown.count(f' id="{anchor}"') == 1, anchor
    for link in re.findall(r'(?:href|src)="((?:/docs|teaching)/[^"]+)"', shown):
        with client.get(f"/docs/{link}" if link.startswith("teaching") else link) as reply:
            assert reply.status_code == 200, link
    assert not re.search(r'href="(?!/|#|\?|https?:)', shown)  # other files are not served


def test_html_in_a_guide_is_shown_as_text() -> None:
    hostile = "<script>x</script> <img src=x> [y](javascript:z)"
    guide = render(f"# T <b>\n\n## Two `a`\n\n## Two a\n\n{hostile}\n\n|a|\n|-:|\n|1|\n", lambda _link: None)
    assert (guide.title, [heading.anchor for heading in guide.contents]) == ("T <b>", ["two-a", "two-a-2"])
    assert "<script" not in guide.html
    assert "<img" not in guide.html
    assert "<a " not in guide.html
    assert "style" not in guide.html


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_lines_of_curl_on_the_page_work(server: Callable[..., Server], tmp_path: Path, protocol: str) -> None:
    live = server()
    page = requests.get(f"{live.url}/docs", timeout=30).text
    section = page.partition(f'<section aria-labelledby="{protocol}">')[2].partition("</section>")[0]
    lines = [html.unescape(line) for line in re.findall(r"<code>(curl .*)</code>", section)]
    assert len(lines) == len(operations_of(live, protocol))
    environment = dict(os.environ)
    (tmp_path / "picture.png").write_bytes(picture())
    bob = requests.Session()
    bob.post(f"{live.url}/user/register", json={"username": "bob", "password": "secret1"}, timeout=30)
    is_teacher = False
    for line in sorted(lines, key=when):
        # The last member deletes the room; there is no such link, import or code; bob must stay unchanged; an account
        # cannot be deleted after a logout.
        if any(
            path in line
            for path in ("/leave", "/site/claim", "/roster/status", "/by_code", "/people/rename", "/user/delete")
        ):
            continue
        if "/site/" in line and not is_teacher:
            live.flask("chat", "teacher", "alice")
            is_teacher = True
        if "/room/" in line and '"user": "bob"' in line:  # who is in the room
            bob.post(f"{live.url}/room/join", json={"roomname": "physics"}, timeout=30)
        command = f"{line} -s --fail-with-body"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",  # some answers are files
            timeout=40,
        )
        if protocol == "ims":  # most actions need two users: only check that the request is understood
            assert '"code":-7' not in done.stdout, (line, done.stdout)
            assert done.stdout.startswith('{"code":'), (line, done.stdout)
        else:
            assert done.returncode == 0, (line, done.stdout)
            assert '"status":false' not in done.stdout, line
        if found := re.search('"token":"([^"]+[.][^"]+)"', done.stdout):  # $TOKEN of the page
            environment["TOKEN"] = found[1]


def when(line: str) -> tuple[bool, ...]:
    """The sort key of a line: lines that end something come last, and before them what needs a message."""
    late = ("logout", "/room/delete ", "delete", "/user/password", "/room/seen")
    return tuple(word in line.lower() for word in late)


def operations_of(live: Server, protocol: str) -> list[Any]:
    """Its operations."""
    paths = requests.get(f"{live.url}/openapi/{protocol}.json", timeout=30).json()["paths"]
    return [operation for methods in paths.values() for operation in methods.values()]


def test_documents_name_version_licence_and_login(app: Flask) -> None:
    for name, document in documents(app).items():
        assert document.json["info"]["version"] == __version__
        assert document.json["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
        assert '"default": null' not in json.dumps(document.json), name
        operations = [each for path in document.json["paths"].values() for each in path.values()]
        assert all("security" in operation for operation in operations), name
        assert any(operation["security"] == [] for operation in operations), name


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_documents_are_valid_and_name_a_failure_everywhere(app: Flask, protocol: str) -> None:
    document = documents(app)[protocol].json
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    identifiers = Counter(each["operationId"] for path in document["paths"].values() for each in path.values())
    assert set(identifiers.values()) == {1}
    for path, methods in document["paths"].items():
        for method, about in methods.items():  # as Redocly's recommended rules ask for
            assert any(status.startswith("4") for status in about["responses"]), (method, path)
