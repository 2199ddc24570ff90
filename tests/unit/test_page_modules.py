"""The page's folders: `ui` imports from `core` and `lib`, `core` from `lib`, and `lib` from itself."""

import os
import re
from pathlib import Path

from chat.web.files import FOLDER

FOLDERS = ["lib", "core", "ui", ""]  # from below; the last: the pages' own modules
IMPORT = re.compile(r'(?:from |import |import\()"(\.[\w./]+)"')


def _imports() -> list[tuple[Path, Path]]:
    root = FOLDER / "js"
    found = []
    for path in root.rglob("*.js"):
        for name in IMPORT.findall(path.read_text(encoding="utf-8")):
            imported = Path(os.path.normpath(path.parent / name))
            assert imported.is_file(), f"{path} imports {name}, which is not there"
            found.append((path.relative_to(root), imported.relative_to(root)))
    return found


def test_modules_import_downwards_only() -> None:
    def level(path: Path) -> int:
        return FOLDERS.index(path.parent.as_posix().strip("."))

    imports = _imports()
    assert len(imports) > 200
    assert [f"{path} imports {imported}" for path, imported in imports if level(path) < level(imported)] == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    imports: dict[Path, set[Path]] = {}
    for path, imported in _imports():
        imports.setdefault(path, set()).add(imported)
    while leaves := [path for path, names in imports.items() if not names & imports.keys()]:
        for path in leaves:
            del imports[path]
    assert sorted(map(str, imports)) == []
