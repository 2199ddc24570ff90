"""The gunicorn worker: one asyncio loop that owns every connection, and a thread pool for requests."""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import uvloop
from gunicorn.sock import ssl_context
from gunicorn.workers.base import Worker

from chat.lanes import Lane
from chat.server import wsgi
from chat.server.client_identity import NO_CLIENTS, Client
from chat.server.connection import HttpConnection
from chat.server.connection_limits import Places
from chat.server.deadlines import Deadlines
from chat.server.lines import LineConnection
from chat.server.malloc_trim import Heap
from chat.server.memory import Memory
from chat.server.ports import LineProtocol
from chat.server.proxy_protocol import Network, ProxyGate
from chat.server.refusals import Envelope, no_envelope, refusal
from chat.server.stream import StreamConnection
from chat.server.threads import Lanes, Owner
from chat.server.tls import TlsGate

log = logging.getLogger("gunicorn.error")
Connection = HttpConnection | StreamConnection
DEFAULT_MEMORY = 512 * 1024 * 1024  # bytes buffered for clients
SPARE_DESCRIPTORS = 128  # for the database (3 per connection), files, and connections being refused
WOKEN_A_TURN = 64  # then other requests are read; the next ones benefit from warm caches
FEW_PULLS = 4  # per turn of the loop
REST_SECONDS = 0.0005
SWITCH_SECONDS = 0.0002  # the GIL's switch interval: the loop waits up to this long for each busy thread
UNSENT_BYTES = 128 * 1024  # in the kernel, per connection, beyond data in flight
LOOK_SECONDS = 1.0  # between checks whether to stop, and heartbeats to the master
LOOKS_A_TRIM = 5
_LOOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class LiveWorker(Worker):
    """Set as gunicorn's worker_class. `stopping` is called on the loop, once or twice, when the worker must stop."""

    def init_process(self) -> None:
        self.loop = uvloop.new_event_loop()
        self.deadlines = Deadlines(self.loop)
        self.connections: set[Connection | TlsGate | ProxyGate] = set()
        self.max_body = 0
        # Set by gunicorn.conf.py.
        self.places = Places(max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_DESCRIPTORS))
        self.memory = Memory(DEFAULT_MEMORY)
        self.is_proxied = False  # HTTP arrives through proxies, whose address is not a client's
        self.health: wsgi.App | None = None  # answers /healthz on the loop
        # Builds the body of a refusal in the envelope of the path's protocol; None if the path belongs to none.
        self.envelope: Envelope = no_envelope
        # Whether a long body, or any body, is received, by a request's head and client.
        self.takes_long: Callable[[bytes, Client], bool] = lambda _head, _client: True
        self.takes_any = self.takes_long
        # Plain attributes: gunicorn's parser reads about twenty per request, and Config is slow.
        vars(self.cfg).update({name: setting.get() for name, setting in self.cfg.settings.items()})
        self.keepalive = self.cfg.keepalive  # seconds
        self.stopping: Callable[[], None] = lambda: None  # set by gunicorn.conf.py
        # by port; set by gunicorn.conf.py. All other listeners speak HTTP
        self.line_protocols: dict[int, LineProtocol] = {}
        self.line_proxies: tuple[Network, ...] = ()  # in front of these ports; set by gunicorn.conf.py
        self.clients = NO_CLIENTS  # set by gunicorn.conf.py
        self._lanes = Lanes(self.cfg.threads)
        # For connections: run in a thread at the client's turn.
        self.in_thread = self._lanes.run  # for work that may not be refused
        self.offer = self._lanes.offer
        self.is_logged = self.log.access_log_enabled
        self._woken: deque[Connection] = deque()
        self._flush_is_due = False
        self._taken = 0  # pulls taken in this turn of the loop
        self._told = asyncio.Event()
        sys.setswitchinterval(SWITCH_SECONDS)
        super().init_process()

    def run(self) -> None:
        app: Any = self.wsgi
        self.max_body = app.config["MAX_CONTENT_LENGTH"]
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._main())
        finally:
            self.loop.close()

    # For connections

    def offer_in(self, lane: Lane, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work in this lane, or refuse it (Owner.refused)."""
        self._lanes.offer_in(lane, owner, work, *args)

    def refusal(self, status: str, reason: str, request: bytes) -> bytes:
        """Build a whole answer that closes the connection; see chat.server.refusals. On the loop, or in a thread."""
        return refusal(status, reason, request, self.envelope)

    def on_loop(self, call: Callable[..., None], *args: Any) -> None:
        """Call on the loop, from any thread, in the order of the calls."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(call, *args)

    def wake(self, connection: Connection) -> None:
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

    # The worker's life cycle

    async def _main(self) -> None:
        for number in _LOOP_SIGNALS:
            self.loop.add_signal_handler(number, self._told_to_stop)
        self.loop.add_signal_handler(signal.SIGUSR1, self._reopen_logs)
        context = ssl_context(self.cfg) if self.cfg.is_ssl else None
        servers = []
        listeners: list[Any] = self.sockets
        for listener in listeners:
            listener.sock.setblocking(False)
            # Inherited by connections. Otherwise megabytes are copied for each client that reads nothing.
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
            lines = self.line_protocols.get(listener.sock.getsockname()[1])
            make: Callable[[], asyncio.Protocol] = partial(HttpConnection, self)
            if lines is not None:  # their clients do not support TLS
                make = partial(ProxyGate if self.line_proxies else LineConnection, self, lines)
            elif context is not None:
                make = partial(TlsGate, self, context, make)
            servers.append(await self.loop.create_server(make, sock=listener.sock, backlog=self.cfg.backlog))
        heap, looks = Heap(), 0
        while self.alive:
            self.notify()
            looks += 1
            if looks % LOOKS_A_TRIM == 0:
                await asyncio.to_thread(heap.give_back)
            self.alive = self.alive and self.ppid == os.getppid()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), LOOK_SECONDS)
        for server in servers:
            server.close()
        await self._finish()

    async def _finish(self) -> None:
        """Answer held requests, finish those in progress even for disconnected clients, and close everything, within
        the graceful timeout.
        """
        self.stopping()
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while (self.connections or not self._lanes.rests) and time.monotonic() < deadline:
            self.notify()
            for connection in list(self.connections):
                connection.stop()
            await asyncio.sleep(0.05)

    def _reopen_logs(self) -> None:
        self.log.reopen_files()
        wsgi.forget_parsed()

    def _told_to_stop(self) -> None:
        self.alive = False
        self._told.set()
        self.stopping()
