"""docs/protocols/ims.md has one row per outcome; each is produced here and compared with its row."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from flask import Flask

from chat.protocols.ims import PREFIXES
from tests.contract.ims import cases_account, cases_conversations, cases_friends, cases_manage
from tests.contract.ims.world import At, Cases, World
from tests.real_server import ROOT

CASES: Cases = {**cases_account.CASES, **cases_friends.CASES, **cases_conversations.CASES, **cases_manage.CASES}
ROW = re.compile(r"\| `([A-Z]+) (/\S+)` \| (.*?) ?\| (\d+) \| (-?\d+) \| (.*?) ?\| (.*?) ?\|")


class Row(NamedTuple):
    method: str
    path: str
    when: str
    status: int
    code: int
    info: str
    message: str


def rows() -> Iterator[Row]:
    text = (ROOT / "docs/protocols/ims.md").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("| `"):
            found = ROW.fullmatch(line)
            assert found, line
            method, path, when, status, code, info, message = found.groups()
            yield Row(method, path, when, int(status), int(code), info, message)


ROWS = list(rows())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}: {row.when}")
def test_the_outcome_is_as_documented(w: World, row: Row) -> None:
    reply = CASES[f"{row.method} {row.path}"][row.when](At(row.method, row.path), w)
    assert (reply.status, reply.json["code"], reply.json["info"]) == (row.status, row.code, row.info), reply
    assert reply.json.get("message", "") == row.message
    assert reply.headers["Content-Type"] == "application/json"
    if row.status != 200:
        assert set(reply.json) == {"code", "info"}


def test_every_case_has_a_row_and_every_row_is_another_one() -> None:
    shown = [(f"{row.method} {row.path}", row.when) for row in ROWS]
    assert len(set(shown)) == len(shown)
    assert set(shown) == {(address, when) for address, cases in CASES.items() for when in cases}


def test_every_route_has_rows(app: Flask) -> None:
    routes = {
        f"{method} {rule.rule.replace('<', '{').replace('>', '}')}"
        for rule in app.url_map.iter_rules()
        if rule.rule.split("/")[1] in PREFIXES
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == {f"{row.method} {row.path}" for row in ROWS}


def test_every_address_except_open_ones_requires_a_token(w: World) -> None:
    tokenless = {row.path for row in ROWS if row.status == 401 and row.code == -2}
    assert {row.path for row in ROWS} - tokenless == {"/account/reg", "/account/login", "/verify", "/csrf"}
    for row in ROWS:
        if row.path in tokenless:
            for bad in ("x", "Bearer ", w.alice.token[:-2] + "xx", ""):
                reply = w.nobody.call(row.method, row.path.replace("{conversation_id}", "1"), {}, Authorization=bad)
                assert (reply.status, reply.json["code"]) == (401, -2)
