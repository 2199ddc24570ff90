"""Every failure has its words in every protocol."""

import string

import pytest

from chat.errors import PARTIAL, ChatError, ErrorCode
from chat.protocols.polling import errors as polling


@pytest.mark.parametrize("code", [code for code in ErrorCode if code not in PARTIAL])
def test_polling_has_words_for_it(code: ErrorCode) -> None:
    status, english, chinese = polling.TABLE[code]
    assert 400 <= status < 600
    fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (english, chinese)]
    assert fields[0] == fields[1]
    assert english[0].isupper() or english[0] == "{"
    assert any("\u4e00" <= char <= "\u9fff" for char in chinese)


def test_seconds_are_rounded_up() -> None:
    error = ChatError(ErrorCode.RATE_LIMITED, retry_after=0.05)
    assert "in 1 s" in polling.fill(polling.TABLE[error.code][1], error.data)
