"""Long polls: a request is held on the event loop, or blocks its thread on other servers (chat.http.blocking)."""

import time
from collections.abc import Callable

from flask import Response, request

from chat import metrics
from chat.clock import SECOND
from chat.http.blocking import block
from chat.http.context import arrival, services
from chat.http.held_pulls import LOOP_MAX_BYTES, HeldPull, Read, Render, forms_of
from chat.http.responses import HeldResponse
from chat.lanes import Lane, enter_lane
from chat.services import Services
from chat.services.pulls import SHORT_ANSWER_BYTES, LookedAt, News, PullReader

Ask = Callable[[], tuple[PullReader, News]]


def answer_when_new(
    ask: Ask, timeout_s: float, read: Read, render: Render, looked_at: LookedAt = None, *, tells_members: bool = False
) -> Response:
    """Answer a pull: immediately if there is news, otherwise when news arrives or the time is up.

    `tells_members`: a pull that names a room the caller is not in is answered immediately, and one held on the event
    loop also ends, without news, when a membership in one of the rooms begins or ends. No database session is held
    meanwhile. `read` and `render` are the same objects for all pulls of one kind.
    Raises ROOM_NOT_FOUND, and NOT_SIGNED_IN if the session ends.
    """
    reader, news = ask()
    if not timeout_s or request.method == "HEAD" or (tells_members and news.missing):
        return news_response(render, news)
    chat = services()
    if news.count and not _is_worth_knowing(chat, news):
        return news_response(render, news)
    ends = time.monotonic() + (reader.actor.session_ends - chat.clock()) / SECOND
    if arrival() is not None:
        form = forms_of(chat).form(reader.position, read, render)
        held = HeldPull(chat, reader, form, timeout_s, ends, looked_at, tells_members=tells_members)
        return HeldResponse(held)
    chat.requests.held(reader.actor.user_id)
    return news_response(render, block(reader, min(time.monotonic() + timeout_s, ends)))


def _is_worth_knowing(chat: Services, news: News) -> bool:
    """Whether to answer as a held pull, so that the event loop knows the head of the client's next one.

    A client that comes from a worker which is ahead, or behind, finds news with most of its pulls (decision 0275). In a
    GET's head are the cursors, so the next one has another.
    """
    is_repeated = chat.limits.has_other_workers and request.method == "POST"
    return is_repeated and news.size <= LOOP_MAX_BYTES and arrival() is not None


def news_response(render: Render, news: News) -> Response:
    """Answer a request that was not held. Raises WrongLane for a long answer."""
    if news.size > SHORT_ANSWER_BYTES:
        enter_lane(Lane.LONG)
    metrics.count(metrics.DELIVERIES, news.count)
    return body_response(render(news))


def body_response(pieces: list[bytes]) -> Response:
    """Return JSON in pieces that are sent unchanged."""
    response = Response(pieces, mimetype="application/json")
    response.content_length = sum(map(len, pieces))
    return response
