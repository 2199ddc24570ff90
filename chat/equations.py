"""Equations: LaTeX to MathML, as a tree of allowed elements that clients build nodes from, never as markup."""

import hashlib
import html
import re
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element

MAX_CHARS = 1000  # of the LaTeX; the costliest takes about 20 ms
MAX_ELEMENTS = 4000
MOST_KEPT = 512
_ELEMENTS = frozenset(
    {
        *(
            "math",
            "menclose",
            "mfrac",
            "mi",
            "mmultiscripts",
            "mn",
            "mo",
            "mover",
            "mpadded",
            "mphantom",
            "mprescripts",
        ),
        *("mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext"),
        *("mtr", "munder", "munderover", "none"),
    }
)
_LENGTH = re.compile(r"[+-]?\d{0,2}(?:\.\d{1,4})?(?:em|ex|px|pt|mu|%)?")
_WORDS = re.compile(r"[a-z-]{1,24}(?: [a-z-]{1,24}){0,7}")
_COLOUR = re.compile(r"[A-Za-z]{1,24}|#[0-9A-Fa-f]{3,6}")
_LENGTHS = (
    "width",
    "height",
    "depth",
    "lspace",
    "rspace",
    "voffset",
    "linethickness",
    "minsize",
    "maxsize",
    "rowspacing",
)
_NAMED = (
    *("accent", "accentunder", "columnalign", "columnlines", "displaystyle", "fence", "form", "largeop", "linebreak"),
    *("mathvariant", "movablelimits", "notation", "rowlines", "separator", "stretchy", "symmetric"),
)
_ATTRIBUTES = {
    **dict.fromkeys(_LENGTHS, _LENGTH),
    **dict.fromkeys(("mathcolor", "mathbackground"), _COLOUR),
    **dict.fromkeys(_NAMED, _WORDS),
    "scriptlevel": re.compile(r"[+-]?\d"),
}

Tree = list[Any]  # the element's name, its attributes, and its children: texts and trees


class NotAnEquation(ValueError):  # noqa: N818
    """The text cannot be converted, or exceeds the limits."""


def hash_of(tex: str) -> str:
    """The name under which a client asks for the equation: SHA-256 in hexadecimal."""
    return hashlib.sha256(tex.encode()).hexdigest()


@lru_cache(maxsize=MOST_KEPT)
def mathml(tex: str) -> Tree:
    """Convert LaTeX to a tree. Raises NotAnEquation. Shared between threads: do not change it."""
    if len(tex) > MAX_CHARS:
        raise NotAnEquation("too long")
    from latex2mathml.converter import convert_to_element  # here, as few requests need it

    try:
        element = convert_to_element(tex)
        if sum(1 for _ in element.iter()) > MAX_ELEMENTS:
            raise NotAnEquation("too many elements")
        return _allowed(element)
    except NotAnEquation:
        raise
    except Exception as error:  # the library raises anything: IndexError, StopIteration, RecursionError
        raise NotAnEquation(str(error)) from error


def _allowed(element: Element) -> Tree:
    """The element as a tree. Elements that are not allowed are left out, with its children kept."""
    name = element.tag if element.tag in _ELEMENTS else "mrow"
    attributes = {
        key: value
        for key, value in element.attrib.items()
        if key in _ATTRIBUTES and _ATTRIBUTES[key].fullmatch(value) is not None
    }
    text = [html.unescape(element.text)] if element.text else []
    return [name, attributes, *text, *(_allowed(child) for child in element)]
