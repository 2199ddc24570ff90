"""When a worker takes new connections: always, or where workers fill up one after the other, in its turn.

At low load few workers then have clients. One that has none is in reserve: it hears of no messages, which would cost as
much as sending them (decision 0400).
"""

import asyncio
import logging
import select
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from chat.server.load_table import LoadTable
from chat.server.loop_host import LoopHost

log = logging.getLogger("gunicorn.error")
PATIENCE_SECONDS = 0.1  # that the worker whose turn it is has for accepting
TURN_SECONDS = 1.0  # at least, so that a burst is shared
REST_SECONDS = 6.0  # without connections, then in reserve; longer than a client is waited for between two pulls
SMOOTHING = 0.3  # how much the last second counts: a class that connects makes a worker busy for one or two
MOST_CONNECTIONS = 2000  # at a load of 1
MOST_SOCKETS = 500  # the same for WebSockets and connections of lines, which cannot be handed over
MOVED_SHARE = 0.2  # of the held requests that a worker hands over each second, as it is busy, or has few clients
Listener = tuple[socket.socket, Callable[[], asyncio.Protocol]]


class Acceptor:
    """Opens and closes one worker's listeners. On the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        host: LoopHost,
        listeners: Sequence[Listener],
        *,
        backlog: int,
        table: LoadTable | None,
        row: int,
    ) -> None:
        """table: None, for a worker that always accepts. row: the worker's in the table."""
        self._loop = loop
        self._host = host
        self._listeners = listeners
        self._backlog = backlog
        self._table = table
        self._row = row
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()  # for opening, closing and resting, which take a moment
        self._is_resting = self._is_stopped = False
        self._opened_at = self._used_at = time.monotonic()
        self._ticked_at, self._cpu = self._opened_at, time.process_time()
        self._busy = 0.0  # share of a core, over some seconds

    async def start(self) -> None:
        """Accept connections, or watch for those that others do not take."""
        if self._table is None:
            await self._open()
        else:
            self._write(self._table)
            self._watch(self._table)

    def stop(self) -> None:
        """Accept no further connections."""
        self._is_stopped = True
        self._unwatch()
        self._close()

    def tick(self) -> None:
        """Tell the others of this worker's load, and see whether it is still its turn. Once a second."""
        table = self._table
        if table is None:
            return
        now, cpu = time.monotonic(), time.process_time()
        self._busy += SMOOTHING * ((cpu - self._cpu) / max(0.001, now - self._ticked_at) - self._busy)
        load = self._write(table)
        self._ticked_at, self._cpu = now, cpu
        if self._is_resting or self._turn.locked():
            return
        if not self._host.rests:
            self._used_at = now
        taker = table.taker()
        if self._servers and taker not in (None, self._row) and now - self._opened_at >= TURN_SECONDS:
            self._close()
            self._write(table)
            self._watch(table)
        if (load >= table.enough and table.has_idle()) or table.can_take_over(self._row):
            self._host.let_go(MOVED_SHARE)
        if not self._servers and taker != self._row and now - self._used_at >= REST_SECONDS:
            self._do(self._rest())

    def _write(self, table: LoadTable) -> float:
        """Tell of the load, and return it."""
        connections, most = self._host.connections, min(MOST_CONNECTIONS, self._host.places.most)
        load = max(self._busy, len(connections) / most, len(self._host.sockets) / MOST_SOCKETS)
        table.write(self._row, load=load, connections=len(connections), accepts=bool(self._servers))
        return load

    # In turn

    def _watch(self, table: LoadTable) -> None:
        if not self._is_stopped:
            for sock, _ in self._listeners:
                self._loop.add_reader(sock.fileno(), self._somebody_comes, table)

    def _unwatch(self) -> None:
        for sock, _ in self._listeners:
            self._loop.remove_reader(sock.fileno())

    def _somebody_comes(self, table: LoadTable) -> None:
        """A connection waits: it is this worker's, or the one whose turn it is has a moment to accept it."""
        self._unwatch()
        taker = table.taker()
        if taker is None or taker == self._row:
            self._do(self._take_turn(table))
        else:
            self._loop.call_later(PATIENCE_SECONDS, self._look_again, table, taker, table.accepted(taker))

    def _look_again(self, table: LoadTable, taker: int, accepted: float) -> None:
        if self._is_stopped:
            return
        is_stuck = table.accepted(taker) == accepted and self._is_anybody_waiting()
        if is_stuck or table.taker() in (None, self._row):
            self._do(self._take_turn(table))
        else:
            self._watch(table)

    def _is_anybody_waiting(self) -> bool:
        poll = select.poll()
        for sock, _ in self._listeners:
            poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))

    async def _take_turn(self, table: LoadTable) -> None:
        async with self._turn:
            if self._is_resting:
                self._is_resting = False
                await asyncio.to_thread(self._host.application.resume)
                log.info("takes connections")
            try:
                await self._open()
                if self._is_stopped:
                    self._close()
            except OSError as error:  # no descriptors are left
                log.warning("cannot accept connections for a moment: %s", error)
                self._close()
                self._loop.call_later(TURN_SECONDS, self._watch, table)

    async def _rest(self) -> None:
        async with self._turn:
            if not self._servers:
                self._is_resting = True
                await asyncio.to_thread(self._host.application.rest)
                log.info("in reserve")

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Listeners

    async def _open(self) -> None:
        if self._is_stopped or self._servers:
            return
        self._opened_at = time.monotonic()
        for sock, make in self._listeners:
            # A copy, as closing a server closes its socket.
            server = await self._loop.create_server(self._counted(make), sock=sock.dup(), backlog=self._backlog)
            self._servers.append(server)
        if self._table is not None:
            self._write(self._table)

    def _close(self) -> None:
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()

    def _counted(self, make: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        table, row = self._table, self._row
        if table is None:
            return make

        def made() -> asyncio.Protocol:
            table.count_accepted(row)
            return make()

        return made
