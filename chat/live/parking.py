"""A held request: one that has not been answered yet. It keeps no thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # gunicorn's master reads this module; it must not pull in the rest
    from chat.delivery import Waiter
    from chat.live.peer import Open

ENVIRON_KEY = "commonroom.live"  # where a request that came through LiveWorker finds its Hold


class Look(Enum):
    """What a look at a held request may say beside an answer."""

    NOTHING_YET = auto()
    NEEDS_THREAD = auto()  # it takes the database, or too much work for the loop


@dataclass(slots=True)
class Parked:
    """What is needed to answer later. `look` and `late` are called on the loop: no I/O, no waiting."""

    waiter: Waiter
    deadline: float  # time.monotonic() s
    look: Callable[[], list[bytes] | Look]  # the body of the answer, in pieces
    late: Callable[[], list[bytes]]  # the body when time is up, or the server stops
    release: Callable[[], None]  # it waits no more; called once
    state: object  # whatever the view wants to find again when it is run once more
    known: Known


@dataclass(slots=True)
class Known:
    """A request whose head has been through the whole stack: when it comes again, only its body is looked at.

    `again` is called on the loop: no I/O, no waiting. What it cannot answer or park goes through the whole stack anew.
    """

    again: Callable[[bytes], list[bytes] | Parked | Look]
    forget: Callable[[], None]  # called once, when the head is not to be known any more


@dataclass(slots=True)
class Upgrade:
    """What a WebSocket handshake leaves behind: the connection goes on as a socket."""

    accept: str  # Sec-WebSocket-Accept
    open: Open


@dataclass(slots=True)
class Hold:
    """Between a request and the connection it came by."""

    wake: Callable[[], None]  # to be called, from any thread, when a look may be worth it
    received_at: float  # time.monotonic() s: when the request was whole, and began to wait for a thread
    parked: Parked | None = None  # set by the view
    upgrade: Upgrade | None = None  # set by the view, which answers 101
    resumed: Parked | None = None  # what this request parked before, when it is run once more
