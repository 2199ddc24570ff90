"""Receives a long body in parts: each is passed on in a thread, and the next one is read meanwhile."""

import time
from collections.abc import Callable

from chat.lanes import Lane
from chat.server.deadlines import NEVER
from chat.server.host import Owner, Threads
from chat.server.http_parser import Framer
from chat.server.ports import Receiver

PART_SECONDS = 30.0  # for a part to arrive: 4 KB/s


class BodyReceiver:
    """On the loop, except _take."""

    __slots__ = (
        "_due",
        "_framer",
        "_is_stopped",
        "_is_taking",
        "_owner",
        "_part_taken",
        "_received",
        "_receiver",
        "_threads",
    )

    def __init__(
        self,
        threads: Threads,
        owner: Owner,
        framer: Framer,
        receiver: Receiver,
        taken: Callable[[], None],  # a part is stored, and bytes are still coming: followed by go_on
        received: Callable[[], None],  # the last part is stored
    ) -> None:
        self._threads = threads
        self._owner = owner
        self._framer = framer
        self._receiver = receiver
        self._part_taken = taken
        self._received = received
        self._is_taking = False
        self._is_stopped = False
        self._due = NEVER

    @property
    def due(self) -> float:
        """When the next part must be there (time.monotonic() s)."""
        return self._due

    @property
    def is_waiting(self) -> bool:
        """Whether the rest of a part is waited for."""
        return not self._is_taking

    def go_on(self) -> None:
        """Pass on the next part if it is here and the previous one is stored."""
        if self._is_taking:
            return
        part = self._framer.next_part()
        if part is None:
            self._due = min(self._due, time.monotonic() + PART_SECONDS)
            return
        self._due = NEVER
        self._is_taking = True
        self._threads.in_lane(Lane.UPLOADS, self._owner, self._take, part)

    def stop(self) -> None:
        """The client is gone."""
        self._is_stopped = True
        if not self._is_taking:
            self._threads.in_lane(Lane.UPLOADS, self._owner, self._receiver.abandon)

    def _take(self, part: bytes) -> None:  # in a thread
        if not self._is_stopped:
            self._receiver.take(part)
        self._threads.on_loop(self._taken)

    def _taken(self) -> None:
        self._is_taking = False
        if self._is_stopped:
            self.stop()
        elif self._framer.coming:
            self._part_taken()
        else:
            self._received()
