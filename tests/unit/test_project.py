"""Project files exist and agree with each other."""

import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from chat import __version__
from chat.http.fields import In, Out
from tests.real_server import ROOT

KIT = [
    "LICENSE",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CODE_OF_CONDUCT.md",
    "CHANGELOG.md",
    ".editorconfig",
    ".pre-commit-config.yaml",
]


def test_the_program_tells_its_version(app: Flask) -> None:
    assert app.test_cli_runner().invoke(args=["chat", "version"]).output == f"{__version__}\n"
    assert app.test_client().get("/healthz").json == {"status": "ok", "version": __version__}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "chat.__version__"}


@pytest.mark.parametrize("name", KIT)
def test_the_adoption_kit_is_there(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8").strip()


def test_pre_commit_runs_the_programs_of_make_lint() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nlint:")[1].split("\n\n")[0]
    programs = [line.split("/")[1].split()[0] for line in recipe.splitlines()[1:]]
    assert programs == ["ruff", "ruff", "mypy", "lint-imports", "lint-page"]
    assert all(f"/{program}" in hooks for program in programs)


def test_every_target_of_make_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = makefile.split(".PHONY:")[1].split("\n")[0].split()
    for target in phony:
        assert f"\n{target}:" in makefile
        rule = makefile.split(f"\n{target}:")[1].split("\n")[0]
        assert " ## " in rule, f"make help does not say what make {target} does"


def test_references_to_the_specification_name_its_sections() -> None:
    titles = set(re.findall(r"^## (.+)$", (ROOT / "docs/specification.md").read_text(encoding="utf-8"), re.M))
    sources = {
        path: path.read_text(encoding="utf-8") for name in ("chat", "tests") for path in (ROOT / name).rglob("*.py")
    }
    references = {
        (path.name, title)
        for path, text in sources.items()
        for reference in re.findall(r'docs/specification\.md((?:(?:,| and)\s*"[^"]+")+)', text)
        for title in re.findall(r'"([^"]+)"', " ".join(reference.split()))
    }
    assert len(references) > 40
    assert not {reference for reference in references if reference[1] not in titles}


def test_the_glossary_defines_each_term_once_and_names_its_module() -> None:
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    rows = [
        line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ") and "| term " not in line
    ]
    assert len(rows) >= 60
    terms = [row[0].strip() for row in rows]
    assert len(set(terms)) == len(terms)
    for term, meaning, modules in rows:
        assert meaning.strip().endswith("."), term
        assert re.search("`chat/[^`]+[.]py`", modules), f"{term} names no module"


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("**/*.md")), ids=lambda page: page.name)
def test_pages_name_files_and_pages_that_exist(page: Path) -> None:
    text = re.sub("```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    files = re.findall(r"`((?:chat|tests|bench|conformance|deploy|migrations|docs)/[\w/.-]+\.\w+)`", text)
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = {file for file in files if not (ROOT / file).exists()}
    assert not missing | {link for link in links if link and not (page.parent / link).exists()}


@pytest.mark.parametrize("page", ["faults", "classroom"])
def test_pages_that_name_tests_name_existing_ones(page: str) -> None:
    path = ""
    for named in re.findall(r"`([\w/.]*)::(test_\w+)`", (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")):
        path = named[0] or path  # `::name` is in the file named last
        assert f"def {named[1]}(" in (ROOT / path).read_text(encoding="utf-8"), named


def test_the_index_lists_every_decision_by_its_title() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", index, re.M)
    titles = [path.read_text(encoding="utf-8").splitlines()[0] for path in sorted(folder.glob("[0-9]*.md"))]
    assert [f"# {number}: {title}" for number, _, title in listed] == titles


def test_protocols_use_the_same_file_names_for_the_same_jobs(app: Flask) -> None:
    """Requests, responses and errors; noun modules differ. (The application imports all of them.)"""
    assert app
    for base, name in ((In, "requests"), (Out, "responses")):
        for schema in _derived(base):
            if schema.__module__.startswith("chat.protocols."):
                assert schema.__module__.split(".")[3] == name, schema
    for protocol in (ROOT / "chat/protocols").iterdir():
        if (protocol / "__init__.py").exists():
            stems = {path.stem for path in protocol.iterdir()}
            assert {"errors", "requests"} <= stems, protocol


def _derived(base: type) -> set[type]:
    return {base}.union(*map(_derived, base.__subclasses__()))


PACKAGES = sorted(path.name for path in (ROOT / "chat").iterdir() if (path / "__init__.py").exists())
MODULE = re.compile(rf"\b(?:chat\.)?((?:{'|'.join(PACKAGES)})(?:\.[a-z_]+)+)\b")


def commented_modules(path: Path) -> Iterator[str]:
    """The modules of the chat that comments and docstrings of a file name."""
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(io.StringIO(file.read()).readline):
            if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
                yield from MODULE.findall(token.string)


def is_module(name: str) -> bool:
    """Whether there is such a module or package, or a module with such a member."""
    place = ROOT / "chat" / name.replace(".", "/")
    return place.is_dir() or place.with_suffix(".py").exists() or place.parent.with_suffix(".py").exists()


def test_modules_named_in_comments_exist() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "chat").rglob("*.py"))
        for name in commented_modules(path)
        if not name.endswith((".py", ".md")) and name != "http.client" and not is_module(name)
    ]
    assert found == []


def test_files_named_in_the_docs_exist() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/protocols").glob("*.md")]
    named = {
        (page.name, name)
        for page in pages
        if page.name != "CHANGELOG.md"
        for name in re.findall(
            r"`((?:bench|chat|conformance|deploy|migrations|scripts|tests)/[\w/.-]+)(?:::\w+)?`",
            page.read_text(encoding="utf-8"),
        )
    }
    assert len(named) > 300
    assert [(page, name) for page, name in sorted(named) if not (ROOT / name).exists()] == []
