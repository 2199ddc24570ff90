"""Load shedding: requests that waited too long for a thread are refused cheaply, so that the rest is served."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from chat import metrics
from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import declared
from chat.http.context import arrival
from chat.lanes import Lane, current_lane

LATE_SECONDS = 1.0
RETRY_AFTER = 2  # seconds


def refuse_overflow() -> None:
    """Raise UNAVAILABLE for a request that its full lane passed on to be refused."""
    if current_lane() is Lane.REFUSING:
        metrics.count(metrics.REFUSED_FOR_OVERLOAD)
        raise ChatError(ErrorCode.UNAVAILABLE, retry_after=RETRY_AFTER)


def refused_when_late(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator, outermost: for requests that clients can simply repeat. Raises UNAVAILABLE.

    Requests in other lanes are exempt: they waited on purpose, and their queues are bounded.
    """
    declared(handler).failures.add(ErrorCode.UNAVAILABLE)

    @wraps(handler)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        arrived = arrival()
        is_late = arrived is not None and time.monotonic() - arrived.received_at > LATE_SECONDS
        if is_late and current_lane() in (None, Lane.REST):
            metrics.count(metrics.REFUSED_FOR_OVERLOAD)
            raise ChatError(ErrorCode.UNAVAILABLE, retry_after=RETRY_AFTER)
        return handler(*args, **kwargs)

    return wrapper
