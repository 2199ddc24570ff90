"""Each of import-linter's contracts in pyproject.toml fails when it is broken once."""

import tomllib
from copy import deepcopy
from typing import Any

import grimp
import pytest
from importlinter.configuration import configure
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract
from importlinter.contracts.protected import ProtectedContract

from tests.real_server import ROOT

TYPES: dict[str, Any] = {
    "acyclic_siblings": AcyclicSiblingsContract,
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
    "protected": ProtectedContract,
}
# contract: an import that must not be
BROKEN_BY = {
    "Imports go down only": ("chat.storage.timeline", "chat.services.rooms"),
    "Protocols never import each other": ("chat.protocols.tcp.render", "chat.protocols.ims.render"),
    "Pillow runs in a process of its own": ("chat.pictures", "PIL"),
    "The rules know no Flask": ("chat.services.rooms", "flask"),
    "Only services write: protocols do not reach below them": ("chat.protocols.tcp.render", "sqlalchemy"),
    "Nobody knows which database it is: app.py chooses": ("chat.services.rooms", "chat.backends.sqlite"),
    "The server knows no chat and no Flask": ("chat.server.wsgi", "chat.errors"),
    "The chat enters the server by its door": ("chat.http.handler", "chat.server.stream"),
    "The rules know no server": ("chat.services.rooms", "chat.server.ports"),
    "No import cycles, also not inside packages": ("chat.services.access", "chat.services.rooms"),
}
SESSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS = {options["name"]: options for options in SESSION["contracts"]}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    configure()
    return grimp.build_graph("chat", include_external_packages=True, cache_dir=None)


def is_kept(name: str, graph: grimp.ImportGraph) -> bool:
    options = {key: str(value) if value is True else value for key, value in CONTRACTS[name].items()}
    contract = TYPES[options["type"]](name, {"root_packages": SESSION["root_packages"]} | SESSION, options)
    return bool(contract.check(graph, verbose=False).kept)


def test_every_contract_is_broken_once() -> None:
    assert BROKEN_BY.keys() == CONTRACTS.keys()


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_fails_when_it_is_broken(graph: grimp.ImportGraph, name: str) -> None:
    broken = deepcopy(graph)
    importer, imported = BROKEN_BY[name]
    assert not broken.direct_import_exists(importer=importer, imported=imported)
    assert is_kept(name, deepcopy(graph))
    broken.add_import(importer=importer, imported=imported)
    assert not is_kept(name, broken)
