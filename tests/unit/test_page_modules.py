"""The page's modules: `ui` imports from `core` and `lib`, `core` from `lib`; a page gets them as one script."""

import os
import re
from pathlib import Path

import pytest

from chat.web import bundles
from chat.web.bundles import FOLDER

FOLDERS = ["lib", "core", "ui", ""]  # from below; the last: the pages' own modules
CLASS = re.compile(r"^(?:export )?class (\w+)", re.MULTILINE)
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


@pytest.mark.parametrize("page", bundles.SHEETS)
def test_a_pages_script_has_each_module_once_and_after_those_that_it_imports(page: str) -> None:
    script = bundles.joined(f"pages/{page}.js")

    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE), "a form that is not joined"
    order = [int(number) for number in re.findall(r"^const \$module(\d+) = \(\(\) => \{$", script, re.MULTILINE)]
    assert order == list(range(len(order)))
    seen = -1
    for constant, used in re.findall(r"^const \$module(\d+)|^const \{[^}]*\} = \$module(\d+);$", script, re.MULTILINE):
        seen = int(constant or seen)
        assert int(used or -1) < seen


def test_a_pages_script_is_made_of_the_modules_that_its_own_one_needs() -> None:
    imports: dict[str, set[str]] = {}
    for path, imported in _imports():
        imports.setdefault(path.as_posix(), set()).add(imported.as_posix())
    needed, found = {"main.js"}, set[str]()
    while needed:
        found |= needed
        needed = {name for path in needed for name in imports.get(path, set())} - found

    script = bundles.joined("pages/main.js")

    assert script.count("$module") == len(found) + sum(len(imports.get(path, set())) for path in found)
    classes = {name for path in found for name in CLASS.findall((FOLDER / "js" / path).read_text(encoding="utf-8"))}
    assert len(classes) > 20
    assert sorted(CLASS.findall(script)) == sorted(classes)


def test_names_that_modules_rename_or_keep_to_themselves_stay_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "js/main.js").write_text('import {\n  a as b,\n  c,\n} from "./one.js";\n\nlet a = b + c;\n')
    (tmp_path / "js/one.js").write_text("const b = 1;\nexport const a = b;\nexport function c() {}\nexport class D {}")
    monkeypatch.setattr(bundles, "FOLDER", tmp_path)

    one, main = bundles.joined("pages/main.js").split("const $module1 = ")

    assert one.endswith("return { a, c, D };\n})();\n// main.js\n")
    assert "const {\n  a: b,\n  c,\n} = $module0;\n\nlet a = b + c;\n" in main


@pytest.mark.parametrize("page", bundles.SHEETS)
def test_a_pages_style_sheet_is_all_of_its_components_in_order(page: str) -> None:
    sheets = [(FOLDER / "css" / f"{name}.css").read_text(encoding="utf-8") for name in bundles.SHEETS[page]]
    assert bundles.joined(f"pages/{page}.css") == "".join(sheets)


def test_every_style_sheet_is_on_a_page() -> None:
    assert {path.stem for path in (FOLDER / "css").iterdir()} == {
        name for names in bundles.SHEETS.values() for name in names
    }


def test_no_field_counts_utf_16_units() -> None:
    """The browser's maxlength does, so that half as many emoji fit, and it cuts pasted texts silently."""
    parts = [FOLDER / "js", FOLDER.parent / "templates"]
    files = [path for part in parts for path in part.rglob("*") if path.suffix in {".js", ".html"}]
    assert len(files) > 50
    assert [path.name for path in files if re.search(r"\bmaxlength\b", path.read_text(encoding="utf-8"))] == []
