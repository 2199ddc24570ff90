"""A thread pool with lanes; within a lane clients take turns.

The thread that became idle last runs first, because its caches are warm.
"""

import logging
import threading
import time
from collections import Counter, OrderedDict, deque
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
# Threads running Python share the GIL. At low load the client is not determined, which saves time.
REST_MOST_EACH = REST_UNASKED = 2


class Lanes:
    """All threads of a worker process; they end with the process, even while busy."""

    def __init__(self, threads: int) -> None:
        rest = Bounds(threads, REST_MOST_WAITING, REST_MOST_EACH, REST_UNASKED)
        self._pools = {lane: Pool(lane, bounds) for lane, bounds in (BOUNDS | {Lane.REST: rest}).items()}
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
    """The threads of one lane, and its queue."""

    def __init__(self, lane: Lane, bounds: Bounds) -> None:
        self.lane = lane
        self._bounds = bounds
        # with at least this many idle threads, clients are not determined
        self._asks_from = bounds.threads - bounds.unasked if bounds.most_each else 0
        self._lock = threading.Lock()
        self._turns = Turns()
        self._at_work: Counter[Client] = Counter()  # jobs of each client, but for those that nobody asked about
        self._busy: set[Client] = set()  # clients that have as many at work as they may
        self._resting = [_Thread(self, f"{lane.name.lower()}_{number}", bounds) for number in range(bounds.threads)]
        for thread in self._resting:
            thread.start()

    def run(self, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work at its client's turn, regardless of the queue's length."""
        self._put(owner, work, args, False)

    def offer(self, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work at its client's turn. If the queue is full, the newest job of the client with most jobs is
        refused.
        """
        self._put(owner, work, args, True)

    def _put(self, owner: Owner, work: Callable[..., None], args: tuple[Any, ...], is_refusable: bool) -> None:
        dropped = None
        with self._lock:
            if len(self._resting) > self._asks_from:
                self._resting.pop().go_on((None, owner, work, args, is_refusable))
                return
            client = owner.client
            job = (client, owner, work, args, is_refusable)
            if self._resting and client not in self._busy:
                self._begins(client)
                self._resting.pop().go_on(job)
                return
            self._turns.add(client, job)
            if self._turns.refusable > self._bounds.most_waiting:
                dropped = self._turns.drop()
        if dropped is not None:
            dropped[1].refused(self.lane, dropped[2], dropped[3])

    @property
    def rests(self) -> bool:
        """Whether all threads are idle."""
        return len(self._resting) == self._bounds.threads

    @property
    def has_waiting(self) -> bool:
        """Whether a job waits for a thread. Asked without the lock."""
        return bool(self._turns.refusable)

    def next_job(self, thread: "_Thread", done: Client | None, seconds: float) -> Job | None:
        """Return the next job for a thread that has finished one, in that much CPU time; None: it becomes idle."""
        with self._lock:
            if done is not None and self._bounds.most_each:
                self._ends(done)
                self._turns.charge(done, seconds)
            job = self._turns.next(self._busy)
            if job is None:
                self._resting.append(thread)
            elif job[0] is not None and self._bounds.most_each:
                self._begins(job[0])
            return job

    def _begins(self, client: Client) -> None:
        self._at_work[client] += 1
        if self._at_work[client] == self._bounds.most_each:
            self._busy.add(client)

    def _ends(self, client: Client) -> None:
        self._at_work[client] -= 1
        self._busy.discard(client)
        if not self._at_work[client]:
            del self._at_work[client]


class Turns:
    """Queued jobs. The next is of the client that has used least CPU time: start-time fair queueing.

    A client's clock moves by the CPU time of its jobs. It never lags behind the clock of the job taken last, so that
    nobody saves up turns; clients at the same time take turns.
    """

    def __init__(self) -> None:
        self._ring: OrderedDict[Client, deque[Job]] = OrderedDict()  # of clients at the same time the first is next
        self._clocks: dict[Client, float] = {}  # seconds of CPU; only those ahead of `_now`
        self._now = 0.0
        self.refusable = 0  # the number of jobs that may be refused

    def add(self, client: Client, job: Job) -> None:
        """Append the job to its client's queue."""
        self._ring.setdefault(client, deque()).append(job)
        self.refusable += job[4]

    def charge(self, client: Client, seconds: float) -> None:
        """Count CPU time that a job of the client has taken."""
        self._clocks[client] = self._clock(client) + seconds
        if len(self._clocks) > _MOST_CLOCKS:
            self._clocks = {each: clock for each, clock in self._clocks.items() if clock > self._now}

    def next(self, busy: Collection[Client]) -> Job | None:
        """Return the next job, skipping busy clients."""
        waiting = [each for each in self._ring if each not in busy]
        if not waiting:
            return None
        client = min(waiting, key=self._clock)
        self._now = self._clock(client)
        jobs = self._ring[client]
        job = jobs.popleft()
        self.refusable -= job[4]
        if jobs:
            self._ring.move_to_end(client)
        else:
            del self._ring[client]
        return job

    def _clock(self, client: Client) -> float:
        return max(self._clocks.get(client, 0.0), self._now)

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
                if self._bounds.rest and self._pool.has_waiting:
                    time.sleep(min(_LONGEST_REST, seconds * self._bounds.rest))
                job = self._pool.next_job(self, client, seconds)
