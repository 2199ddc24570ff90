"""The OpenAPI documents: Schemathesis sends allowed and invalid requests, and every answer must match the document."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings, strategies
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
from tests.conftest import services_of, sign_up

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
        bob = {"username": KNOWN["user"], "username_key": KNOWN["user"], "deleted_at": None, "disabled_at": None}
        self._repairs = [  # made once, as making them takes longer than running them
            delete(SiteSetting),
            delete(Restriction),
            update(Room).values(archived_at=None, seen_by=True),
            update(User).where(User.id == self._alice.user_id).values(is_teacher=True, deleted_at=None),
            update(User).where(User.id == self._bob.user_id).values(is_teacher=False, **bob),
        ]

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
        with suppress(IntegrityError), self._services.store.write() as tx:
            for repair in self._repairs:
                tx.execute(repair)
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
    from openapi_spec_validator import OpenAPIV31SpecValidator  # here, as loading it takes 0.2 s

    document = documents(app)[protocol].json
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    identifiers = Counter(each["operationId"] for path in document["paths"].values() for each in path.values())
    assert set(identifiers.values()) == {1}
    for path, methods in document["paths"].items():
        for method, about in methods.items():  # as Redocly's recommended rules ask for
            assert any(status.startswith("4") for status in about["responses"]), (method, path)
