"""Long polls on servers other than LiveWorker: the request blocks its thread until there is news."""

import os
import select
import socket
import threading
import time

from flask import request

from chat.http.context import services
from chat.services.pulls import News, PullReader

MOST_BLOCKING = 200  # each occupies one of the server's threads
_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR


def block(reader: PullReader, deadline: float) -> News:
    """Block this thread until there is news, or `deadline` (time.monotonic() s). Returns news without messages at the
    deadline, when the server stops, or when the client disconnects.
    """
    presence, session_id = services().presence, reader.actor.session_id
    with _Wakeup(request.environ.get("gunicorn.socket")) as wakeup:
        reader.wake = wakeup.set
        presence.wait(session_id, reader.actor.user_id)
        try:
            news = reader.start(MOST_BLOCKING)
            while not (news.is_due or reader.expired) and wakeup.wait_until(deadline):
                news = reader.find() or reader.find_again()
            return news
        finally:
            reader.close()
            presence.wait_ended(session_id)


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

    def wait_until(self, deadline: float) -> bool:
        """Wait for the event. Returns False at the deadline (time.monotonic() s), or if the client has disconnected."""
        descriptors = [each for each, _ in self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000)]
        if descriptors != [self._event]:
            return False
        os.eventfd_read(self._event)
        return True

    def __enter__(self) -> "_Wakeup":
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._open = False
            os.close(self._event)
