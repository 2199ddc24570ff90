"""A thread pool with lanes; within a lane clients take turns.

The thread that became idle last runs first, because its caches are warm.
"""

import logging
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from chat.lanes import Lane
from chat.server.host import Owner
from chat.server.ports import Client

log = logging.getLogger("gunicorn.error")


# The client, if it was asked for; the owner; the function with its arguments; whether it may be refused.
Job = tuple[Client | None, Owner, Callable[..., None], tuple[Any, ...], bool]


@dataclass(frozen=True, slots=True)
class Bounds:
    threads: int
    most_waiting: int  # jobs that may be refused; the others are limited by the number of connections
    most_each: int = 0  # concurrent jobs per client; 0: unlimited
    unasked: int = 0  # additional threads assigned without asking for the client
    ready: int = 0  # jobs whose turn is fixed before a thread is idle
    rest: int = 0  # a thread sleeps this multiple of a job's CPU time after the job, if more jobs wait


BOUNDS = {
    Lane.HASHING: Bounds(threads=2, most_waiting=500),
    Lane.ROOM_PASSWDS: Bounds(threads=1, most_waiting=200),
    # Single C calls hold the GIL for up to 10 ms here. Sleeping limits one client to a quarter of a core.
    Lane.PICTURES: Bounds(threads=1, most_waiting=200, most_each=1, rest=3),
    # A part is a write of 128 KiB. One thread, so that few senders wait for a part at a time.
    Lane.UPLOADS: Bounds(threads=1, most_waiting=200, most_each=1, rest=1),
    Lane.LONG: Bounds(threads=1, most_waiting=200, most_each=1, rest=3),
    Lane.MAIL: Bounds(threads=2, most_waiting=100),
    Lane.REFUSING: Bounds(threads=1, most_waiting=1000),
}
_LONGEST_REST = 0.5  # seconds
_MOST_CLOCKS = 1000  # clients that have used CPU time; more are cleared of those whose clock has been passed
REST_MOST_WAITING = 4000
REST_READY = 4  # so that threads need not wait for the loop between two jobs: with 2 a send takes 5 % more CPU
# Threads running Python share the GIL. At low load the client is not determined, which saves time.
REST_MOST_EACH = REST_UNASKED = 2


class Lanes:
    """All threads of a worker process; they end with the process, even while busy."""

    def __init__(self, threads: int, on_loop: Callable[..., None]) -> None:
        rest = Bounds(threads, REST_MOST_WAITING, REST_MOST_EACH, REST_UNASKED, REST_READY)
        self._pools = {lane: Pool(lane, bounds, on_loop) for lane, bounds in (BOUNDS | {Lane.REST: rest}).items()}
        self.run = self._pools[Lane.REST].run
        self.offer = self._pools[Lane.REST].offer

    def offer_in(self, lane: Lane, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work in this lane, or tell the owner that it is refused."""
        self._pools[lane].offer(owner, work, *args)

    def run_in(self, lane: Lane, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work in this lane, regardless of the queue's length."""
        self._pools[lane].run(owner, work, *args)

    @property
    def rests(self) -> bool:
        """Whether all threads are idle."""
        return all(pool.rests for pool in self._pools.values())


class Pool:
    """The threads of one lane, and its queue.

    Only the loop handles the queue, so that it needs no lock: a thread that has a lock and waits for the GIL stops the
    loop (docs/decisions/0330). It keeps the next jobs ready, and the threads call it as they take them.
    """

    def __init__(self, lane: Lane, bounds: Bounds, on_loop: Callable[..., None]) -> None:
        self.lane = lane
        self._bounds = bounds
        self._on_loop = on_loop
        # with at least this many idle threads, clients are not determined
        self._asks_from = max(0, bounds.threads - bounds.unasked) if bounds.most_each else 0
        self._turns = Turns()
        self._at_work: dict[Client, int] = {}  # jobs of each client, but for those that nobody asked about
        self._busy: set[Client] = set()  # clients that have as many at work as they may
        # Shared with the threads, by operations that are atomic under the GIL.
        self._ready: deque[Job] = deque()  # the next jobs; their clients are counted as at work
        self._done: deque[tuple[Client, float]] = deque()  # clients of jobs that ended, and their seconds of CPU
        self._is_called = False  # the loop will hand out jobs
        self._resting = [_Thread(self, f"{lane.name.lower()}_{number}", bounds) for number in range(bounds.threads)]
        for thread in self._resting:
            thread.start()

    def run(self, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work at its client's turn, regardless of the queue's length. On the loop."""
        self._put(owner, work, args, False)

    def offer(self, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work at its client's turn. If the queue is full, the newest job of the client with most jobs is
        refused. On the loop.
        """
        self._put(owner, work, args, True)

    def _put(self, owner: Owner, work: Callable[..., None], args: tuple[Any, ...], is_refusable: bool) -> None:
        # While the loop is late, threads may be idle although jobs wait for their turn.
        if len(self._resting) > self._asks_from and not self.has_waiting:
            self._resting.pop().go_on((None, owner, work, args, is_refusable))
            return
        client = owner.client
        self._turns.add(client, (client, owner, work, args, is_refusable))
        # Otherwise the next thread that ends a job calls, as it sees this one.
        if self._resting or len(self._ready) < self._bounds.ready:
            self._hand_out()
        if self._turns.refusable > self._bounds.most_waiting and (dropped := self._turns.drop()) is not None:
            dropped[1].refused(self.lane, dropped[2], dropped[3])

    @property
    def rests(self) -> bool:
        """Whether all threads are idle."""
        return len(self._resting) == self._bounds.threads and not self.has_waiting

    @property
    def has_refusable(self) -> bool:
        """Whether a job that may be refused waits. From any thread."""
        return bool(self._turns.refusable)

    @property
    def has_waiting(self) -> bool:
        """Whether a job waits for a thread. From any thread."""
        return bool(self._ready or self._turns)

    def next_job(self, thread: "_Thread", done: Client | None, seconds: float) -> Job | None:
        """Return the next job for a thread that has finished one, in that much CPU time; None: it becomes idle. In the
        thread.
        """
        if done is not None:
            self._done.append((done, seconds))
        job = self._take_ready()
        if job is None:
            self._resting.append(thread)
        # A job made ready after the look above is seen here, or the loop saw the idle thread.
        if not self._is_called and (self._turns or (job is None and self._ready)):
            self._is_called = True
            self._on_loop(self._hand_out)
        return job

    def _hand_out(self) -> None:
        """Count the ended jobs, give jobs to idle threads, and make the next ones ready."""
        self._is_called = False  # first: a thread that ends a job from here on calls again
        while self._done:
            client, seconds = self._done.popleft()
            if self._bounds.most_each:
                self._ends(client)
                self._turns.charge(client, seconds)
        while self._make_ready():
            while self._resting and (job := self._take_ready()) is not None:
                self._resting.pop().go_on(job)

    def _make_ready(self) -> bool:
        """Take jobs from the queue until enough are ready; whether an idle thread may take one."""
        while len(self._ready) < self._bounds.ready + len(self._resting):
            job = self._turns.next(self._busy)
            if job is None:
                break
            if self._bounds.most_each and job[0] is not None:
                self._begins(job[0])
            self._ready.append(job)
        return bool(self._ready and self._resting)

    def _take_ready(self) -> Job | None:
        try:
            return self._ready.popleft()
        except IndexError:
            return None

    def _begins(self, client: Client) -> None:
        count = self._at_work[client] = self._at_work.get(client, 0) + 1
        if count == self._bounds.most_each:
            self._busy.add(client)

    def _ends(self, client: Client) -> None:
        self._busy.discard(client)
        if self._at_work[client] > 1:
            self._at_work[client] -= 1
        else:
            del self._at_work[client]


class Turns:
    """Queued jobs. The next is of the client that has used least CPU time: start-time fair queueing.

    A client's clock moves by the CPU time of its jobs. It never lags behind the clock of the job taken last, so that
    nobody saves up turns; clients at the same time take turns.
    """

    def __init__(self) -> None:
        self._ring: OrderedDict[Client, deque[Job]] = OrderedDict()  # of clients at the same time the first is next
        self._clocks: dict[Client, float] = {}  # seconds of CPU; those behind `_now` count as `_now`
        self._now = 0.0
        self.refusable = 0  # the number of jobs that may be refused

    def __bool__(self) -> bool:
        return bool(self._ring)

    def add(self, client: Client, job: Job) -> None:
        """Append the job to its client's queue."""
        self._ring.setdefault(client, deque()).append(job)
        self.refusable += job[4]

    def charge(self, client: Client, seconds: float) -> None:
        """Count CPU time that a job of the client has taken."""
        self._clocks[client] = max(self._clocks.get(client, 0.0), self._now) + seconds
        if len(self._clocks) > _MOST_CLOCKS:
            self._clocks = {each: clock for each, clock in self._clocks.items() if clock > self._now}

    def next(self, busy: Collection[Client]) -> Job | None:
        """Return the next job, skipping busy clients."""
        chosen, least = None, math.inf
        clocks, now = self._clocks, self._now
        for each in self._ring:
            clock = clocks.get(each, now)
            if clock < least and each not in busy:
                chosen, least = each, clock
                if clock <= now:  # none is earlier
                    least = now
                    break
        if chosen is None:
            return None
        client, self._now = chosen, least
        jobs = self._ring[client]
        job = jobs.popleft()
        self.refusable -= job[4]
        if jobs:
            self._ring.move_to_end(client)
        else:
            del self._ring[client]
        return job

    def drop(self) -> Job | None:
        """Remove the newest job of the client with most jobs; on a tie, of the one whose turn is last."""
        for client, jobs in sorted(reversed(self._ring.items()), key=lambda each: -len(each[1])):  # noqa: C414
            for index in reversed(range(len(jobs))):
                if jobs[index][4]:
                    job = jobs[index]
                    del jobs[index]
                    self.refusable -= 1
                    if not jobs:
                        del self._ring[client]
                    return job
        return None


class _Thread(threading.Thread):
    def __init__(self, pool: Pool, name: str, bounds: Bounds) -> None:
        super().__init__(name=name, daemon=True)
        self._bounds = bounds
        self.lane = pool.lane  # see chat.lanes.current_lane
        self._pool = pool
        self._job: Job | None = None
        self._told = threading.Lock()
        self._told.acquire()

    def go_on(self, job: Job) -> None:
        self._job = job
        self._told.release()

    def run(self) -> None:
        while True:
            self._told.acquire()
            job, self._job = self._job, None
            while job is not None:
                client, owner, work, args, _ = job
                is_charged = client is not None or bool(self._bounds.rest)
                # A system call each, so only where somebody is charged.
                began = time.thread_time() if is_charged else 0.0
                try:
                    work(*args)
                except BaseException:  # an exception must not reduce the number of threads
                    log.exception("work in a thread failed")
                del job, owner, work, args  # what rests keeps nothing alive
                seconds = time.thread_time() - began if is_charged else 0.0
                if self._bounds.rest and self._pool.has_refusable:
                    time.sleep(min(_LONGEST_REST, seconds * self._bounds.rest))
                job = self._pool.next_job(self, client, seconds)
