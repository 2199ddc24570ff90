"""Long polls: a request is held on the event loop, or blocks its thread on other servers (chat.http.blocking)."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import lt
from typing import cast
from weakref import WeakValueDictionary

from flask import Response, current_app, request

from chat import metrics
from chat.clock import SECOND
from chat.errors import ChatError
from chat.http.between_pulls import KEPT_SECONDS, BetweenPulls, PullWaiter
from chat.http.blocking import block
from chat.http.context import services
from chat.lanes import Lane, enter_lane
from chat.models import Actor, EventKind
from chat.server.ports import ENVIRON_KEY, NEEDS_THREAD, NOTHING_YET, Hold, Look
from chat.services import Services
from chat.services.pulls import SHORT_ANSWER_BYTES, LookedAt, News, Position, marks_at

MOST_HELD = 100_000  # on the event loop: file descriptors limit connections earlier
LOOP_MAX_BYTES = 16 * 1024  # larger answers are encoded in a thread
MOST_PLACES = 1024  # positions with cached answers; the least recently used are dropped
_EXTENSION = "commonroom.hold"
_HINTS = {EventKind.MEMBERS, EventKind.ANNOUNCED}  # end a pull with ?members=1, without messages

Ask = Callable[[], tuple[Position, News]]
Read = Callable[[bytes], Mapping[str, int]]  # parses a pull's body into cursors (µs) by room. Raises ChatError
Render = Callable[[News], list[bytes]]  # builds a body in pieces; no I/O unless there are pictures


def answer_when_new(
    actor: Actor,
    ask: Ask,
    timeout_s: float,
    read: Read,
    render: Render,
    looked_at: LookedAt = None,
    *,
    tells_members: bool = False,
) -> Response:
    """Answer a pull: immediately if there is news, otherwise when news arrives or the time is up.

    `tells_members`: a pull held on the event loop also ends, without news, when a membership in one of the rooms begins
    or ends. No database session is held meanwhile. `read` and `render` are the same objects for all pulls of one kind.
    Raises ROOM_NOT_FOUND, and NOT_SIGNED_IN if the session ends.
    """
    hold: Hold | None = request.environ.get(ENVIRON_KEY)
    if hold is not None and isinstance(hold.resumed, HeldPull):
        return hold.resumed.resume(hold)
    position, news = ask()
    if news.count or not timeout_s or request.method == "HEAD":
        return news_response(render, news)
    if hold is not None:
        return HeldPull(
            services(), hold, actor, timeout_s, position, read, render, looked_at, tells_members=tells_members
        ).park(hold)
    services().requests.held(actor.user_id)
    deadline = min(time.monotonic() + timeout_s, _session_ends(services(), actor))
    news = block(actor, position, deadline) or position.nothing()
    return news_response(render, news)


def news_response(render: Render, news: News) -> Response:
    """Answer a request that was not held. Raises WrongLane for a long answer."""
    if news.bytes > SHORT_ANSWER_BYTES:
        enter_lane(Lane.LONG)
    return _news_response(render, news)


def _news_response(render: Render, news: News) -> Response:
    metrics.count(metrics.DELIVERIES, news.count)
    return body_response(render(news))


def body_response(pieces: list[bytes]) -> Response:
    """Return JSON in pieces that are sent unchanged."""
    response = Response(pieces, mimetype="application/json")
    response.content_length = sum(map(len, pieces))
    return response


def _session_ends(chat: Services, actor: Actor) -> float:
    """As time.monotonic() s."""
    return time.monotonic() + (actor.session_ends - chat.clock()) / SECOND


# On the event loop


class _Place:
    """A position with its cached answer, encoded once for all readers."""

    __slots__ = (
        "_answer",
        "_chat",
        "_feeds",
        "_render",
        "_room_ids",
        "_seen",
        "_version",
        "count",
        "marks",
        "position",
    )

    def __init__(self, chat: Services, position: Position, render: Render) -> None:
        self.position = position
        self.marks = marks_at(position, None)
        self._room_ids = tuple(position.rooms.values())
        self._chat = chat
        self._feeds = chat.hub.feeds
        self._render = render
        self._seen = -1  # feeds.changes at the last look
        self._version: int | None = None
        self._answer: bytes | Look = NEEDS_THREAD
        self.count = 0  # messages in the answer

    def look(self) -> bytes | Look:
        """Look in memory. Does not check the readers' rights."""
        if self._seen == self._feeds.changes:
            return self._answer
        self._seen = self._feeds.changes  # read first, so that a change during the look causes another look
        version = self._feeds.version(self._room_ids)
        if version is None or version != self._version:
            self._answer = NEEDS_THREAD if version is None else self._find()
            self._version = version
        return self._answer

    def is_behind(self, other: "_Place") -> bool:
        """Whether any cursor is before the other's in the same room."""
        marks, others = self.marks, other.marks  # of the same rooms, in the same order
        # a single room takes a quarter of the time
        return marks < others if len(marks) == 1 else any(map(lt, marks, others))

    def nothing(self) -> bytes:
        return b"".join(self._render(self.position.nothing()))

    def _find(self) -> bytes | Look:
        news = self._chat.pulls.in_memory(self.position)
        if news is None or news.bytes > LOOP_MAX_BYTES:
            return NEEDS_THREAD
        self.count = news.count
        return b"".join(self._render(news)) if news.count else NOTHING_YET


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class _Places:
    """Cached positions for one combination of rooms, limit and renderer, shared by all pulls with that combination."""

    shared: "_Shared"
    position: Position  # of the first pull
    read: Read
    render: Render

    def at(self, position: Position) -> _Place:
        return _Place(self.shared.chat, position, self.render)


class _Shared:
    """Caches shared by all readers of one application."""

    def __init__(self, chat: Services) -> None:
        self.chat = chat
        self.between_pulls = BetweenPulls(chat.hub.notifier)
        self._places: WeakValueDictionary[tuple[object, ...], _Places] = WeakValueDictionary()
        self.place_named = lru_cache(maxsize=MOST_PLACES)(self._place_named)

    def places(self, position: Position, read: Read, render: Render) -> _Places:
        key = (tuple(position.rooms.items()), tuple(position.cursors), position.limit, position.changes, read, render)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = _Places(self, position, read, render)
        return found

    def _place_named(self, places: _Places, body: bytes) -> _Place:
        """Return the position for a body. Raises ChatError if it names none, LookupError if it needs a thread."""
        if places.position.missing:  # only the database can tell whether the reader has joined them since
            raise LookupError
        position = self.chat.pulls.moved(places.position, places.read(body))
        if position is None:
            raise LookupError
        return places.at(position)


def _shared(chat: Services) -> _Shared:
    extensions = current_app.extensions
    if _EXTENSION not in extensions:
        extensions.setdefault(_EXTENSION, _Shared(chat))
    return cast(_Shared, extensions[_EXTENSION])


class HeldPull(PullWaiter):
    """A held pull (chat.server.ports.Parked), and the next pulls of the same connection with the same head.

    The waiter stays registered between pulls. When it reports that rights may have changed, the next pull goes through
    the whole stack again.
    """

    __slots__ = (
        "_actor",
        "_chat",
        "_looked_at",
        "_marked",
        "_place",
        "_places",
        "_session_ends",
        "_tells_members",
        "_timeout_s",
        "deadline",
    )

    def __init__(
        self,
        chat: Services,
        hold: Hold,
        actor: Actor,
        timeout_s: float,
        position: Position,
        read: Read,
        render: Render,
        looked_at: LookedAt = None,
        *,
        tells_members: bool = False,
    ) -> None:
        super().__init__(position.keys(actor), hold.wake)
        self.signals = [] if tells_members or position.changes else None
        self._tells_members = tells_members
        self._chat = chat
        self._actor = actor
        self._timeout_s = timeout_s
        self._session_ends = _session_ends(chat, actor)
        self._places = _shared(chat).places(position, read, render)
        self._place = self._places.at(position)
        self._looked_at = looked_at
        self._marked: tuple[_Place, Sequence[tuple[int, int]]] | None = None
        self.deadline = min(time.monotonic() + timeout_s, self._session_ends)
        self.is_held = False

    @property
    def asked_at(self) -> float:
        """Time of the last held pull, as time.monotonic() s; earlier if the session is about to end."""
        return self.deadline - self._timeout_s

    @property
    def user_id(self) -> int:
        return self._actor.user_id

    @property
    def marks(self) -> Sequence[tuple[int, int]]:
        """The client's read positions (room id, µs) according to its last pull."""
        if self._looked_at is None:
            return self._place.marks
        if self._marked is None or self._marked[0] is not self._place:
            self._marked = self._place, marks_at(self._place.position, self._looked_at)
        return self._marked[1]

    # In a thread

    def park(self, hold: Hold) -> Response:
        """Answer, or hold the request. Raises NOT_SIGNED_IN."""
        self._chat.hub.notifier.register(self, most=MOST_HELD)
        try:
            news = self._look_in_database()  # for changes between the first look and the registration
        except BaseException:
            self.forget()
            raise
        if news is not None:
            self.forget()
            return _news_response(self._places.render, news)
        self.is_held = True
        self._chat.requests.held(self._actor.user_id)
        self._chat.presence.follow(self._actor.session_id, self._actor.user_id, self)
        self._chat.read_marks.follow(self)
        if self.signals is not None:
            self._places.shared.between_pulls.follow(self._actor.session_id, self)
        hold.parked = self
        return Response(mimetype="application/json")  # carries the headers of the later answer

    def resume(self, hold: Hold) -> Response:
        """Look again in a thread, because the event loop could not answer. Raises NOT_SIGNED_IN."""
        self.recheck = False  # cleared first, so that a change during the look causes another look
        news = self._look_in_database()
        if news is None and (self.expired or self.deadline <= time.monotonic()):
            news = self._place.position.nothing()
        if news is not None:
            return _news_response(self._places.render, news)
        hold.parked = self
        return Response(mimetype="application/json")

    def _look_in_database(self) -> News | None:
        return self._chat.pulls.again(self._actor, self._place.position)

    # On the event loop

    def look(self) -> bytes | Look:
        place = self._place
        found = place.look()
        # Rights are published before later messages: if the reader had been removed before one of these messages was
        # sent, this waiter would have been told.
        if self.recheck:
            return NEEDS_THREAD
        if found is NOTHING_YET:
            return self._told() if self.signals else NOTHING_YET
        if found is not NEEDS_THREAD:
            metrics.delivered_on_loop.n += place.count
        return found

    def _told(self) -> bytes | Look:
        """Answer to signals that have arrived."""
        signals = self.take_signals()
        hints = [signal for signal in signals if self._tells_members and signal.kind in _HINTS]
        if self._places.position.changes:
            since = self._chat.clock() - KEPT_SECONDS * SECOND
            typing = self._place.position.typing([each for each in signals if each.time >= since], self._actor)
            if typing.rooms:
                if self.signals is not None:
                    self.signals[:0] = hints  # the next answer, which is empty, is about them
                return b"".join(self._places.render(typing))
        return self._place.nothing() if hints else NOTHING_YET

    def again(self, body: bytes) -> bytes | Look:
        now = time.monotonic()
        if self.recheck or self.expired or len(body) > LOOP_MAX_BYTES or self._session_ends <= now:
            return NEEDS_THREAD
        places, before = self._places, self._place
        try:
            place = self._place = places.shared.place_named(places, body)
        except (ChatError, LookupError):
            return NEEDS_THREAD  # the thread words the failure
        # two tabs may alternate on one connection: record the further position before it is overwritten
        if place is not before and place.is_behind(before):
            self._chat.read_marks.mark(self._actor.user_id, marks_at(before.position, self._looked_at))
        found = self.look()
        if found is NOTHING_YET:
            deadline = now + self._timeout_s
            self.deadline = deadline if deadline < self._session_ends else self._session_ends
        elif found is not NEEDS_THREAD:
            if not self._chat.requests.count_on_loop(self._actor.user_id):
                metrics.delivered_on_loop.n -= place.count
                return NEEDS_THREAD  # the thread refuses it
            self._chat.presence.touch(self._actor.session_id, self._actor.user_id)
        return found

    def late(self) -> bytes:
        return self._place.nothing()

    def forget(self) -> None:
        self._chat.presence.unfollow(self._actor.session_id, self)
        self._chat.read_marks.unfollow(self)
        if self.signals is None or not self._places.shared.between_pulls.leave(self._actor.session_id, self):
            self._chat.hub.notifier.unregister(self)
