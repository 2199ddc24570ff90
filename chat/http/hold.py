"""Holding a request until there is news: parked on the live loop, or blocking its thread (chat.http.blocking)."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from weakref import WeakValueDictionary

from flask import Response, current_app, request

from chat import metrics
from chat.clock import SECOND
from chat.delivery import Waiter
from chat.errors import ChatError
from chat.http.blocking import block
from chat.http.context import services
from chat.lanes import Lane, enter_lane
from chat.live.parking import ENVIRON_KEY, NEEDS_THREAD, NOTHING_YET, Hold, Look
from chat.models import Actor, EventKind
from chat.services import Services
from chat.services.pulls import LookedAt, News, Position, marks_at

MOST_HELD = 100_000  # on the loop: connections are bounded by file descriptors already
LOOP_MAX_BYTES = 16 * 1024  # what is more than that to encode is left to a thread
SHORT_ANSWER_BYTES = 64 * 1024  # what is more than that is put together in Lane.LONG
AROUND_BYTES = 128  # about what stands around a message's content
MOST_PLACES = 1024  # remembered with their answers; those used least go
_EXTENSION = "commonroom.hold"

Ask = Callable[[], tuple[Position, News]]
Read = Callable[[bytes], Mapping[str, int]]  # a pull's body: cursors (µs) by room. Raises ChatError
Render = Callable[[News], list[bytes]]  # a body in pieces; without I/O where there are no pictures


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
    """The answer to a pull: at once where there is news, else when there is, or when time is up.

    tells_members: a pull that is held on the loop also ends, without news, when somebody comes into one of the rooms or
    leaves it.
    No database session is held meanwhile. read and render are the same objects for all who ask in the same way.
    Raises ROOM_NOT_FOUND, and NOT_SIGNED_IN where the session ends.
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
    """The answer to a request that was not held. Raises WrongLane for a long one."""
    if news.bytes + news.count * AROUND_BYTES > SHORT_ANSWER_BYTES:
        enter_lane(Lane.LONG)
    return _news_response(render, news)


def _news_response(render: Render, news: News) -> Response:
    metrics.count(metrics.DELIVERIES, news.count)
    return body_response(render(news))


def body_response(pieces: list[bytes]) -> Response:
    """JSON in pieces that are sent as they are."""
    response = Response(pieces, mimetype="application/json")
    response.content_length = sum(map(len, pieces))
    return response


def _session_ends(chat: Services, actor: Actor) -> float:
    """As time.monotonic() s."""
    return time.monotonic() + (actor.session_ends - chat.clock()) / SECOND


# On the live loop


class _Place:
    """A position, and the answer there is for whoever stands at it: made once, however many readers get it."""

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
        "reach",
    )

    def __init__(self, chat: Services, position: Position, render: Render) -> None:
        self.position = position
        self.reach = sum(position.cursors.values())  # µs; grows from pull to pull
        self.marks = marks_at(position, None)
        self._room_ids = tuple(position.rooms.values())
        self._chat = chat
        self._feeds = chat.hub.feeds
        self._render = render
        self._seen = -1  # feeds.changes, when this was looked at last
        self._version: int | None = None
        self._answer: bytes | Look = NEEDS_THREAD
        self.count = 0  # messages in the answer

    def look(self) -> bytes | Look:
        """What there is now. Whether a reader may see it is not asked here."""
        if self._seen == self._feeds.changes:
            return self._answer
        self._seen = self._feeds.changes  # first: what changes during the look is looked at again
        version = self._feeds.version(self._room_ids)
        if version is None or version != self._version:
            self._answer = NEEDS_THREAD if version is None else self._find()
            self._version = version
        return self._answer

    def nothing(self) -> bytes:
        return b"".join(self._render(self.position.nothing()))

    def _find(self) -> bytes | Look:
        news = self._chat.pulls.in_memory(self.position)
        if news is None or news.bytes + news.count * AROUND_BYTES > LOOP_MAX_BYTES:
            return NEEDS_THREAD
        self.count = news.count
        return b"".join(self._render(news)) if news.count else NOTHING_YET


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class _Places:
    """The places in the same rooms, asked for in the same way. Those who ask so share one of these."""

    shared: "_Shared"
    position: Position  # of whoever asked first
    read: Read
    render: Render

    def at(self, position: Position) -> _Place:
        return _Place(self.shared.chat, position, self.render)


class _Shared:
    """What the readers of one application share."""

    def __init__(self, chat: Services) -> None:
        self.chat = chat
        self._places: WeakValueDictionary[tuple[object, ...], _Places] = WeakValueDictionary()
        self.place_named = lru_cache(maxsize=MOST_PLACES)(self._place_named)

    def places(self, position: Position, read: Read, render: Render) -> _Places:
        key = (tuple(position.rooms.items()), tuple(position.cursors), position.limit, read, render)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = _Places(self, position, read, render)
        return found

    def _place_named(self, places: _Places, body: bytes) -> _Place:
        """Where a body's cursors are. Raises ChatError where it names none, LookupError where they need a thread."""
        if places.position.missing:  # whether the reader is in them by now takes the database
            raise LookupError
        position = self.chat.pulls.moved(places.position, places.read(body))
        if position is None:
            raise LookupError
        return places.at(position)


def _shared(chat: Services) -> _Shared:
    return cast(_Shared, current_app.extensions.setdefault(_EXTENSION, _Shared(chat)))


class HeldPull(Waiter):
    """A pull that is held (live.parking.Parked), and those that its client sends after it with the same head.

    The waiter stays registered from one to the next; once it says that rights may have changed, the next
    goes through the whole stack again.
    """

    __slots__ = (
        "_actor",
        "_chat",
        "_looked_at",
        "_marked",
        "_place",
        "_places",
        "_session_ends",
        "_timeout_s",
        "deadline",
        "is_held",
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
        self.signals = [] if tells_members else None
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
        """When the pull came that was held last, as time.monotonic() s; earlier, where the session is about to end."""
        return self.deadline - self._timeout_s

    @property
    def user_id(self) -> int:
        return self._actor.user_id

    @property
    def marks(self) -> Sequence[tuple[int, int]]:
        """How far the client has read (room id, µs), as its last pull said."""
        if self._looked_at is None:
            return self._place.marks
        if self._marked is None or self._marked[0] is not self._place:
            self._marked = self._place, marks_at(self._place.position, self._looked_at)
        return self._marked[1]

    # In a thread

    def park(self, hold: Hold) -> Response:
        """Answer, or park the request. Raises NOT_SIGNED_IN."""
        self._chat.hub.notifier.register(self, most=MOST_HELD)
        try:
            news = self._look_in_database()  # for what happened between the first look and here
        except BaseException:
            self.forget()
            raise
        if news is not None:
            self.forget()
            return _news_response(self._places.render, news)
        self.is_held = True
        self._chat.requests.held(self._actor.user_id)
        self._chat.presence.follow(self._actor.session_id, self._actor.user_id, self)
        self._chat.reading.follow(self)
        hold.parked = self
        return Response(mimetype="application/json")  # its headers are those of the answer

    def resume(self, hold: Hold) -> Response:
        """Look once more, as a look on the loop was not enough. Raises NOT_SIGNED_IN."""
        self.recheck = False  # first, so that what comes during the look is looked at again
        news = self._look_in_database()
        if news is None and (self.expired or self.deadline <= time.monotonic()):
            news = self._place.position.nothing()
        if news is not None:
            return _news_response(self._places.render, news)
        hold.parked = self
        return Response(mimetype="application/json")

    def _look_in_database(self) -> News | None:
        return self._chat.pulls.again(self._actor, self._place.position)

    # On the loop

    def look(self) -> bytes | Look:
        place = self._place
        found = place.look()
        # Rights are published before what comes after them: had the reader been put out before one of these messages
        # was sent, it would be known by now.
        if self.recheck:
            return NEEDS_THREAD
        if found is NOTHING_YET:
            return self._told() if self.signals else NOTHING_YET
        if found is not NEEDS_THREAD:
            metrics.delivered_on_loop.n += place.count
        return found

    def _told(self) -> bytes | Look:
        """The answer to signals that have come."""
        signals, self.signals = self.signals or [], []
        is_news = any(signal.kind is EventKind.MEMBERS for signal in signals)
        return self._place.nothing() if is_news else NOTHING_YET

    def again(self, body: bytes) -> bytes | Look:
        now = time.monotonic()
        if self.recheck or self.expired or len(body) > LOOP_MAX_BYTES or self._session_ends <= now:
            return NEEDS_THREAD
        places, before = self._places, self._place
        try:
            place = self._place = places.shared.place_named(places, body)
        except (ChatError, LookupError):
            return NEEDS_THREAD  # which words it
        if place.reach < before.reach:  # two tabs by turns, say; who asks for the marks would not hear of the further
            self._chat.reading.mark(self._actor.user_id, marks_at(before.position, self._looked_at))
        found = self.look()
        if found is NOTHING_YET:
            deadline = now + self._timeout_s
            self.deadline = deadline if deadline < self._session_ends else self._session_ends
        elif found is not NEEDS_THREAD:
            if not self._chat.requests.count_on_loop(self._actor.user_id):
                metrics.delivered_on_loop.n -= place.count
                return NEEDS_THREAD  # which refuses it
            self._chat.presence.touch(self._actor.session_id, self._actor.user_id)
        return found

    def late(self) -> bytes:
        return self._place.nothing()

    def forget(self) -> None:
        self._chat.presence.unfollow(self._actor.session_id, self)
        self._chat.reading.unfollow(self)
        self._chat.hub.notifier.unregister(self)
