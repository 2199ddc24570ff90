"""Known heads without a connection: behind a proxy, a client's next pull comes on any of the proxy's connections.

nginx keeps connections to this server and gives each request the one that became idle last. A head that only its own
connection knew would hardly ever come again on that connection (decision 0160). With several workers a client's pulls
alternate between them, and each of them knows its head.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from chat.server.http_parser import Framed
from chat.server.ports import HeldRequest

CallLater = Callable[[float, Callable[[], None]], object]
MOST_PARKED = 10_000  # with its reader one takes about 4 KiB


@dataclass(frozen=True, slots=True)
class Ending:
    """How to answer a held request and later ones with the same head. Shared by up to thousands."""

    head: bytes  # except Date and Content-Length
    close: bool
    answered: Callable[[], None]  # called for each answer
    written: Callable[[int, datetime], None] | None  # called for each answer if there is an access log


class Known(NamedTuple):
    """The last held request of a client, and what answers its next ones with the same head."""

    framed: Framed
    request: HeldRequest
    ending: Ending


def _nobody() -> None:
    """Wake nobody."""


class KnownHeads:
    """Those of clients that are between two pulls. On the loop.

    The key is the whole head with its token, byte for byte. Tabs of one browser send equal heads, so there may be
    several of one.
    """

    def __init__(self, call_later: CallLater, keep_seconds: float, most: int = MOST_PARKED) -> None:
        self._call_later = call_later
        self._keep_seconds = keep_seconds
        self._most = most
        self._by_head: dict[bytes, list[Known]] = {}
        self._oldest_first: OrderedDict[HeldRequest, tuple[float, Known]] = OrderedDict()  # parked at, monotonic s
        self._has_timer = False

    def __len__(self) -> int:
        return len(self._oldest_first)

    def park(self, known: Known) -> None:
        """Keep it for the client's next pull, and close it if none comes. Nobody is woken meanwhile."""
        known.request.continue_on(_nobody)
        self._by_head.setdefault(known.framed.head, []).append(known)
        self._oldest_first[known.request] = time.monotonic(), known
        if len(self._oldest_first) > self._most:
            self._close_oldest()
        if not self._has_timer:
            self._has_timer = True
            self._call_later(self._keep_seconds, self._expire)

    def take(self, data: bytes | bytearray) -> Known | None:
        """Return what answers the request that these bytes begin with, and keep it no longer."""
        same = self._by_head.get(bytes(data[: data.find(b"\r\n\r\n") + 4])) if self._by_head else None
        if not same:
            return None
        known = same[0]
        self._forget(known)
        del self._oldest_first[known.request]
        return known

    def _close_oldest(self) -> None:
        _, (_, known) = self._oldest_first.popitem(last=False)
        self._forget(known)
        known.request.close()

    def _forget(self, known: Known) -> None:
        same = self._by_head[known.framed.head]
        same.remove(known)
        if not same:
            del self._by_head[known.framed.head]

    def _expire(self) -> None:
        oldest_kept = time.monotonic() - self._keep_seconds
        while self._oldest_first and next(iter(self._oldest_first.values()))[0] <= oldest_kept:
            self._close_oldest()
        self._has_timer = bool(self._oldest_first)
        if self._has_timer:
            self._call_later(self._keep_seconds, self._expire)
