"""Every failure has its words in every protocol."""

import string

import pytest

from chat.errors import PARTIAL, ChatError, ErrorCode
from chat.http.error_messages import Table, worded
from chat.protocols.ims.errors import TABLE as IMS
from chat.protocols.polling.errors import TABLE as POLLING
from chat.protocols.realtime.errors import TABLE as REALTIME
from chat.protocols.roomapi.errors import TABLE as ROOMAPI
from chat.protocols.tcp.errors import TABLE as TCP

TABLES = {"polling": POLLING, "realtime": REALTIME}
COMMON = [code for code in ErrorCode if code not in PARTIAL]


@pytest.mark.parametrize("code", ErrorCode)
def test_ims_has_words_for_it(code: ErrorCode) -> None:
    status, number, info = IMS[code]
    assert 400 <= status < 600
    assert number != 0
    assert info


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("code", COMMON)
def test_every_protocol_has_words_for_it(code: ErrorCode, table: Table) -> None:
    status, english, chinese = table[code]
    assert 400 <= status < 600
    fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (english, chinese)]
    assert fields[0] == fields[1]
    assert english[0].isupper() or english.startswith(("{", "msg"))
    assert any("\u4e00" <= char <= "\u9fff" for char in chinese)


@pytest.mark.parametrize("code", COMMON)
def test_tcp_has_a_number_and_words_for_it(code: ErrorCode) -> None:
    number, words = TCP[code]
    assert 1001 <= number <= 1009
    assert any("\u4e00" <= char <= "\u9fff" for char in words)


@pytest.mark.parametrize("code", COMMON)
def test_roomapi_has_chinese_words_for_it(code: ErrorCode) -> None:
    status, chinese = ROOMAPI[code]
    assert status == 200 or 400 <= status < 600
    assert any("\u4e00" <= char <= "\u9fff" for char in chinese)


def test_seconds_are_rounded_up() -> None:
    error = ChatError(ErrorCode.RATE_LIMITED, retry_after=0.05)
    assert "in 1 s" in worded(POLLING, error, chinese=False)[1]
