"""That a new environment has all packages that the code imports."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
OWN = {path.stem for path in ROOT.iterdir()}
# Modules whose packages have another name.
PACKAGES = {
    "PIL": "pillow",
    "_pytest": "pytest",
    "argon2": "argon2-cffi",
    "grimp": "import-linter",
    "importlinter": "import-linter",
    "jwt": "pyjwt",
    "markdown_it": "markdown-it-py",
    "websocket": "websocket-client",
    "xdist": "pytest-xdist",
}


def required(file: Path) -> set[str]:
    """The packages that a file of requirements names, and those of the files that it includes."""
    lines = file.read_text(encoding="utf-8").splitlines()
    named = {re.split("[=<>;]", line)[0].strip().lower() for line in lines if not line.startswith(("#", "-r "))}
    included = (file.with_name(line.split()[1]) for line in lines if line.startswith("-r "))
    return named.union(*map(required, included))


def imported(file: Path) -> Iterator[str]:
    """The packages that a module imports from."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            names = [node.module]
        for name in (name.partition(".")[0] for name in names):
            if name not in sys.stdlib_module_names | OWN:
                yield PACKAGES.get(name, name.replace("_", "-").lower())


@pytest.mark.parametrize(
    ("folder", "file"),
    [("chat", "requirements.txt"), ("bench", "requirements-bench.txt"), ("tests", "requirements-dev.txt")],
)
def test_every_package_that_is_imported_is_required(folder: str, file: str) -> None:
    needed = {package for module in (ROOT / folder).rglob("*.py") for package in imported(module)}
    assert needed
    assert needed - {name.replace("_", "-") for name in required(ROOT / file)} == set()
