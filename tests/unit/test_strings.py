"""The page's texts: every key stands once, over all files, because later ones would silently replace earlier ones."""

import re
from collections import Counter

from chat.web.files import FOLDER

ENTRY = re.compile(r'^\s*"([^"\n]+)":\s*\[', re.MULTILINE)


def test_every_text_of_the_page_has_a_key_of_its_own() -> None:
    files = [*FOLDER.glob("js/lib/*strings.js"), FOLDER / "js" / "lib" / "errorwords.js"]
    keys = Counter(key for path in files for key in ENTRY.findall(path.read_text(encoding="utf-8")))
    assert len(keys) > 400
    assert [key for key, count in keys.items() if count > 1] == []
