"""Freed memory is returned to the system."""

from chat.server.malloc_trim import GROWN_BYTES, Heap

SIZE = 100 * 1024 * 1024


def test_the_heap_is_trimmed_each_time_it_has_grown() -> None:
    resident, trims = [SIZE], list[int]()

    def trim() -> None:
        trims.append(resident[0])
        resident[0] = SIZE + 1

    heap = Heap(lambda: resident[0], trim)
    heap.give_back()
    assert not trims
    for _ in range(2):
        resident[0] = SIZE + GROWN_BYTES + 2
        heap.give_back()
        heap.give_back()
    assert len(trims) == 2


def test_memory_in_use_is_not_trimmed_repeatedly() -> None:
    resident, trims = [SIZE], list[int]()
    heap = Heap(lambda: resident[0], lambda: trims.append(1))
    resident[0] += 2 * GROWN_BYTES
    for _ in range(3):
        heap.give_back()
    assert len(trims) == 1
