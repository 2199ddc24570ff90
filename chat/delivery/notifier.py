"""Who waits for what. A wake-up is only a hint: the waiter looks again, and its position decides."""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable

from chat.models import Event

Key = tuple[str, int]  # ("room", room_id): messages; ("user", user_id): sessions and memberships

MOST_SIGNALS = 1000  # that wait for one waiter; for one that looks, they are a handful


class Waiter:
    """Something to be called when one of its keys has news. `wake` may be called from any thread, and often."""

    __slots__ = ("expired", "keys", "recheck", "signals", "wake")

    def __init__(self, keys: Iterable[Key], wake: Callable[[], None]) -> None:
        self.keys = tuple(keys)
        self.wake = wake
        self.recheck = False  # rights may have changed: the next look asks the database
        self.expired = False  # answer now, whatever there is
        self.signals: list[Event] | None = None  # a list: signals to its keys are put there, oldest first


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

    def change(self, waiter: Waiter, keys: Iterable[Key]) -> None:
        """Let a registered waiter wait for these keys instead. For those it keeps, no call is missed."""
        wanted = tuple(keys)
        with self._lock:
            had = set(waiter.keys)
            if not had:  # unregistered meanwhile
                return
            waiter.keys = wanted
            for key in had.difference(wanted):
                self._remove(waiter, key)
            for key in wanted:
                self._by_key[key].add(waiter)

    def unregister(self, waiter: Waiter) -> None:
        """Forget a waiter; no call reaches it afterwards but those under way."""
        with self._lock:
            for key in waiter.keys:
                self._remove(waiter, key)
            waiter.keys = ()
            self._oldest_first.pop(waiter, None)

    def _remove(self, waiter: Waiter, key: Key) -> None:
        waiters = self._by_key.get(key)
        if waiters is not None:
            waiters.discard(waiter)
            if not waiters:
                del self._by_key[key]

    def wake(self, key: Key, *, recheck: bool = False) -> None:
        """Call all who wait on the key."""
        with self._lock:
            waiters = list(self._by_key.get(key, ()))
        self._call(waiters, recheck)

    def signal(self, key: Key, event: Event) -> None:
        """Give a signal to those who wait on the key and want such, and call them."""
        with self._lock:
            waiters = [waiter for waiter in self._by_key.get(key, ()) if waiter.signals is not None]
        for waiter in waiters:
            if waiter.signals is not None and len(waiter.signals) < MOST_SIGNALS:
                waiter.signals.append(event)
        self._call(waiters, recheck=False)

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
