"""Freed memory is returned to the system."""

from chat.server.malloc_trim import GROWN_BYTES, LOOKS_MAX, Heap

SIZE = 100 * 1024 * 1024


class _Process:
    """With memory in use, and freed memory that only a trim returns."""

    def __init__(self) -> None:
        self.used, self.resident, self.trims = SIZE, SIZE, 0
        self.heap = Heap(lambda: self.resident, self._trim)

    def _trim(self) -> None:
        self.trims += 1
        self.resident = self.used

    def uses(self, size: int) -> None:
        self.used = size
        self.resident = max(self.resident, size)

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            if self.heap.is_due():
                self.heap.give_back()


def test_freed_memory_is_returned_each_time() -> None:
    process = _Process()
    process.look()
    assert not process.trims
    for number in range(1, 4):
        process.uses(SIZE + GROWN_BYTES + 1)
        process.uses(SIZE)
        process.look(2)
        assert (process.trims, process.resident) == (number, SIZE)


def test_memory_in_use_is_trimmed_rarely() -> None:
    process = _Process()
    process.uses(SIZE + 2 * GROWN_BYTES)
    process.look(100 * LOOKS_MAX)
    assert 90 <= process.trims <= 110


def test_memory_freed_long_after_a_trim_is_returned_without_further_growth() -> None:
    process = _Process()
    process.uses(SIZE + 2 * GROWN_BYTES)
    process.look(10 * LOOKS_MAX)
    process.uses(SIZE)
    assert process.resident > SIZE
    process.look(LOOKS_MAX)
    assert process.resident == SIZE
