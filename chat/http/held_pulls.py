"""Held pulls: answered on the event loop, with positions and encoded answers that readers share."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import cast
from weakref import WeakValueDictionary

from flask import Flask, current_app

from chat import metrics
from chat.clock import SECOND
from chat.errors import ChatError, ErrorCode
from chat.http.between_pulls import KEPT_SECONDS, BetweenPulls
from chat.models import EventKind
from chat.server.ports import IS_AHEAD, NEEDS_THREAD, NOTHING_YET, Ahead, Data, Look
from chat.services import Services
from chat.services.pulls import LookedAt, News, Position, PullReader, marks_at

MOST_HELD = 100_000  # on the event loop: file descriptors limit connections earlier
LOOP_MAX_BYTES = 16 * 1024  # larger answers are encoded in a thread
MOST_POSITIONS = 1024  # with cached answers; the least recently used are dropped
_EXTENSION = "commonroom.long_poll"
_HINTS = {EventKind.MEMBERS, EventKind.ANNOUNCED}  # end a pull with ?members=1, without messages

Read = Callable[[bytes], Mapping[str, int]]  # parses a pull's body into cursors (µs) by room. Raises ChatError
Render = Callable[[News], list[bytes]]  # builds a body in pieces. Raises NeedsThreadError on the loop


class NeedsThreadError(Exception):
    """An answer cannot be built on the event loop: a picture, of any size, has to be read from the store."""


class _AheadError(Exception):
    """The client has seen entries that have not arrived in this process."""


class _Form:
    """What pulls of one kind in the same rooms have in common: they share positions and encoded answers."""

    __slots__ = ("__weakref__", "_position", "_read", "forms", "render")

    def __init__(self, forms: "_Forms", position: Position, read: Read, render: Render) -> None:
        self.forms = forms
        self._position = position  # of the first pull
        self._read = read
        self.render = render

    def find(self, body: bytes) -> Position:
        """Find the position of a pull; `_Forms.position_at` remembers those found.

        Raises ChatError if it has none, LookupError if it needs a thread.
        """
        if self._position.missing:  # only the database can tell whether the reader has joined them since
            raise LookupError
        cursors = self._read(body)
        position, feeds = self._position, self.forms.feeds
        found = position.moved(cursors, feeds)
        if found is not None:
            return found
        # Not if it is in the future: the database has to set it back before anything else comes.
        if self.forms.has_other_workers and position.is_ahead(cursors, feeds, self.forms.clock()):
            raise _AheadError
        raise LookupError


class _Forms:
    """The forms of one application's pulls, and the positions that readers share."""

    def __init__(self, app: Flask, chat: Services) -> None:
        self.app = app
        self.hub = chat.hub
        self.clock = chat.clock
        self._limits = chat.limits
        self.feeds = chat.hub.feeds
        self.between_pulls = BetweenPulls(chat.hub.notifier)
        self._forms: WeakValueDictionary[tuple[object, ...], _Form] = WeakValueDictionary()
        self.position_at = lru_cache(maxsize=MOST_POSITIONS)(_Form.find)

    @property
    def has_other_workers(self) -> bool:
        return self._limits.has_other_workers

    def form(self, position: Position, read: Read, render: Render) -> _Form:
        key = (tuple(position.rooms.items()), tuple(position.cursors), position.limit, position.changes, read, render)
        found = self._forms.get(key)
        if found is None:
            found = self._forms[key] = _Form(self, position, read, render)
        return found


def forms_of(chat: Services) -> _Forms:
    """Return those of the current application."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    if _EXTENSION not in app.extensions:
        app.extensions.setdefault(_EXTENSION, _Forms(app, chat))
    return cast(_Forms, app.extensions[_EXTENSION])


class HeldPull:
    """A held pull (chat.server.ports.HeldRequest), and the following pulls of the same client with the same head.

    The reader waits between pulls, too. When its rights may have changed, the next pull goes through the whole stack.
    """

    __slots__ = (
        "_chat",
        "_ends",
        "_form",
        "_found",
        "_looked_at",
        "_marked",
        "_tells_members",
        "_timeout_s",
        "deadline",
        "is_held",
        "reader",
    )

    def __init__(
        self,
        chat: Services,
        reader: PullReader,
        form: _Form,
        timeout_s: float,
        ends: float,
        looked_at: LookedAt = None,
        *,
        tells_members: bool = False,
    ) -> None:
        """`ends`: when the session does, as time.monotonic() s."""
        reader.signals = [] if tells_members or reader.position.changes else None
        self._chat = chat
        self.reader = reader
        self._form = form
        self._timeout_s = timeout_s
        self._ends = ends
        self._looked_at = looked_at
        self._tells_members = tells_members
        self._found: list[bytes] | None = None  # an answer that a thread has built
        self._marked: tuple[Position, Sequence[tuple[int, int]]] | None = None
        self.deadline = min(time.monotonic() + timeout_s, ends)
        self.is_held = False

    @property
    def asked_at(self) -> float:
        """Time of the last held pull, as time.monotonic() s; earlier if the session is about to end."""
        return self.deadline - self._timeout_s

    @property
    def expired(self) -> bool:
        return self.reader.expired

    @property
    def user_id(self) -> int:
        return self.reader.actor.user_id

    @property
    def marks(self) -> Sequence[tuple[int, int]]:
        """The client's read positions (room id, µs) according to its last pull."""
        position = self.reader.position
        if self._looked_at is None:
            return position.marks
        if self._marked is None or self._marked[0] is not position:
            self._marked = position, marks_at(position, self._looked_at)
        return self._marked[1]

    # In a thread

    def start(self, wake: Callable[[], None]) -> None:
        """Begin to wait. Raises NOT_SIGNED_IN, UNAVAILABLE."""
        reader = self.reader
        reader.wake = wake
        self._take(reader.start(MOST_HELD))
        if self._found is None:
            self._chat.requests.held(self.user_id)
        self._chat.presence.follow(reader.actor.session_id, self.user_id, self)
        self._chat.read_marks.follow(self)
        if reader.signals is not None:
            self._form.forms.between_pulls.follow(reader.actor.session_id, self)

    def look_again(self) -> None:
        """Look in the database. Raises NOT_SIGNED_IN, UNAVAILABLE."""
        try:
            self._take(self.reader.find_again())
        except ChatError as error:
            # Held on: everybody looks again when the database is back.
            if error.code is not ErrorCode.UNAVAILABLE or not self._form.forms.hub.holds_on:
                raise
        if self._found is None and self.deadline <= time.monotonic():
            self._found = [self.late()]

    def _take(self, news: News) -> None:
        if news.is_due:
            metrics.count(metrics.DELIVERIES, news.count)
            with self._form.forms.app.app_context():  # pictures are loaded from the store
                self._found = self._form.render(news)

    # On the event loop

    def look(self) -> Data | Look:
        found, reader = self._found, self.reader
        if found is not None:
            self._found = None
            return found
        if reader.expired:
            return self.late()
        news = reader.find()
        if news is None or news.size > LOOP_MAX_BYTES:
            return NEEDS_THREAD
        if not news.count:
            return self._told() if reader.signals else NOTHING_YET
        if news.encoded is None:
            try:
                news.encoded = b"".join(self._form.render(news))
            except NeedsThreadError:
                return NEEDS_THREAD
        metrics.delivered_on_loop.n += news.count
        return news.encoded

    def _told(self) -> Data | Look:
        """Answer to signals that have arrived."""
        reader = self.reader
        signals = reader.take_signals()
        hints = [signal for signal in signals if self._tells_members and signal.kind in _HINTS]
        if reader.position.changes:
            since = self._chat.clock() - KEPT_SECONDS * SECOND
            typing = reader.position.typing([each for each in signals if each.time >= since], reader.actor)
            if typing.rooms:
                if reader.signals is not None:
                    reader.signals[:0] = hints  # the next answer, which is empty, is about them
                return b"".join(self._form.render(typing))
        return self.late() if hints else NOTHING_YET

    def continue_on(self, wake: Callable[[], None]) -> None:
        self.reader.wake = wake

    def again(self, body: bytes) -> Data | Look | Ahead:
        now, reader, form = time.monotonic(), self.reader, self._form
        if reader.recheck or reader.expired or len(body) > LOOP_MAX_BYTES or self._ends <= now:
            return NEEDS_THREAD
        self._found = None  # for an earlier pull, whose client had gone
        before = reader.position
        try:
            position = reader.position = form.forms.position_at(form, body)
        except (ChatError, LookupError):
            return NEEDS_THREAD  # the thread words the failure
        except _AheadError:
            return IS_AHEAD
        # two tabs may alternate on one connection: record the further position before it is overwritten
        if position is not before and position.is_behind(before):
            self._chat.read_marks.mark(self.user_id, marks_at(before, self._looked_at))
        found = self.look()
        if found is NOTHING_YET:
            metrics.pulls_known.n += 1
            deadline = now + self._timeout_s
            self.deadline = deadline if deadline < self._ends else self._ends
        elif found is not NEEDS_THREAD:
            if not self._chat.requests.count_on_loop(self.user_id):
                metrics.delivered_on_loop.n -= self._count()
                return NEEDS_THREAD  # the thread refuses it
            metrics.pulls_known.n += 1
            self._chat.presence.touch(reader.actor.session_id, self.user_id)
        return found

    def _count(self) -> int:
        """Messages in the answer just found on the loop."""
        news = self.reader.position.news
        return news.count if news else 0

    def late(self) -> bytes:
        return b"".join(self._form.render(self.reader.position.nothing()))

    def close(self) -> None:
        reader = self.reader
        self._chat.presence.unfollow(reader.actor.session_id, self)
        self._chat.read_marks.unfollow(self)
        if reader.signals is None or not self._form.forms.between_pulls.leave(reader.actor.session_id, self):
            reader.close()
