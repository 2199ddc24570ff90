"""Threads for the work, in lanes; within a lane clients take turns.

The thread that rested last goes first: what it ran is still in the caches.
"""

import logging
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from chat.lanes import Lane
from chat.live.clients import Client

log = logging.getLogger("gunicorn.error")


class Owner(Protocol):
    """The connection that work is done for. Asked on the loop."""

    @property
    def client(self) -> Client:
        """Whose turn the work takes. Only asked for where somebody has to wait."""

    def refused(self, lane: Lane, work: Callable[..., None], args: tuple[Any, ...]) -> None:
        """Work of its that was offered to a lane is not done, as too much waits there."""


# Who asked if that was of interest, and whose it is; what to do; whether it may be refused.
Job = tuple[Client | None, Owner, Callable[..., None], tuple[Any, ...], bool]


@dataclass(frozen=True, slots=True)
class Bounds:
    threads: int
    most_waiting: int  # jobs that may be refused; those that may not are bounded by the number of connections
    most_each: int = 0  # so many of a client's are worked on at once; 0: no bound
    unasked: int = 0  # so many threads, beside those, are given out without a look at whose the work is


BOUNDS = {
    Lane.HASHING: Bounds(threads=2, most_waiting=500),  # argon2 runs without the GIL
    Lane.ROOM_PASSWDS: Bounds(threads=1, most_waiting=200),
    Lane.PICTURES: Bounds(threads=2, most_waiting=200, most_each=1),
    Lane.LONG: Bounds(threads=2, most_waiting=200, most_each=1),
    Lane.MAIL: Bounds(threads=2, most_waiting=100),
    Lane.REFUSING: Bounds(threads=1, most_waiting=1000),
}
REST_MOST_WAITING = 4000
# Each thread that runs Python waits for the GIL in turn with all others. At little load nobody asks whose the work is.
REST_MOST_EACH = REST_UNASKED = 2


class Lanes:
    """All threads of a worker process, which end with it, whatever they do."""

    def __init__(self, threads: int) -> None:
        rest = Bounds(threads, REST_MOST_WAITING, REST_MOST_EACH, REST_UNASKED)
        self._pools = {lane: Pool(lane, bounds) for lane, bounds in (BOUNDS | {Lane.REST: rest}).items()}
        self.run = self._pools[Lane.REST].run
        self.offer = self._pools[Lane.REST].offer

    def offer_in(self, lane: Lane, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run it in that lane, or tell the owner that it is refused."""
        self._pools[lane].offer(owner, work, *args)

    @property
    def rests(self) -> bool:
        """Whether there is nothing to be done."""
        return all(pool.rests for pool in self._pools.values())


class Pool:
    """The threads of one lane, and what waits for them."""

    def __init__(self, lane: Lane, bounds: Bounds) -> None:
        self.lane = lane
        self._bounds = bounds
        self._asks_from = bounds.threads - bounds.unasked if bounds.most_each else 0  # with so many threads at rest
        self._lock = threading.Lock()
        self._turns = Turns()
        self._at_work: Counter[Client] = Counter()  # jobs of each client, but for those that nobody asked about
        self._busy: set[Client] = set()  # clients that have as many at work as they may
        self._resting = [_Thread(self, f"{lane.name.lower()}_{number}") for number in range(bounds.threads)]
        for thread in self._resting:
            thread.start()

    def run(self, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run it when it is its client's turn, however much waits."""
        self._put(owner, work, args, False)

    def offer(self, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """The same; where too much waits, the newest job of the client that has most is refused."""
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
        """Whether there is nothing to be done."""
        return len(self._resting) == self._bounds.threads

    def next_job(self, thread: "_Thread", done: Client | None) -> Job | None:
        """For a thread that is through with one; None: it rests until it is told to go on."""
        with self._lock:
            if done is not None and self._bounds.most_each:
                self._ends(done)
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
    """Jobs that wait. After one of a client's, all other clients that wait have theirs: a round robin."""

    def __init__(self) -> None:
        self._ring: OrderedDict[Client, deque[Job]] = OrderedDict()  # whose turn is next comes first
        self.refusable = 0  # how many of them may be refused

    def add(self, client: Client, job: Job) -> None:
        """Put it behind the client's own."""
        self._ring.setdefault(client, deque()).append(job)
        self.refusable += job[4]

    def next(self, busy: Collection[Client]) -> Job | None:
        """The job whose turn it is, but for those of busy clients."""
        client = next((each for each in self._ring if each not in busy), None)
        if client is None:
            return None
        jobs = self._ring[client]
        job = jobs.popleft()
        self.refusable -= job[4]
        if jobs:
            self._ring.move_to_end(client)
        else:
            del self._ring[client]
        return job

    def drop(self) -> Job | None:
        """Take out the newest job of the client that has most; of several, the one whose turn is last."""
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
    def __init__(self, pool: Pool, name: str) -> None:
        super().__init__(name=name, daemon=True)
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
                try:
                    work(*args)
                except BaseException:  # a thread less would be one less for good
                    log.exception("work in a thread failed")
                del job, owner, work, args  # what rests keeps nothing alive
                job = self._pool.next_job(self, client)
