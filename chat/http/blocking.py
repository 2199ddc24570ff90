"""Long polls on servers other than LiveWorker: the request blocks its thread until there is news."""

import os
import select
import socket
import threading
import time

from flask import request

from chat.delivery import Waiter
from chat.http.context import services
from chat.models import Actor
from chat.services import Services
from chat.services.pulls import News, Position

MOST_BLOCKING = 200  # each occupies one of the server's threads
_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR


def block(actor: Actor, position: Position, deadline: float) -> News | None:
    """Block this thread until `deadline` (time.monotonic() s). Returns None at the deadline, when the server stops, or
    when the client disconnects.
    """
    chat = services()
    with _Wakeup(request.environ.get("gunicorn.socket")) as wakeup:
        waiter = Waiter(position.keys(actor), wakeup.set)
        waiter.recheck = True  # for changes between the first look and the registration
        chat.presence.wait(actor.session_id, actor.user_id)
        chat.hub.notifier.register(waiter, most=MOST_BLOCKING)
        try:
            while True:
                news = _look_blocking(chat, actor, position, waiter)
                remaining = deadline - time.monotonic()
                if news is not None or waiter.expired or remaining <= 0 or not wakeup.wait(remaining):
                    return news
        finally:
            chat.hub.notifier.unregister(waiter)
            chat.presence.wait_ended(actor.session_id)


def _look_blocking(chat: Services, actor: Actor, position: Position, waiter: Waiter) -> News | None:
    if not waiter.recheck:
        news = chat.pulls.in_memory(position)
        if news is not None and not waiter.recheck:  # check again, as in hold.HeldPull.look
            return news if news.count else None
    waiter.recheck = False  # cleared first, so that a change during the look causes another look
    return chat.pulls.again(actor, position)


class _Wakeup:
    """An event that can be set from any thread, and that also ends when the client disconnects."""

    def __init__(self, client: socket.socket | None) -> None:
        self._lock = threading.Lock()
        self._open = True
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._event, select.POLLIN)
        if client is not None:
            self._poll.register(client, _GONE)

    def set(self) -> None:
        # A late call must not write to a descriptor whose number has been reused.
        with self._lock:
            if self._open:
                os.eventfd_write(self._event, 1)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the event. Returns True if it was set or the time is up, False if the client has disconnected."""
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
