"""Signals that arrive while a client is between two of its held pulls."""

import threading
import time
from collections import OrderedDict
from typing import Protocol

from chat.delivery import Notifier, Waiter
from chat.services.readers import not_woken

KEPT_SECONDS = 5.0  # typing is shown for as long; a client that stays away longer looks for itself
MOST_KEPT = 10_000


class Pulls(Protocol):
    """Consecutive pulls of one connection."""

    is_held: bool  # a pull is held now

    @property
    def reader(self) -> Waiter: ...


class BetweenPulls:
    """Keeps each session's last reader registered for a while, and passes its signals on to the session's next one.

    A client that pulls again on another connection, or with another head, has another reader. Its cursors find the
    messages in between, but nothing finds a signal later.
    """

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._lock = threading.Lock()
        self._last: dict[str, Pulls] = {}  # by session
        self._left: OrderedDict[str, float] = OrderedDict()  # sessions whose last reader is done; until, monotonic s

    def follow(self, session_id: str, pulls: Pulls) -> None:
        """Make a registered reader the session's last one."""
        with self._lock:
            self._trim()
            before = self._last.get(session_id)
            self._last[session_id] = pulls
            is_done = self._left.pop(session_id, None) is not None
        signals = pulls.reader.signals
        if before is None or signals is None or (before.is_held and not is_done):
            return
        if is_done:
            self._notifier.unregister(before.reader)
        signals[:0] = before.reader.take_signals()

    def leave(self, session_id: str, pulls: Pulls) -> bool:
        """Keep the reader if it is the session's last one; otherwise the caller closes it."""
        with self._lock:
            if self._last.get(session_id) is not pulls:
                return False
            pulls.reader.wake = not_woken
            self._left[session_id] = time.monotonic() + KEPT_SECONDS
            self._trim()
        return True

    def _trim(self) -> None:
        now = time.monotonic()
        while self._left and (len(self._left) > MOST_KEPT or next(iter(self._left.values())) <= now):
            session_id, _ = self._left.popitem(last=False)
            self._notifier.unregister(self._last.pop(session_id).reader)
