"""Lanes: kinds of work with threads and a queue of their own, so that one kind cannot hold up another (chat.live.pool).

Every request begins in Lane.REST. Code that is about to do dear work calls `enter_lane` first:

    enter_lane(Lane.HASHING)   # before anything is written and before anything is taken from a limit

In the wrong lane that raises WrongLane, the thread is free again, and the same request is run once more, from its
beginning, when it is its client's turn in the right lane. So nothing waits for a scarce place inside a thread.
"""

import threading
from enum import Enum, auto


class Lane(Enum):
    REST = auto()  # all that is not below
    HASHING = auto()  # accounts' passwords
    ROOM_PASSWDS = auto()  # the same for rooms: they must not crowd out log-ins
    PICTURES = auto()  # reading pictures in; bodies that may hold one
    LONG = auto()  # searches, generated documents
    MAIL = auto()  # a mail server that hangs keeps only these threads
    REFUSING = auto()  # telling clients, in their protocol's envelope, that a lane's queue is full


# A change of profile may need both; it hashes where it reads the picture.
_INCLUDED = {Lane.PICTURES: frozenset({Lane.HASHING})}


class WrongLane(BaseException):  # not an Exception: nothing on the way may take it for a failure
    def __init__(self, lane: Lane) -> None:
        super().__init__(lane)
        self.lane = lane


def current_lane() -> Lane | None:
    """The lane of this thread; None outside LiveWorker's threads."""
    return getattr(threading.current_thread(), "lane", None)


def enter_lane(lane: Lane) -> bool:
    """Go on only in that lane; call it before any side effect, as the request starts again there.

    False under servers that have no lanes. Raises WrongLane, which only chat.live catches.
    """
    here = current_lane()
    if here is None:
        return False
    if here is not lane and lane not in _INCLUDED.get(here, ()):
        raise WrongLane(lane)
    return True
