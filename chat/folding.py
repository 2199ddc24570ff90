"""Comparison of texts without regard to case, the same on every database (docs/decisions/0125).

Folding maps single characters to single characters, so that positions in the folded text are those of the text.
"""

import re
from itertools import product

# Scripts with cases, as SQLite's trigram tokenizer folds them (Unicode 6.1): characters equal here are equal there.
_CASED = (
    (0x41, 0x5A),
    (0xB5, 0xB5),
    (0xC0, 0xDE),
    (0x100, 0x24F),
    (0x370, 0x37E),
    (0x380, 0x3FF),
    (0x400, 0x527),
    (0x531, 0x556),
    (0x1E00, 0x1EFF),
    (0xFF21, 0xFF3A),
)
_FOLDED = {
    code: folded
    for first, last in _CASED
    for code in range(first, last + 1)
    if len(folded := chr(code).casefold()) == 1 and folded != chr(code)
}
_VARIANTS: dict[str, str] = {}
for _code, _folded in _FOLDED.items():
    _VARIANTS[_folded] = _VARIANTS.get(_folded, _folded) + chr(_code)
_TERM = re.compile(r'"([^"]+)"|(\S+)')


def fold(text: str) -> str:
    """Return the text as it is compared; of the same length."""
    return text.translate(_FOLDED)


def variants(char: str) -> str:
    """Return all characters that fold to this folded one."""
    return _VARIANTS.get(char, char)


def spellings(term: str) -> list[str]:
    """Return all texts that fold to this one. Only for short ones: the number multiplies."""
    return ["".join(chars) for chars in product(*map(variants, term))]


def terms_of(query: str) -> list[str]:
    """Return the folded words and "quoted phrases" of a query, each once, longest first."""
    found = {fold(phrase or word).strip('"').strip() for phrase, word in _TERM.findall(query)}
    return sorted(found - {""}, key=lambda term: (-len(term), term))


def places(text: str, terms: list[str]) -> list[tuple[int, int]]:
    """Return where the terms are in the text: (start, length) in code points, ascending, without overlaps.

    Empty unless the text contains every term.
    """
    folded = fold(text)
    if not all(term in folded for term in terms):
        return []
    found = [(match.start(), len(term)) for term in terms for match in re.finditer(re.escape(term), folded)]
    merged: list[tuple[int, int]] = []
    for start, length in sorted(found):
        end = start + length
        if merged and start < merged[-1][0] + merged[-1][1]:
            first, covered = merged.pop()
            start, end = first, max(first + covered, end)
        merged.append((start, end - start))
    return merged
