"""The gunicorn worker: one asyncio loop that owns every connection, and a thread pool for requests."""

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import uvloop
from gunicorn.sock import ssl_context
from gunicorn.workers.base import Worker

from chat.server.accepting import Acceptor, Listener
from chat.server.connection import HttpConnection
from chat.server.handover import Handover
from chat.server.lines import LineConnection
from chat.server.load_table import ROWS, LoadTable
from chat.server.loop_host import LoopHost
from chat.server.malloc_trim import Heap
from chat.server.ports import Application, Limits
from chat.server.proxy_protocol import ProxyGate
from chat.server.replacements import BootReport
from chat.server.tls import TlsGate

log = logging.getLogger("gunicorn.error")
SWITCH_SECONDS = 0.0002  # the GIL's switch interval: the loop waits up to this long for each busy thread
UNSENT_BYTES = 128 * 1024  # in the kernel, per connection, beyond data in flight
LOOK_SECONDS = 1.0  # between checks whether to stop, and heartbeats to the master
LOOKS_A_TRIM = 5
HANDOVER_SECONDS = 8.0  # for new workers to load at a reload; gunicorn's master waits for graceful_timeout
HANDOVER_LOOK_SECONDS = 0.05


class LiveWorker(Worker):
    """Set as gunicorn's worker_class. gunicorn.conf.py hands it the application when that is loaded: see `serve`."""

    is_trial = False  # boots in a child of the master and ends (chat.server.reload_check)
    _handover: Handover | None = None  # given before init_process
    _generation = 0

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.boot = BootReport()

    def init_process(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._host: LoopHost | None = None
        self._application: Application | None = None
        self._limits = Limits()
        self._loads: LoadTable | None = None
        self._leaves_at = 0.0  # time.monotonic() s; 0: not told to stop
        self._told = asyncio.Event()
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            super().init_process()
        except BaseException as error:
            if self.booted or self._handover is None or not self._handover.has_served:
                raise
            self.boot.failed(error)
            sys.exit()  # the master tells the reason, and tries again (chat.server.replacements)

    def load_wsgi(self) -> None:
        """Load the application. Under --reload gunicorn would serve a page of its own instead of a broken one."""
        loaded: Any = self.app.wsgi()
        self.wsgi = loaded

    def serve(self, application: Application, limits: Limits, loads: LoadTable | None = None) -> None:
        """Serve this application with `run`, rather than just gunicorn's WSGI application.

        loads: of all workers, which then take connections one after the other; None: the kernel divides them.
        """
        self._application, self._limits, self._loads = application, limits, loads

    def follow_reloads(self, handover: Handover) -> None:
        """Serve on after SIGTERM until a worker that was forked later is ready, if there is going to be one."""
        self._handover, self._generation = handover, handover.generation()

    def run(self) -> None:
        wsgi = self.wsgi
        application = self._application or Application(
            handle=lambda _, environ, start_response: wsgi(environ, start_response)
        )
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        host = LoopHost(
            self.loop, application, self._limits, descriptors=descriptors, cfg=self.cfg, gunicorn_log=self.log
        )
        self._host = host
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._main(host))
        finally:
            self.loop.close()

    def count_connections(self) -> int:
        """The number of open connections, from any thread."""
        return len(self._host.connections) if self._host else 0

    def count_held(self) -> int:
        """The number of held requests, from any thread."""
        return self._host.count_held() if self._host else 0

    # The worker's life cycle

    async def _main(self, host: LoopHost) -> None:
        self.loop.add_signal_handler(signal.SIGTERM, self._told_to_leave)
        for number in (signal.SIGINT, signal.SIGQUIT):
            self.loop.add_signal_handler(number, self._stop)
        self.loop.add_signal_handler(signal.SIGUSR1, self._reopen_logs)
        context = ssl_context(self.cfg) if self.cfg.is_ssl else None
        accepted: list[Listener] = []
        listeners: list[Any] = self.sockets
        for listener in listeners:
            listener.sock.setblocking(False)
            # Inherited by connections. Otherwise megabytes are copied for each client that reads nothing.
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
            lines = host.application.line_protocols.get(listener.sock.getsockname()[1])
            make: Callable[[], asyncio.Protocol] = partial(HttpConnection, host)
            if lines is not None:  # their clients do not support TLS
                make = partial(LineConnection, host, lines)
                if self._limits.line_proxies:
                    make = partial(ProxyGate, host, lines, self._limits.line_proxies)
            elif context is not None:
                make = partial(TlsGate, host, context, make)
            accepted.append((listener.sock, make))
        acceptor = Acceptor(self.loop, host, accepted, backlog=self.cfg.backlog, table=self._loads, row=self.age % ROWS)
        await acceptor.start()
        if self.alive:
            self.boot.ready()
            if self._handover is not None:
                self._handover.ready(self._generation)
        self._look(acceptor, Heap(), 1)  # also of a worker that was told to stop while it loaded
        await self._told.wait()
        acceptor.stop()
        await self._finish(host)

    def _look(self, acceptor: Acceptor, heap: Heap, number: int) -> None:
        """Once a second. By a timer, as waiting in a task costs several times as much."""
        # Before the loop ran, gunicorn's own handlers noted that it is to stop; and under --reload a thread does.
        if not self.alive or self.ppid != os.getppid():  # the latter: the master is gone
            self._stop()
            return
        self.loop.call_later(LOOK_SECONDS, self._look, acceptor, heap, number + 1)
        self.notify()
        acceptor.tick()
        if number % LOOKS_A_TRIM == 0 and heap.is_due():
            threading.Thread(target=heap.give_back, name="trim").start()

    async def _finish(self, host: LoopHost) -> None:
        """Answer held requests, finish those in progress even for disconnected clients, and close everything, within
        the graceful timeout.
        """
        host.stop()
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while not host.rests and time.monotonic() < deadline:
            self.notify()
            for connection in list(host.connections):
                connection.stop()
            await asyncio.sleep(0.05)

    def _reopen_logs(self) -> None:
        self.log.reopen_files()

    def _told_to_leave(self) -> None:
        """On SIGTERM: stop, but at a reload only when a new worker is ready, or at a second signal."""
        if self._leaves_at or self._handover is None:
            self._stop()
        else:
            self._leaves_at = time.monotonic() + HANDOVER_SECONDS
            self._leave(self._handover)

    def _leave(self, handover: Handover) -> None:
        if handover.is_awaited(self._generation) and time.monotonic() < self._leaves_at:
            self.loop.call_later(HANDOVER_LOOK_SECONDS, self._leave, handover)
        else:
            self._stop()

    def _stop(self) -> None:
        self.alive = False
        self._told.set()
        if self._host is not None:
            self._host.stop()
