"""Every failure that a protocol can report has its words there, and no other."""

import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from chat.errors import ChatError, ErrorCode
from chat.http import envelopes
from chat.http.api_spec import Declared
from chat.http.error_messages import Table, worded
from chat.http.reasons import in_chinese
from chat.protocols.ims.errors import TABLE as IMS
from chat.protocols.polling.errors import TABLE as POLLING
from chat.protocols.realtime.errors import TABLE as REALTIME
from chat.protocols.roomapi.errors import TABLE as ROOMAPI
from chat.protocols.tcp import routes
from chat.protocols.tcp.errors import TABLE as TCP
from chat.server.http_heads import HEAD_BOUNDS
from tests.real_server import ROOT

HTTP: dict[str, Mapping[Any, Any]] = {"polling": POLLING, "realtime": REALTIME, "roomapi": ROOMAPI, "ims": IMS}


@pytest.mark.parametrize("protocol", HTTP)
def test_the_table_of_a_protocol_has_the_failures_that_its_views_declare(app: Flask, protocol: str) -> None:
    declared: set[ErrorCode] = set(envelopes.ANYWHERE)
    for view in app.view_functions.values():
        if view.__module__.startswith(f"chat.protocols.{protocol}."):
            about = getattr(view, "declared", Declared())
            declared |= about.failures | about.inside
    assert set(HTTP[protocol]) == declared


def test_the_table_of_tcp_has_the_failures_that_its_requests_declare() -> None:
    assert set(TCP) == routes.ANYWHERE.union(*(request.failures for request in routes.REQUESTS.values()))


def test_some_protocol_reports_each_failure() -> None:
    worded_nowhere = set(ErrorCode).difference(TCP, *HTTP.values())
    # A wrong ticket of realtime is answered with a status alone.
    assert worded_nowhere == {ErrorCode.TICKET_INVALID}


def test_ims_has_words_for_each() -> None:
    for code, (status, number, info) in IMS.items():
        assert 400 <= status < 600, code
        assert number != 0, code
        assert info, code


@pytest.mark.parametrize("table", [POLLING, REALTIME], ids=["polling", "realtime"])
def test_polling_and_realtime_have_words_for_each_in_two_languages(table: Table) -> None:
    for code, (status, english, chinese) in table.items():
        assert 400 <= status < 600, code
        fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (english, chinese)]
        assert fields[0] == fields[1], code
        assert english[0].isupper() or english.startswith(("{", "msg")), code
        assert is_chinese(chinese), code


def test_tcp_has_a_number_and_words_for_each() -> None:
    for code, (number, words) in TCP.items():
        assert 1001 <= number <= 1009, code
        assert is_chinese(words), code


def test_roomapi_has_chinese_words_for_each() -> None:
    for code, (status, chinese) in ROOMAPI.items():
        assert status == 200 or 400 <= status < 600, code
        assert is_chinese(chinese), code


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in text)


NAMES = {"CONNECT", "Content-Length", "Content-Type", "Expect", "Sec-WebSocket-Key", "Transfer-Encoding"}


def test_reasons_of_refusals_are_in_chinese_in_chinese_words() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path(ROOT, "chat").rglob("*.py"))
    given = set(re.findall(r'(?:BODY_MALFORMED|HANDSHAKE_INVALID), reason="([^"]+)"', source))
    given |= set(re.findall(r'(?:FramingError|_refuse)\("[1-4]\d\d [^"]+", "([^"]+)"', source))
    given |= {HEAD_BOUNDS, "Bad Request"}
    assert len(given) > 20
    english = {reason for reason in given - NAMES if not is_chinese(in_chinese(f"400 Bad Request: {reason}"))}
    assert english == set()


def test_seconds_are_rounded_up() -> None:
    error = ChatError(ErrorCode.RATE_LIMITED, retry_after=0.05)
    assert "in 1 s" in worded(POLLING, error, chinese=False)[1]
