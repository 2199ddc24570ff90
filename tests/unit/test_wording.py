"""Comments and documentation are written in plain modern English (CONTRIBUTING.md, "Style").

Counts turns of phrase that the project avoids, per 1,000 words of comments, docstrings and pages. Single uses are fine;
a habit is not.
"""

import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real_server import ROOT

MOST_PER_1000_WORDS = 1.0
FOLDERS = ("chat", "tests", "bench", "conformance", "docs", "deploy", "migrations", "scripts", ".github")
AVOIDED = {
    # A relative clause without its noun: "who waits", "what is known of them", instead of "a waiting client".
    "headless clause": r"\b(?:who|whom|whose|what)\s+(?:is|was|are|were|has|have|had|waits?|comes?|came|does|did|do|"
    r"may|can|sends?|sent|reads?|there|they|it|one|he|she|others?|people|a|the|protocols?|clients?|this|that)\b",
    "whoever": r"\b(?:who|whom|whose|what|which)(?:so)?ever\b",
    "one as a person": r"\b(?:one's|oneself|nobody's|somebody's|anybody's)\b",
    "archaic word": r"\b(?:lest|hence|thereof|therein|naught|nought|amid|anew|betwixt|thereupon|forthwith)\b",
    "a metaphor for a term": r"\b(?:keeper|dear (?:work|requests?|bodies|lines)|mend(?:s|ed|ing)?|good-bye)\b",
    "is none": r"\b(?:is|are|was|were) (?:none|no more|nobody)\b",
    "is to be": r"\b(?:is|are|was|were) (?:not )?to be (?!(?:a|an|the)\b)\w+",
    "so many": r"\b(?:for )?so (?:many|long|much) (?:of|a|seconds|bytes|and)\b",
    "the same, as a summary": r"^The same\b(?! \w+ (?:is|are|as)\b)",
    "all the same": r"\ball the same\b",
}
AVOIDED_AT_ALL = {
    "a document outside of the repository": r"\bspecs\b(?!\.openapi)|\bseeds? 00\d\b|\bhouse\.md\b|/work/",
}


def comments(source: str) -> Iterator[str]:
    """Yield docstrings, and comments with adjacent lines joined, of Python source."""
    block: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if block and token.start[0] != last + 1:
                yield " ".join(block)
                block = []
            block.append(token.string.lstrip("# "))
            last = token.start[0]
        elif token.type == tokenize.STRING and token.string.lstrip("rR").startswith('"""'):
            yield token.string.lstrip("rR").strip('"')
    yield " ".join(block)


def prose(path: Path) -> str:
    """The text that people read: comments of code and names of tests, pages without their code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        names = [name.replace("_", " ") for name in re.findall(r"def (test_\w+)", text)]
        return "\n".join([*comments(text), *names])
    if path.suffix in {".js", ".css"}:
        return "\n".join(line or block for line, block in re.findall(r"(?m)^\s*//([^\n]*)$|/\*((?s:.*?))\*/", text))
    return re.sub(r"```.*?```|`[^`\n]*`|<[^>\n]*>", " ", text, flags=re.S)


def files() -> list[Path]:
    named = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    suffixes = {".py", ".md", ".js", ".css", ".yml"}
    # Written by programs, from texts that are checked where they are.
    written = {ROOT / "docs/conformance.md"}
    found = [path for path in [*named, *ROOT.iterdir()] if path.suffix in suffixes and path not in written]
    return sorted(path for path in found if not {"node_modules", "__pycache__"} & set(path.parts))


@pytest.fixture(scope="module")
def texts() -> dict[Path, str]:
    return {path: prose(path) for path in files()}


def test_avoided_turns_are_rare(texts: dict[Path, str]) -> None:
    patterns = {name: re.compile(pattern, re.I | re.M) for name, pattern in AVOIDED.items()}
    found = [
        (path.relative_to(ROOT), name, " ".join(text[max(0, hit.start() - 30) : hit.end() + 30].split()))
        for path, text in texts.items()
        for name, pattern in patterns.items()
        for hit in pattern.finditer(text)
    ]
    words = sum(len(text.split()) for text in texts.values())
    rate = 1000 * len(found) / words
    most = "\n".join(f"{count} in {path}" for path, count in Counter(path for path, _, _ in found).most_common(12))
    some = "\n".join(f"{path}: {name}: …{where}…" for path, name, where in found[:40])
    assert rate <= MOST_PER_1000_WORDS, f"{len(found)} in {words} words, {rate:.1f} per 1,000:\n{most}\n{some}"


@pytest.mark.parametrize("name", AVOIDED_AT_ALL)
def test_some_are_not_used_at_all(texts: dict[Path, str], name: str) -> None:
    pattern = re.compile(AVOIDED_AT_ALL[name])
    assert not {
        str(path.relative_to(ROOT)): pattern.findall(text) for path, text in texts.items() if pattern.search(text)
    }


@pytest.mark.parametrize(
    "sentence",
    ["Who waits costs nothing.", "What is known of them.", "Tell its keeper.", "The same once more.", "Whoever comes."],
)
def test_a_text_of_such_turns_is_noticed(sentence: str) -> None:
    assert any(re.search(pattern, sentence, re.I | re.M) for pattern in AVOIDED.values())


def test_comments_are_found_and_code_is_not() -> None:
    source = '"""A module."""\nwho_waits = "who is there"  # one,\n# and two\n\n# three\n'
    assert list(comments(source)) == ["A module.", "one, and two", "three"]
