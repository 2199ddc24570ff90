"""Clients, and pools whose jobs may come from any thread."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from chat.lanes import Lane
from chat.server.threads import Bounds, Pool
from tests.real_server import wait_until


class Client:
    """An Owner."""

    def __init__(self, name: str) -> None:
        self.client = name
        self.refusals: list[tuple[Any, ...]] = []

    def refused(self, lane: Lane, work: Callable[..., None], args: tuple[Any, ...]) -> None:
        self.refusals.append((lane, *args))


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def call_soon(self, call: Callable[..., object], *args: Any) -> None:
        self._loop.call_soon_threadsafe(call, *args)

    def call(self, call: Callable[..., None], *args: Any) -> None:
        """Call on the loop, and wait for it."""

        async def called() -> None:
            call(*args)

        self.run(called())

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run on the loop, and wait for it: asyncio.run fails in pytest's thread once a test had a browser there."""
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


class LoopPool(Pool):
    """A pool whose jobs may come from any thread."""

    def __init__(self, bounds: Bounds, loop: Loop) -> None:
        super().__init__(Lane.LONG, bounds, loop.call_soon)
        self._loop = loop

    def _put(self, *args: Any) -> None:
        self._loop.call(super()._put, *args)


MakePool = Callable[..., Pool]


@pytest.fixture
def pool_of(loop: Loop) -> MakePool:
    def make(threads: int, most_waiting: int = 2000, **bounds: int) -> Pool:
        return LoopPool(Bounds(threads, most_waiting, **bounds), loop)

    return make


class Busy:
    """A pool whose threads are busy for another client until released."""

    def __init__(self, pool: Pool, threads: int = 1) -> None:
        self._go_on = threading.Event()
        self._at_work: list[int] = []
        for number in range(threads):
            pool.run(Client(f"somebody {number}"), self._wait, number)
        wait_until(lambda: len(self._at_work) == threads, "all threads are at work")

    def _wait(self, number: int) -> None:
        self._at_work.append(number)
        self._go_on.wait(10)

    def let_go_on(self) -> None:
        self._go_on.set()


@pytest.fixture
def alice() -> Client:
    return Client("alice")


@pytest.fixture
def bob() -> Client:
    return Client("bob")
