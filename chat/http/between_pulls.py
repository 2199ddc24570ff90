"""Signals that arrive while a client is between two of its held pulls."""

import threading
import time
from collections import OrderedDict

from chat.delivery import Notifier, Waiter

KEPT_SECONDS = 5.0  # typing is shown for as long; a client that stays away longer looks for itself
MOST_KEPT = 10_000


class PullWaiter(Waiter):
    """The waiter of consecutive pulls."""

    __slots__ = ("is_held",)

    is_held: bool  # a pull is held now


class BetweenPulls:
    """Keeps each session's last waiter registered for a while, and passes its signals on to the session's next one.

    A client that pulls again on another connection, or with another head, has another waiter. Its cursors find the
    messages in between, but nothing finds a signal later.
    """

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._lock = threading.Lock()
        self._last: dict[str, PullWaiter] = {}  # by session
        self._left: OrderedDict[str, float] = OrderedDict()  # sessions whose last waiter is done; until, monotonic s

    def follow(self, session_id: str, waiter: PullWaiter) -> None:
        """Make a registered waiter the session's last one."""
        with self._lock:
            self._trim()
            before = self._last.get(session_id)
            self._last[session_id] = waiter
            is_done = self._left.pop(session_id, None) is not None
        if before is None or waiter.signals is None or (before.is_held and not is_done):
            return
        if is_done:
            self._notifier.unregister(before)
        waiter.signals[:0] = before.take_signals()

    def leave(self, session_id: str, waiter: PullWaiter) -> bool:
        """Keep the waiter if it is the session's last one; otherwise the caller unregisters it."""
        with self._lock:
            if self._last.get(session_id) is not waiter:
                return False
            waiter.wake = _nobody
            self._left[session_id] = time.monotonic() + KEPT_SECONDS
            self._trim()
        return True

    def _trim(self) -> None:
        now = time.monotonic()
        while self._left and (len(self._left) > MOST_KEPT or next(iter(self._left.values())) <= now):
            session_id, _ = self._left.popitem(last=False)
            self._notifier.unregister(self._last.pop(session_id))


def _nobody() -> None:
    """Wake no connection."""
