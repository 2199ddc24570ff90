"""Lanes: classes of work with their own threads and queue, so that none can block another (chat.server.threads).

Every request starts in Lane.REST. Code that is about to do expensive work calls `enter_lane` first:

    enter_lane(Lane.HASHING)   # before anything is written and before anything is taken from a limit

In the wrong lane this raises WrongLane: the thread is released, and the request runs again from its beginning when its
client's turn comes in the right lane. No thread ever waits for a scarce resource.
"""

import threading
from enum import Enum, auto


class Lane(Enum):
    REST = auto()  # everything else
    HASHING = auto()  # accounts' passwords
    ROOM_PASSWDS = auto()  # for rooms; separate, so that they cannot delay log-ins
    PICTURES = auto()  # decoding pictures, and bodies that may contain one
    UPLOADS = auto()  # storing parts of files as they arrive
    LONG = auto()  # searches, generated documents
    MAIL = auto()  # a mail server that hangs blocks only these threads
    REFUSING = auto()  # refuses requests in their protocol's envelope when a lane's queue is full


# A profile change may need both; it hashes in the lane where it decodes the picture.
_INCLUDED = {Lane.PICTURES: frozenset({Lane.HASHING})}


class WrongLane(BaseException):  # not an Exception, so that no handler on the way catches it
    def __init__(self, lane: Lane) -> None:
        super().__init__(lane)
        self.lane = lane


def current_lane() -> Lane | None:
    """The lane of the current thread; None outside LiveWorker's threads."""
    return getattr(threading.current_thread(), "lane", None)


def enter_lane(lane: Lane) -> bool:
    """Continue only in this lane. Call it before any side effect: the request starts again there.

    Returns False on servers without lanes. Raises WrongLane, which only chat.server catches.
    """
    here = current_lane()
    if here is None:
        return False
    if here is not lane and lane not in _INCLUDED.get(here, ()):
        raise WrongLane(lane)
    return True
