"""One script and one style sheet for each page, joined from the files in `static`.

The chat's modules and style sheets would be a hundred requests (docs/decisions/0440-one-script-a-page.md).
"""

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
_COMMON = ("base", "controls", "names", "feedback", "dialogs", "welcome")
SHEETS = {
    "main": (
        *_COMMON, "panes", "rooms", "conversation", "composer", "empty", "members", "screens", "messagetools",
        "messagetexts", "console", "search", "moderation",
    ),
    "teach": (*_COMMON, "console", "moderation"),
    "board": (*_COMMON, "console", "messagetools", "messagetexts", "board"),
    "docs": (*_COMMON, "docs"),
}  # fmt: skip
NAMES = [f"pages/{page}.{suffix}" for page in SHEETS for suffix in ("css", "js")]
_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)


def joined(name: str) -> str:
    """Return the text of one of NAMES."""
    page, _, suffix = name.removeprefix("pages/").partition(".")
    return _style_sheet(page) if suffix == "css" else _script(page)


def _style_sheet(page: str) -> str:
    return "".join((FOLDER / "css" / f"{sheet}.css").read_text(encoding="utf-8") for sheet in SHEETS[page])


def _script(page: str) -> str:
    """Make each module a function that returns its exports, in the order in which a browser would run them.

    Modules do not import each other in a circle, and no export is assigned to later.
    """
    constants: dict[Path, str] = {}
    parts: list[str] = []

    def add(path: Path) -> str:
        """Add a module that is not there yet, after those that it imports; the constant with its exports."""
        if path not in constants:
            text = path.read_text(encoding="utf-8")
            body = _IMPORT.sub(lambda found: _destructured(found[1], add((path.parent / found[2]).resolve())), text)
            constants[path] = f"$module{len(constants)}"
            end = f"return {{ {', '.join(_EXPORT.findall(text))} }};\n}})();\n"
            parts.append(f"// {path.name}\nconst {constants[path]} = (() => {{\n{_EXPORT.sub('', body)}\n{end}")
        return constants[path]

    add((FOLDER / "js" / f"{page}.js").resolve())
    return "".join(parts)


def _destructured(names: str, constant: str) -> str:
    return f"const {{{names.replace(' as ', ': ')}}} = {constant};"
