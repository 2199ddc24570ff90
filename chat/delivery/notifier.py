"""Who waits for what. A wake-up is only a hint: the waiter looks again, and its position decides."""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable

Key = tuple[str, int]  # ("room", room_id): messages; ("user", user_id): sessions and memberships


class Waiter:
    """Something to be called when one of its keys has news. `wake` may be called from any thread, and often."""

    __slots__ = ("expired", "keys", "recheck", "wake")

    def __init__(self, keys: Iterable[Key], wake: Callable[[], None]) -> None:
        self.keys = tuple(keys)
        self.wake = wake
        self.recheck = False  # rights may have changed: the next look asks the database
        self.expired = False  # answer now, whatever there is


class Notifier:
    """The waiters of this process, by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: defaultdict[Key, set[Waiter]] = defaultdict(set)
        self._oldest_first: OrderedDict[Waiter, None] = OrderedDict()
        self._stopping = False

    def __len__(self) -> int:
        """How many wait, but for those told to answer."""
        return len(self._oldest_first)

    def register(self, waiter: Waiter, most: int) -> None:
        """Add a waiter. Where more than `most` wait, the one that has waited longest is told to answer."""
        with self._lock:
            for key in waiter.keys:
                self._by_key[key].add(waiter)
            self._oldest_first[waiter] = None
            expired = self._expire(0 if self._stopping else most)
        for each in expired:
            each.wake()

    def unregister(self, waiter: Waiter) -> None:
        """Forget a waiter; no call reaches it afterwards but those under way."""
        with self._lock:
            for key in waiter.keys:
                waiters = self._by_key[key]
                waiters.discard(waiter)
                if not waiters:
                    del self._by_key[key]
            self._oldest_first.pop(waiter, None)

    def wake(self, key: Key, *, recheck: bool = False) -> None:
        """Call all who wait on the key."""
        with self._lock:
            waiters = list(self._by_key.get(key, ()))
        self._call(waiters, recheck)

    def wake_all(self) -> None:
        """Call everybody, to ask the database again: some news was missed."""
        with self._lock:
            waiters = list(self._oldest_first)
        self._call(waiters, recheck=True)

    def stop(self) -> None:
        """The server stops: everybody answers now, and whoever comes later does not wait."""
        with self._lock:
            self._stopping = True
            expired = self._expire(0)
        for each in expired:
            each.wake()

    def _expire(self, most: int) -> list[Waiter]:
        # Those told to answer no longer count, though they take a moment to do so.
        expired = []
        while len(self._oldest_first) > most:
            waiter, _ = self._oldest_first.popitem(last=False)
            waiter.expired = True
            expired.append(waiter)
        return expired

    @staticmethod
    def _call(waiters: list[Waiter], recheck: bool) -> None:
        for waiter in waiters:
            if recheck:
                waiter.recheck = True
            waiter.wake()
