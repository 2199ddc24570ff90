"""Equations: what is converted, what is left out, and bounds."""

import contextlib
import time
from typing import Any

import pytest

from chat.equations import MAX_CHARS, NotAnEquation, mathml


def texts_of(tree: Any) -> str:
    return "".join(part if isinstance(part, str) else texts_of(part) for part in tree[2:])


def names_of(tree: Any) -> set[str]:
    return {tree[0], *tree[1]}.union(*(names_of(part) for part in tree[2:] if not isinstance(part, str)))


@pytest.mark.parametrize(
    ("tex", "shown"),
    [(r"\sum_{i=0}^n x_i", "∑i=0nxi"), (r"\frac{a}{b}", "ab"), (r"a < b", "a<b"), (r"\text{<b>}", "<b>"), ("中", "中")],
)
def test_characters_and_not_their_names(tex: str, shown: str) -> None:
    assert texts_of(mathml(tex)) == shown


@pytest.mark.parametrize(
    "tex",
    [
        *(
            r"\href{javascript:alert(1)}{x}",
            r"\style{background:url(//a.example)}{x}",
            r"\class{toast}{x}",
            r"\id{log}{x}",
        ),
        *(r"\hspace{9999em}x", r"\rule{9999em}{0em}x", r"\color{red;background:blue}{x}", r"\includegraphics{a}x"),
    ],
)
def test_only_allowed_elements_and_attributes(tex: str) -> None:
    tree = mathml(tex)
    assert not names_of(tree) & {"href", "style", "class", "id", "onclick", "src", "a", "img"}
    assert "9999" not in str(tree)
    assert "background:" not in str(tree)


@pytest.mark.parametrize(
    "tex", ["", r"\frac", "{", "x^", r"\left(", "x" * (MAX_CHARS + 1), "{" * 900, r"\begin{matrix}" * 70]
)
def test_no_equation(tex: str) -> None:
    with pytest.raises(NotAnEquation):
        mathml(tex)


def test_conversion_is_bounded() -> None:
    """The costliest takes about 20 ms of CPU."""
    parts = [
        ("x'", ""),
        ("{", "}"),
        (r"\sqrt{", "}"),
        (r"\frac{1}{", "}"),
        ("x^{", "}"),
        (r"\left(", r"\right)"),
        ("a_b", ""),
    ]
    for begin, end in parts:
        count = (MAX_CHARS - 1) // len(begin + end)
        began = time.process_time()
        with contextlib.suppress(NotAnEquation):  # nested too deeply for the stack at hand
            mathml(begin * count + "x" + end * count)
        assert time.process_time() - began < 1, begin
