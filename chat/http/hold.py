"""Holding a request until there is news: the blocking form, a thread for each, for any WSGI server."""

import os
import select
import socket
import threading
import time

from flask import current_app, request

from chat.clock import SECOND
from chat.delivery import Waiter
from chat.http.context import services
from chat.services.pulls import News, Pull

_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR


def hold(pull: Pull, timeout_s: float) -> News | None:
    """Wait for what the pull is about; None when time is up, the server stops, or the client has hung up.

    No database session is held meanwhile. Raises NOT_SIGNED_IN where the session ends during the wait.
    """
    notifier = services().hub.notifier
    session_left_s = (pull.actor.session_ends - services().clock()) / SECOND
    deadline = time.monotonic() + min(timeout_s, session_left_s)
    waiting = services().presence.waiting(pull.actor.session_id, pull.actor.user_id)
    with _Wakeup(request.environ.get("gunicorn.socket")) as wakeup, waiting:
        waiter = Waiter(pull.keys, wakeup.set)
        waiter.recheck = True  # for what happened between the first look and here
        notifier.register(waiter, most=current_app.config["HELD_PULLS_MAX"])
        try:
            while True:
                news = _look(pull, waiter)
                remaining = deadline - time.monotonic()
                if news is not None or waiter.expired or remaining <= 0 or not wakeup.wait(remaining):
                    return news
        finally:
            notifier.unregister(waiter)


def _look(pull: Pull, waiter: Waiter) -> News | None:
    if waiter.recheck:
        waiter.recheck = False  # first, so that what comes during the look is looked at again
        return pull.look_again()
    news = pull.look()
    return news if news.count else None


class _Wakeup:
    """A wait that ends when it is set, from any thread, or when the client's socket hangs up."""

    def __init__(self, client: socket.socket | None) -> None:
        self._lock = threading.Lock()
        self._open = True
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._event, select.POLLIN)
        if client is not None:
            self._poll.register(client, _GONE)

    def set(self) -> None:
        # A late call must not write into whatever has the descriptor's number by then.
        with self._lock:
            if self._open:
                os.eventfd_write(self._event, 1)

    def wait(self, timeout_s: float) -> bool:
        """Whether to look again: it was set, or the time is up. False: there is nobody left to answer."""
        for descriptor, _ in self._poll.poll(timeout_s * 1000):
            if descriptor != self._event:
                return False
            os.eventfd_read(self._event)
        return True

    def __enter__(self) -> "_Wakeup":
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._open = False
            os.close(self._event)
