"""No value of any field of an HTTP request costs much more than its bytes, before and after log-in: see expensive.py.

The fields come from the OpenAPI documents, so that a new one is tried too.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from tests.contract.clients import FlaskTransport, PollingClient
from tests.contract.expensive import ACCENTS, AFTER, BEFORE, FULL, VALUES, costs_at_most, object_with

# What passes as these fields while another one is expensive.
KNOWN = {
    "username": '"alice"', "password": '"secret1"', "origin_password": '"secret1"', "roomname": '"public"',
    "room_id": "1", "conversation_id": "1", "conversationId": "1", "content": '"x"', "type": '"text"', "name": '"x"',
    "message_id": "1", "new_message": '{"type":"text","content":"x"}', "members": "[]", "email": '"alice@example.com"',
}  # fmt: skip
# Parameters of an address, which has at most 8 KiB.
PARAMETERS = [
    ACCENTS * 3, "\ufdfa" * 80, "\ufdfa" * 800, "x" * 7000, "9" * 7000, "1-" * 3000, "2026-01-01T00:00:00" + "0" * 6000,
]  # fmt: skip
# Values for each field; what fails as JSON already costs the same in all of them, so one of each protocol is tried.
EACH = ["many ids", "accents"]
HARD = ["a\u0301\u0323", "\ufdfa", "\U0001f600"]  # repeated, in texts that are short enough to be taken somewhere
LENGTHS = [60, 4000]
PROTOCOLS = ["polling", "roomapi", "realtime", "ims"]
METHODS = {"get", "post", "put", "delete"}
# These end the session, so later fields would be refused early.
ENDING = {"/user/logout", "/Logout", "/account/delete"}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """Nothing is refused for being sent too often: that would cost little."""
    return make_app(rate_limits=False)


@pytest.fixture
def alice(app: Flask) -> PollingClient:
    made = PollingClient(FlaskTransport(app))
    made.register("alice")
    return made


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, set[str], set[str]]]:
    """Each operation: method, path, the fields of its JSON body, its parameters in the query."""

    def fields_of(schema: dict[str, Any]) -> set[str]:
        if "$ref" in schema:
            return fields_of(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        parts = [*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
        return set(schema.get("properties", ())).union(*map(fields_of, parts))

    for path, methods in document["paths"].items():
        for method in METHODS.intersection(methods) if path not in ENDING else ():
            about = methods[method]
            contents = about.get("requestBody", {}).get("content", {})
            body = fields_of(contents["application/json"]["schema"]) if "application/json" in contents else set()
            query = {each["name"] for each in about.get("parameters", ()) if each["in"] == "query"}
            yield method.upper(), path, body, query


def bodies_with(field: str, fields: set[str], *, is_first: bool) -> Iterator[tuple[str, bytes]]:
    """The values to try in a field, each with its name."""
    others = {name: value for name, value in KNOWN.items() if name in fields}
    for value in VALUES if is_first else EACH:
        yield value, object_with(field, value, others)
    known = {name: json.loads(value) for name, value in others.items()}
    for hard in HARD:
        for length in LENGTHS:
            text = (hard * length)[:length]
            yield f"{length} of {hard}", json.dumps(known | {field: text}, ensure_ascii=False).encode()


def filled(path: str) -> str:
    """The path with 1 for each of its parameters."""
    return "".join("1" if number % 2 else part for number, part in enumerate(path.replace("}", "{").split("{")))


def addresses_with(name: str, query: set[str], url: str) -> Iterator[str]:
    """The address with each value to try in a parameter."""
    others = "".join(f"&{each}={KNOWN[each].strip(chr(34))}" for each in query & set(KNOWN) - {name})
    for parameter in PARAMETERS:
        yield f"{url}?{name}={quote(parameter)[:7900].rpartition('%')[0] or parameter}{others}"


def try_all_fields(client: PollingClient, protocol: str, units: int) -> None:
    """Try all values in all fields of all operations, each of which may cost so much."""
    document = client.call("GET", f"/openapi/{protocol}.json").json

    def is_cheap(method: str, address: str, body: bytes | None) -> bool:
        def ask() -> None:
            headers = {} if body is None else {"Content-Type": "application/json"}
            reply = client.transport.request(method, address, body, headers)
            assert reply.status < 500, (method, address, reply.status)

        return costs_at_most(units, ask, len(body or b""))

    tried = 0
    for method, path, body, query in operations(document):
        url = filled(path)
        for field in sorted(body):
            for value, raw in bodies_with(field, body, is_first=tried == 0):
                assert is_cheap(method, url, raw), (method, path, field, value)
                tried += 1
        for name in sorted(query):
            for address in addresses_with(name, query, url):
                assert is_cheap(method, address, None), (method, address[:200])
                tried += 1
    assert tried > 20, "the document has fields"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_field_after_log_in(alice: PollingClient, protocol: str) -> None:
    try_all_fields(alice, protocol, AFTER)
    assert alice.call("GET", "/user/me").status == 200, "the session ended on the way"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_field_before_log_in(app: Flask, protocol: str) -> None:
    """Also of requests that need a log-in: they are refused before anything is looked at closely."""
    try_all_fields(PollingClient(FlaskTransport(app)), protocol, BEFORE)


PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n'
FORMS = {
    "many parts": (PART % b"x" + b"y\r\n") * (FULL // 60),
    "one part with many headers": b"--b\r\n" + b"X-A: b\r\n" * (FULL // 8),
    "what looks like boundaries": PART % b"file" + b"\r\n--" * (FULL // 4),
    "ends of lines": PART % b"file" + b"\r\n" * (FULL // 2),
    "a long name": PART % (b"x" * FULL),
    "escapes in a filename": b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + b'\\"' * (FULL // 2),
    "many parameters": b"--b\r\nContent-Disposition: form-data" + b"; a=b" * (FULL // 5),
    "hard letters in a room's name": PART % b"roomname" + ACCENTS.encode() * (FULL // len(ACCENTS.encode())),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", ["/chat/upload", "/conversations/image"])
def test_a_form(alice: PollingClient, path: str, form: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}

    def ask() -> None:
        assert alice.transport.request("POST", path, FORMS[form], headers).status < 500

    assert costs_at_most(AFTER, ask, len(FORMS[form]))
