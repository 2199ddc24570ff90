"""Nobody outside of a private room reads or changes it, or learns that it exists: not pupils, nor teachers.

The requests come from the OpenAPI documents and tcp's table, so that a new one is tried too. Private are rooms by
invitation, ims's groups and direct conversations.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from chat.http.handler import Handler
from chat.http.handler_session import HandlerSession
from chat.models import Access
from chat.protocols.ims.socket import Notices
from chat.protocols.roomapi.render import Place
from chat.protocols.roomapi.socket import MessageSocket
from chat.protocols.tcp.connection import Conversation
from chat.protocols.tcp.routes import REQUESTS
from chat.server.ports import NEEDS_THREAD, NOTHING_YET
from chat.services.messages import Draft
from tests.contract.private_rooms import KINDS, MEMBER_IDS, OUTSIDERS, ROOM_IDS, ROOM_NAMES, Target, World, leaked
from tests.peers import FakePeer

METHODS = {"get", "post", "put", "delete"}
# They end the caller's session; are about accounts, which are no secret; or make a room, where names are told to be
# taken (docs/specification.md, "Room").
LEFT_OUT = re.compile(
    "/user/logout|/Logout|/account/delete|/site/people/.*|/(api/)?room/create|POST (/Room|/conversations)"
)
# An outsider learns there that a conversation or message exists, as the document says: 400, 1 and 403, -3.
TELLS_OUTSIDERS = "ims"
BY_TYPE: dict[str, Any] = {"string": "x", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}


@pytest.fixture
def world(make_app: Callable[..., Flask]) -> World:
    return World(make_app(rate_limits=False))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Each operation: method, path, the fields of its JSON body and of its query, each None or a value if required."""

    def fields_of(schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            return fields_of(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        found: dict[str, Any] = {}
        for part in (*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())):
            found |= fields_of(part)
        required = schema.get("required", ())
        for name, about in schema.get("properties", {}).items():
            found[name] = default_of(about) if name in required else None
        return found

    def default_of(about: dict[str, Any]) -> Any:
        if "$ref" in about:
            return {name: value for name, value in fields_of(about).items() if value is not None}
        if "enum" in about:
            return about["enum"][0]
        kind = about.get("type", "string")
        return BY_TYPE[next(each for each in kind if each != "null") if isinstance(kind, list) else kind]

    for path, methods in document["paths"].items():
        for method in METHODS.intersection(methods):
            if LEFT_OUT.fullmatch(path) or LEFT_OUT.fullmatch(f"{method.upper()} {path}"):
                continue
            about = methods[method]
            contents = about.get("requestBody", {}).get("content", {})
            body = fields_of(contents["application/json"]["schema"]) if "application/json" in contents else {}
            asked = [each for each in about.get("parameters", ()) if each["in"] == "query"]
            query = {each["name"]: default_of(each["schema"]) if each.get("required") else None for each in asked}
            yield method.upper(), path, body, query


def request_about(target: Target, path: str, body: dict[str, Any], query: dict[str, Any]) -> tuple[str, Any]:
    """The request's address and body."""

    def filled(fields: dict[str, Any]) -> dict[str, Any]:
        named = {field: target.value(field, path, default) for field, default in fields.items()}
        return {
            field: value if named[field] is None else named[field]
            for field, value in fields.items()
            if value is not None or named[field] is not None
        }

    parts = path.replace("}", "{").split("{")
    for number in range(1, len(parts), 2):
        parts[number] = str(target.value(parts[number], path) or "zsecretword")
    found = filled(query)
    return "".join(parts) + (f"?{urlencode(found)}" if found else ""), filled(body) if body else None


@pytest.mark.parametrize("protocol", ["polling", "roomapi", "realtime", "ims"])
def test_no_request_reaches_a_private_room(world: World, protocol: str) -> None:
    document = json.loads(world.ask("outsider", "GET", f"/openapi/{protocol}.json", None)[1])
    before = {kind: world.state(kind) for kind in KINDS}
    insider = world.people["insider"]
    nowhere = Target("nowhere", 10**6, 10**6, insider.username, insider.user_id)
    wrong: list[Any] = []
    tried = 0
    for method, path, body, query in operations(document):
        plain = request_about(nowhere, path, body, query)
        for who in OUTSIDERS:
            without = world.ask(who, method, *plain)
            for kind, target in world.targets.items():
                asked = request_about(target, path, body, query)
                status, answer = without if asked == plain else world.ask(who, method, *asked)
                tried += 1
                if status >= 500 or leaked(world, answer, asked):
                    wrong.append((who, kind, method, asked, status, leaked(world, answer, asked)))
                if protocol != TELLS_OUTSIDERS and _anonymous(answer, target, nowhere) != _anonymous(
                    without[1], target, nowhere
                ):
                    wrong.append((who, kind, method, asked, answer, without[1]))
    assert not wrong, wrong
    assert tried > 20, "the document has requests"
    assert {kind: world.state(kind) for kind in KINDS} == before


def _anonymous(answer: str, *targets: Target) -> str:
    """The answer, whichever room and message it is about."""
    named = {str(each) for target in targets for each in (target.name, target.message_id, target.room_id)}
    return re.sub("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in named), "…", answer)


@pytest.mark.parametrize("who", OUTSIDERS)
def test_no_line_of_tcp_reaches_a_private_room(world: World, who: str) -> None:
    before = {kind: world.state(kind) for kind in KINDS}
    unknown = Target("nowhere", 10**6, 10**6, "nobody", 10**6)

    def said(kind: str, target: Target, fields: set[str]) -> list[Any]:
        peer = FakePeer()
        session = HandlerSession(world.app, lambda peer, chat: Conversation(peer, chat, None, REQUESTS))
        session.opened(peer)
        login = {"message_type": "login_request", "username": who, "password": "secret1"}
        line = {"message_type": kind, **{field: target.value(field, "") for field in fields}}
        line |= {"content": "hello", "filename": "f", "file_size": 1, "list_type": "all"}
        for each in (login, line):
            session.received(json.dumps({name: value for name, value in each.items() if value is not None}).encode())
        session.closed()
        return peer.said[1:]

    for kind, request in REQUESTS.items():
        if kind in {"login_request", "register_request", "logout_request", "create_chat_request"}:
            continue
        for named in (ROOM_NAMES, ROOM_IDS, MEMBER_IDS):
            fields = {field for field in request.schema.fields if field in named}
            plain = said(kind, unknown, fields)
            for target in world.targets.values():
                answers = said(kind, target, fields)
                assert not leaked(world, json.dumps(answers, ensure_ascii=False), target.name if fields else ""), kind
                shapes = [
                    [(each["message_type"], each.get("error_code")) for each in many] for many in (answers, plain)
                ]
                assert shapes[0] == shapes[1], (kind, fields)
    assert {kind: world.state(kind) for kind in KINDS} == before


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_private_room_is_pushed_to_outsiders(world: World, kind: Access) -> None:
    chat, insider = world.services, world.people["insider"]
    peers: list[FakePeer] = []
    for who in OUTSIDERS:
        actor = world.people[who]
        makers: list[Callable[[Any, Any], Handler]] = [
            lambda peer, chat, a=actor: MessageSocket(  # type: ignore[misc]
                peer, chat, chat.subscriptions.open(a), Place(None, ""), is_greeted=True
            ),
            lambda peer, chat, a=actor: Notices(peer, chat, chat.subscriptions.open(a, signals=True)),  # type: ignore[misc]
        ]
        for make in makers:
            peers.append(FakePeer())
            HandlerSession(world.app, make).opened(peers[-1])
    said = chat.messages.send(insider, world.targets[kind].room_id, Draft(text="zsecretword"))
    chat.changes.typing(insider, world.targets[kind].room_id)
    chat.changes.edit(insider, world.targets[kind].room_id, said.id, "zsecretword, edited")
    chat.changes.delete(insider, said.id)
    if kind is not Access.DIRECT:
        chat.announcements.post(insider, world.targets[kind].room_id, "znewsword")
    assert [pushed(peer) for peer in peers] == [b""] * len(peers)
    chat.messages.send(insider, "public", Draft(text="for all"))
    assert all(pushed(peer) for peer in peers)  # they do listen
    for who in OUTSIDERS:
        for query in ("", "&changes=1&detail=1", "&members=1"):
            answer = world.ask(
                who, "POST", f"/chat/pull?timeout=0{query}", {world.targets[kind].name: "", "public": ""}
            )
            assert not leaked(world, answer[1], world.targets[kind].name)
            everything = world.ask(who, "POST", f"/chat/pull?timeout=0{query}", {})
            assert not leaked(world, everything[1])
    for peer in peers:
        assert peer.reader is not None
        peer.reader.close()


def pushed(peer: FakePeer) -> bytes:
    """All that waits to be sent to the socket."""
    found = b""
    assert peer.reader is not None
    while (news := peer.reader.look()) is not NOTHING_YET:
        if news is NEEDS_THREAD:
            peer.reader.look_again()
        else:
            found += news if isinstance(news, bytes) else b"".join(news)
    return found
