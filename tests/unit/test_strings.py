"""The page's texts: every key stands once, over all files, because later ones would silently replace earlier ones."""

import re
from collections import Counter

from chat.protocols.polling.errors import TABLE
from chat.web.bundles import FOLDER

ENTRY = re.compile(r'^\s*"([^"\n]+)":\s*\[', re.MULTILINE)


def keys_of_the_page() -> Counter[str]:
    """The keys of its texts, and how often each stands there."""
    files = [*FOLDER.glob("js/lib/*strings.js"), FOLDER / "js" / "lib" / "errorwords.js"]
    return Counter(key for path in files for key in ENTRY.findall(path.read_text(encoding="utf-8")))


def test_every_text_of_the_page_has_a_key_of_its_own() -> None:
    keys = keys_of_the_page()
    assert len(keys) > 400
    assert [key for key, count in keys.items() if count > 1] == []


def test_the_page_has_words_for_no_failure_that_it_cannot_meet() -> None:
    """It uses the polling protocol. The other way round: e2e/test_screen."""
    codes = {key.removeprefix("error.") for key in keys_of_the_page() if re.fullmatch(r"error\.[A-Z_]+", key)}
    assert len(codes) > 40
    assert codes - {code.name for code in TABLE} == set()
