"""Which of pytest's workers runs which test file: three workers those that mostly wait, the others those that compute.

In the order of their names, files that wait would often meet each other, and leave both cores idle.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadfile import LoadFileScheduling
from xdist.workermanage import WorkerController

WAITING = ("tcp", "server", "integration", "property")  # folders whose tests wait for time limits and processes
BUSY = ("e2e", "contract", "unit")
WAITING_WORKERS = 3


class Mixed(LoadFileScheduling):
    """Gives a free worker the next whole file, of the kind that the others run too little of."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # else files with many tests come first
        self._waiting: set[WorkerController] = set()

    def _assign_work_unit(self, node: WorkerController) -> None:
        self._waiting.discard(node)
        preferred = [*WAITING, *BUSY] if len(self._waiting) < WAITING_WORKERS else [*BUSY, *WAITING]
        file = min(self.workqueue, key=lambda file: preferred.index(folder_of(file)))
        if folder_of(file) in WAITING:
            self._waiting.add(node)
        self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)


def folder_of(file: str) -> str:
    """Return `e2e` for tests/e2e/test_rooms.py, and the last of BUSY for a file in no folder that is named here."""
    folder = file.split("/")[1]
    return folder if folder in {*WAITING, *BUSY} else BUSY[-1]
