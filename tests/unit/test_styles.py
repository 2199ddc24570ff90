"""The style sheets: text and everything that must grow with it follow the browser's font size."""

import re
from pathlib import Path

import pytest

from chat.web.bundles import FOLDER

# Lines and shadows stay as thin as they are; a margin to the window's edge need not grow.
IN_PX = re.compile(r"border|outline|shadow|text-underline-offset|100vw|999px|max\(16px, |min\(2\.5rem, 44px\)")


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.css")), ids=lambda path: path.name)
def test_sizes_follow_the_browsers_font_size(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    rules = re.sub(r"(\.hidden-text|\.notice\.quiet) \{.*?\}", "", text, flags=re.DOTALL)
    fixed = [line.strip() for line in re.split(r"[;{}]", rules) if "px" in line]
    assert [line for line in fixed if line.startswith("@media") or not IN_PX.search(line)] == []


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.css")), ids=lambda path: path.name)
def test_every_rule_is_in_a_layer(path: Path) -> None:
    """A rule outside of all layers would win over each of them."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    outside = [line for line in text.splitlines() if line and not line.startswith((" ", "}"))]
    assert set(outside) <= {"@layer base, components;", "@layer base {", "@layer components {"}
