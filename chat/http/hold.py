"""Holding a request until there is news: parked on the live loop, or, under any other server, blocking its thread."""

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from flask import Response, request

from chat.clock import SECOND
from chat.delivery import Waiter
from chat.errors import ChatError
from chat.http.context import services
from chat.live.parking import ENVIRON_KEY, Hold, Known, Look, Parked
from chat.services import Services
from chat.services.pulls import News, Pull

MOST_HELD = 100_000  # on the loop: connections are bounded by file descriptors already
MOST_BLOCKING = 200  # under another server each keeps one of its threads
LOOP_MAX_BYTES = 16 * 1024  # what is more than that to encode is left to a thread
_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR

Read = Callable[[bytes], Mapping[str, int]]  # a pull's body: cursors (µs) by room. Raises ChatError
Render = Callable[[News], list[bytes]]  # a body in pieces; without I/O where there are no pictures


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request waits for."""

    pull: Pull
    deadline: float  # time.monotonic() s


def answer_when_new(ask: Callable[[], Pull], timeout_s: float, read: Read, render: Render) -> Response:
    """The answer to a pull: at once where there is news, else when there is, or when time is up.

    No database session is held meanwhile. Raises ROOM_NOT_FOUND, and NOT_SIGNED_IN where the session ends.
    """
    hold: Hold | None = request.environ.get(ENVIRON_KEY)
    if hold is not None and hold.resumed is not None:
        return _resume(hold, hold.resumed, render)
    pull = ask()
    news = pull.look()
    if news.count or not timeout_s or request.method == "HEAD":
        return body_response(render(news))
    asked = _Asked(pull, _deadline(services(), pull, timeout_s))
    if hold is not None:
        return _Repeated(services(), hold, pull, timeout_s, read, render).park(hold, asked)
    return body_response(render(_block(asked) or pull.nothing()))


def body_response(pieces: list[bytes]) -> Response:
    """JSON in pieces that are sent as they are."""
    response = Response(pieces, mimetype="application/json")
    response.content_length = sum(map(len, pieces))
    return response


def _deadline(chat: Services, pull: Pull, timeout_s: float) -> float:
    session_left_s = (pull.actor.session_ends - chat.clock()) / SECOND
    return time.monotonic() + min(timeout_s, session_left_s)


# On the live loop


class _Repeated:
    """A pull that its client sends again and again on one connection, with the same head and new cursors.

    The waiter stays registered from one to the next; once it says that rights may have changed, the next
    goes through the whole stack again.
    """

    def __init__(self, chat: Services, hold: Hold, pull: Pull, timeout_s: float, read: Read, render: Render) -> None:
        self._chat = chat
        self._pull = pull
        self._timeout_s = timeout_s
        self._read = read
        self._render = render
        self._waiter = Waiter(pull.keys, hold.wake)
        self._known = Known(self._again, lambda: chat.hub.notifier.unregister(self._waiter))

    def park(self, hold: Hold, asked: _Asked) -> Response:
        """In a thread: answer, or park the request."""
        self._chat.hub.notifier.register(self._waiter, most=MOST_HELD)
        try:
            news = asked.pull.look_again()  # for what happened between the first look and here
        except ChatError:
            self._known.forget()
            raise
        if news is not None:
            self._known.forget()
            return body_response(self._render(news))
        hold.parked = self._parked(asked)
        return Response(mimetype="application/json")  # its headers are those of the answer

    def _parked(self, asked: _Asked) -> Parked:
        actor, waiting = asked.pull.actor, ExitStack()
        waiting.enter_context(self._chat.presence.waiting(actor.session_id, actor.user_id))
        return Parked(
            waiter=self._waiter,
            deadline=asked.deadline,
            look=lambda: self._look(asked.pull),
            late=lambda: self._render(asked.pull.nothing()),
            release=waiting.close,
            state=asked,
            known=self._known,
        )

    def _look(self, pull: Pull) -> list[bytes] | Look:
        news = pull.look_in_memory()
        # Rights are published before what comes after them: had the reader been put out before one of these messages
        # was sent, it would be known by now.
        if news is None or self._waiter.recheck:
            return Look.NEEDS_THREAD
        if not news.count:
            return Look.NOTHING_YET
        return self._render(news) if news.bytes <= LOOP_MAX_BYTES else Look.NEEDS_THREAD

    def _again(self, body: bytes) -> list[bytes] | Parked | Look:
        """On the loop: the next pull with the same head."""
        actor = self._pull.actor
        if self._waiter.recheck or self._waiter.expired or len(body) > LOOP_MAX_BYTES:
            return Look.NEEDS_THREAD
        if actor.session_ends <= self._chat.clock():
            return Look.NEEDS_THREAD
        try:
            pull = self._pull.renewed(self._read(body))
        except ChatError:
            return Look.NEEDS_THREAD  # which words it
        if pull is None:
            return Look.NEEDS_THREAD
        found = self._look(pull)
        if found is Look.NEEDS_THREAD:
            return found
        self._chat.presence.touch(actor.session_id, actor.user_id)
        if isinstance(found, Look):
            return self._parked(_Asked(pull, _deadline(self._chat, pull, self._timeout_s)))
        return found


def _resume(hold: Hold, parked: Parked, render: Render) -> Response:
    """Run once more, in a thread, as a look on the loop was not enough."""
    asked = parked.state
    assert isinstance(asked, _Asked)  # noqa: S101
    parked.waiter.recheck = False  # first, so that what comes during the look is looked at again
    news = asked.pull.look_again()
    if news is not None:
        return body_response(render(news))
    if parked.waiter.expired or asked.deadline <= time.monotonic():
        return body_response(render(asked.pull.nothing()))
    hold.parked = parked
    return Response(mimetype="application/json")


# Under any other server


def _block(asked: _Asked) -> News | None:
    """Wait in this thread; None when time is up, the server stops, or the client has hung up."""
    pull, notifier = asked.pull, services().hub.notifier
    waiting = services().presence.waiting(pull.actor.session_id, pull.actor.user_id)
    with _Wakeup(request.environ.get("gunicorn.socket")) as wakeup, waiting:
        waiter = Waiter(pull.keys, wakeup.set)
        waiter.recheck = True  # for what happened between the first look and here
        notifier.register(waiter, most=MOST_BLOCKING)
        try:
            while True:
                news = _look_blocking(pull, waiter)
                remaining = asked.deadline - time.monotonic()
                if news is not None or waiter.expired or remaining <= 0 or not wakeup.wait(remaining):
                    return news
        finally:
            notifier.unregister(waiter)


def _look_blocking(pull: Pull, waiter: Waiter) -> News | None:
    if not waiter.recheck:
        news = pull.look_in_memory()
        if news is not None and not waiter.recheck:  # again, as in _Repeated._look
            return news if news.count else None
    waiter.recheck = False  # first, so that what comes during the look is looked at again
    return pull.look_again()


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
