"""Hosts connections on one event loop: threads, wake-ups, limits and accounts that they share."""

import asyncio
import contextvars
import logging
import time
from collections import deque
from collections.abc import Callable
from math import ceil
from typing import Any

from chat.lanes import Lane
from chat.server.client_identity import Clients
from chat.server.connection_limits import Places
from chat.server.deadlines import Deadlines
from chat.server.host import Connection, Owner, Waiting
from chat.server.known_heads import KnownHeads
from chat.server.memory import Memory
from chat.server.ports import Application, Limits
from chat.server.refusals import refusal
from chat.server.threads import Lanes

log = logging.getLogger("gunicorn.error")
SPARE_DESCRIPTORS = 128  # for the database (3 per connection), files, and connections being refused
WOKEN_A_TURN = 64  # then other requests are read; the next ones benefit from warm caches
FEW_PULLS = 4  # per turn of the loop
REST_SECONDS = 0.0005


class LoopHost:
    """A chat.server.host.Host."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        application: Application,
        limits: Limits,
        *,
        descriptors: int,
        cfg: Any,
        gunicorn_log: Any,
    ) -> None:
        self.loop = loop
        self.application = application
        self.max_body = limits.max_body
        self.is_proxied = limits.trusted_proxies > 0
        self.clients = Clients(application.user_named, limits.trusted_proxies)
        self.memory = Memory(limits.memory, limits.least_share)
        self.places = Places(max(1, descriptors - SPARE_DESCRIPTORS), limits.connections_per_address)
        self.deadlines = Deadlines(loop)
        self.connections: set[Connection] = set()
        self.sockets: set[Connection] = set()
        self.keepalive: float = cfg.keepalive
        self.known_heads = KnownHeads(loop.call_later, cfg.keepalive)
        self.scheme = "https" if cfg.is_ssl else "http"
        self.log = gunicorn_log
        self.is_logged: bool = gunicorn_log.access_log_enabled
        self.is_stopping = False
        self._nothing = contextvars.Context()
        lanes = self._lanes = Lanes(cfg.threads, self.on_loop)
        self.in_thread, self.offer = lanes.run, lanes.offer
        self._woken: deque[Waiting] = deque()
        self._flush_is_due = False
        self._taken = 0  # pulls taken in this turn of the loop

    @property
    def rests(self) -> bool:
        """Whether nothing is left to do: no connection is open, and no thread works for one that was."""
        return not self.connections and self._lanes.rests

    def stop(self) -> None:
        """Answer held requests, and keep no connection after its next answer. May be called repeatedly."""
        self.is_stopping = True
        self.application.stopping()

    def count_held(self) -> int:
        """The number of held requests. From any thread."""
        return sum(connection.is_held for connection in list(self.connections))

    def let_go(self, share: float) -> None:
        """Have the answer of this share of the held requests be the last of its connection, so that another worker
        takes the next one.
        """
        held = [connection for connection in self.connections if connection.is_held]
        for connection in held[: ceil(len(held) * share)]:
            connection.stop()

    def in_lane(self, lane: Lane, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work in this lane, regardless of the queue's length."""
        self._lanes.run_in(lane, owner, work, *args)

    def offer_in(self, lane: Lane, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work in this lane, or refuse it (Owner.refused)."""
        self._lanes.offer_in(lane, owner, work, *args)

    def refusal(self, status: str, reason: str, request: bytes) -> bytes:
        """Build a whole answer that closes the connection; see chat.server.refusals. On the loop, or in a thread."""
        return refusal(status, reason, request, self.application.envelope)

    def on_loop(self, call: Callable[..., None], *args: Any) -> None:
        """Call on the loop, from any thread, in the order of the calls; without the request that the thread handles.

        By default a call has the context variables of its caller: an application would find that request on the loop.
        """
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(call, *args, context=self._nothing)

    def wake(self, connection: Waiting) -> None:
        """Schedule a look at a held request or socket, from any thread. Several are handled in one turn of the loop."""
        self._woken.append(connection)
        if not self._flush_is_due:
            self._flush_is_due = True
            self.on_loop(self._look_at_woken)

    def taken_in(self) -> None:
        """Coalesce wake-ups: after a message the readers' next pulls arrive one at a time, and waking costs as much as
        handling one. If the loop is otherwise idle, sleep 0.5 ms so that they arrive together.
        """
        self._taken += 1
        if self._taken == 1:
            self.loop.call_soon(self._rest)

    def _rest(self) -> None:
        taken, self._taken = self._taken, 0
        if taken <= FEW_PULLS and not self._woken:
            time.sleep(REST_SECONDS)

    def _look_at_woken(self) -> None:
        self._flush_is_due = False
        # connections woken meanwhile are looked at after all others
        for _ in range(min(len(self._woken), WOKEN_A_TURN)):
            try:
                self._woken.popleft().look()
            except Exception:
                log.exception("looking for news failed")
        if self._woken and not self._flush_is_due:
            self._flush_is_due = True
            self.loop.call_soon(self._look_at_woken)
