"""Registers waiting clients and wakes them. A wake-up is only a hint: the waiter looks again, and its
cursor decides.
"""

import contextlib
import random
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable

from chat.models import Event

Key = tuple[str, int]  # ("room", room_id): messages; ("changes", room_id); ("user", user_id): sessions and memberships

WAKE_AT_ONCE = 100  # more waiters than this are woken over
WAKE_SECONDS = 1.5
WAKE_STEPS = 50
MOST_SIGNALS = 1000  # queued per waiter; an active one has a handful


class Waiter:
    """A callback for news about its keys. `wake` may be called from any thread, and repeatedly."""

    __slots__ = ("expired", "keys", "recheck", "signals", "wake")

    def __init__(self, keys: Iterable[Key], wake: Callable[[], None]) -> None:
        self.keys = tuple(keys)
        self.wake = wake
        self.recheck = False  # rights may have changed: the next look must query the database
        self.expired = False  # must answer now, with or without news
        self.signals: list[Event] | None = None  # a list: receives signals for the waiter's keys, oldest first

    def take_signals(self) -> list[Event]:
        """Return the signals that have arrived, each once. Callable from any thread."""
        taken: list[Event] = []
        with contextlib.suppress(IndexError):  # another thread has taken the last one
            while self.signals:
                taken.append(self.signals.pop(0))
        return taken


class Notifier:
    """The waiters of this process, by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: defaultdict[Key, set[Waiter]] = defaultdict(set)
        self._oldest_first: OrderedDict[Waiter, None] = OrderedDict()
        self._stopping = False

    def __len__(self) -> int:
        """The number of waiters, excluding those told to answer."""
        return len(self._oldest_first)

    def register(self, waiter: Waiter, most: int) -> None:
        """Add a waiter. If there are more than `most`, the one that has waited longest is told to answer."""
        with self._lock:
            for key in waiter.keys:
                self._by_key[key].add(waiter)
            self._oldest_first[waiter] = None
            expired = self._expire(0 if self._stopping else most)
        for each in expired:
            each.wake()

    def change(self, waiter: Waiter, keys: Iterable[Key]) -> None:
        """Change a registered waiter's keys. For keys that it keeps, no wake-up is missed."""
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
        """Remove a waiter; only wake-ups in progress can reach it afterwards."""
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
        """Wake all waiters of the key."""
        with self._lock:
            waiters = list(self._by_key.get(key, ()))
        self._call(waiters, recheck)

    def signal(self, key: Key, event: Event) -> None:
        """Deliver a signal to the waiters of the key that accept signals, and wake them."""
        with self._lock:
            waiters = [waiter for waiter in self._by_key.get(key, ()) if waiter.signals is not None]
        for waiter in waiters:
            if waiter.signals is not None and len(waiter.signals) < MOST_SIGNALS:
                waiter.signals.append(event)
        self._call(waiters, recheck=False)

    def wake_all(self) -> None:
        """Wake all waiters to query the database, because events were missed. Many are spread over a while."""
        with self._lock:
            waiters = list(self._oldest_first)
        for waiter in waiters:
            waiter.recheck = True
        if len(waiters) <= WAKE_AT_ONCE:
            self._call(waiters, recheck=True)
        else:
            threading.Thread(target=self._wake_slowly, args=(waiters,), name="wake all", daemon=True).start()

    def _wake_slowly(self, waiters: list[Waiter]) -> None:
        random.shuffle(waiters)
        steps = min(WAKE_STEPS, len(waiters))
        for step in range(steps):
            self._call(waiters[step::steps], recheck=False)
            time.sleep(WAKE_SECONDS / steps)

    def stop(self) -> None:
        """Have all waiters answer because the server stops; later ones do not wait."""
        with self._lock:
            self._stopping = True
            expired = self._expire(0)
        for each in expired:
            each.wake()

    def _expire(self, most: int) -> list[Waiter]:
        # Waiters told to answer no longer count, although they take a moment to do so.
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
