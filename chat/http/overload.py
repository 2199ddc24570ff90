"""Overload bends: what has waited too long for a thread is refused at once, for little work, and the rest is served."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from chat import metrics
from chat.errors import ChatError, ErrorCode
from chat.http.context import this_request
from chat.http.declared import declared
from chat.live.parking import ENVIRON_KEY, Hold

LATE_SECONDS = 1.0
RETRY_AFTER = 2  # seconds


def refused_when_late(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator, outermost: for what a client can simply do again. Raises UNAVAILABLE."""
    declared(handler).failures.add(ErrorCode.UNAVAILABLE)

    @wraps(handler)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        hold: Hold | None = this_request().environ.get(ENVIRON_KEY)
        if hold is not None and time.monotonic() - hold.received_at > LATE_SECONDS:
            metrics.count(metrics.REFUSED_FOR_OVERLOAD)
            raise ChatError(ErrorCode.UNAVAILABLE, retry_after=RETRY_AFTER)
        return handler(*args, **kwargs)

    return wrapper
