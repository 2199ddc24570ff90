"""The distribution of test files over pytest's workers."""

from types import SimpleNamespace
from typing import Any

from tests.scheduling import Mixed

FILES = {
    "tests/contract/test_a.py": 3, "tests/e2e/test_a.py": 2, "tests/e2e/test_b.py": 1, "tests/server/test_a.py": 2,
    "tests/server/test_b.py": 2, "tests/tcp/test_a.py": 2, "tests/top.py": 2, "tests/unit/test_a.py": 5,
}  # fmt: skip


class Node:
    """One of pytest's workers: keeps what it is given."""

    shutting_down = False

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.given: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def test_waiting_files_run_beside_others_and_every_test_once() -> None:
    tests = [f"{file}::test_{number}" for file, count in FILES.items() for number in range(count)]
    nodes: list[Any] = [Node(f"gw{number}") for number in range(5)]
    config: Any = SimpleNamespace(getvalue=lambda _name: ["5*popen"], option=SimpleNamespace())
    scheduler = Mixed(config)
    for node in nodes:
        scheduler.add_node(node)
        scheduler.add_node_collection(node, tests)
    scheduler.schedule()

    def folders(node: Node) -> list[str]:
        return [tests[index].split("/")[1] for index in node.given]

    assert [folders(node)[0] for node in nodes] == ["tcp", "server", "server", "e2e", "e2e"]
    done = 0
    while any(len(node.given) > done for node in nodes):  # all are equally quick
        for node in nodes:
            if len(node.given) > done:
                scheduler.mark_test_complete(node, node.given[done])
        done += 1
    assert sorted(index for node in nodes for index in node.given) == list(range(len(tests)))
    assert scheduler.tests_finished
