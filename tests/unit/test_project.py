"""What an adopter looks for is there, and says one version."""

import re
import tomllib

import pytest
from flask import Flask

from chat import __version__
from tests.server import ROOT

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


def test_pre_commit_runs_what_make_lint_runs() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nlint:")[1].split("\n\n")[0]
    programs = [line.split("/")[1].split()[0] for line in recipe.splitlines()[1:]]
    assert programs == ["ruff", "ruff", "mypy", "lint-imports"]
    assert all(f".venv/bin/{program}" in hooks for program in programs)


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
