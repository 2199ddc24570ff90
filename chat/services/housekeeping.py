"""Background jobs that run periodically in a single thread."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from itertools import takewhile

from sqlalchemy import delete, select

from chat.clock import SECOND, Clock
from chat.errors import ChatError, ErrorCode
from chat.models import EventRow
from chat.ports import Store
from chat.restartable_thread import RestartableThread

log = logging.getLogger(__name__)
FREQUENT_SECONDS = 3.0  # read marks and presence must reach the database within 5 s
RARE_EVERY = 20  # in rounds of FREQUENT_SECONDS
# µs; a process that has not read events for longer reads everything from the database again
KEEP_EVENTS_FOR = 300 * SECOND
TRIM_ROWS = 500  # events per transaction, because other writers wait for it
TRIM_PAUSE = 0.01  # seconds between two transactions
TRIM_SECONDS = 1.0  # per round; read marks and presence wait meanwhile


class Housekeeper:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        frequent: Sequence[Callable[[], None]],
        rare: Sequence[Callable[[], None]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._frequent = frequent
        self._rare = [*rare, self.trim_events]
        self._has_more_events = False  # trimming continues in the next round
        self._wake = threading.Event()
        store.on_many_commits(self._wake.set)
        self._thread = RestartableThread("housekeeping", self._run)

    def start(self) -> None:
        """Start the thread; also after `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Run the frequent jobs once more, then end the thread."""
        if self._thread.stop(self._wake.set):
            _do(self._frequent)

    def trim_events(self) -> None:
        """Delete events that every live process has read; the next round continues if there are many."""
        end = time.monotonic() + TRIM_SECONDS
        while has_more := self._trim_some():
            if time.monotonic() > end or self._thread.stopping.wait(TRIM_PAUSE):
                break
            self._store.checkpoint()
        self._has_more_events = has_more

    def _trim_some(self) -> bool:
        """Delete one batch of events. Returns whether there may be more."""
        oldest = select(EventRow.id, EventRow.written_at).order_by(EventRow.id).limit(TRIM_ROWS + 1)
        old_until = self._clock() - KEEP_EVENTS_FOR
        with self._store.write() as tx:
            # Keep the newest event in any case: it shows a process that it has missed some.
            rows = tx.execute(oldest).all()[:-1]
            old = list(takewhile(lambda row: row.written_at < old_until, rows))
            if old:
                tx.execute(delete(EventRow).where(EventRow.id <= old[-1].id))
        return len(old) == TRIM_ROWS

    def _run(self) -> None:
        rounds = 0
        due = time.monotonic() + FREQUENT_SECONDS
        while not self._thread.stopping.is_set():
            if self._wake.wait(max(0.0, due - time.monotonic())):
                self._wake.clear()
                _do([self._store.checkpoint])
                continue
            due = time.monotonic() + FREQUENT_SECONDS
            rounds += 1
            self._do_round(is_rare=rounds % RARE_EVERY == 0)

    def _do_round(self, *, is_rare: bool) -> None:
        _do(self._frequent)
        if is_rare:
            _do(self._rare)
        elif self._has_more_events:
            _do([self.trim_events])


def _do(jobs: Sequence[Callable[[], None]]) -> None:
    for job in jobs:
        try:
            job()
        except ChatError as error:
            if error.code is not ErrorCode.UNAVAILABLE:  # the store has logged it
                log.exception("a housekeeping job failed; retrying in the next round")
        except Exception:
            log.exception("a housekeeping job failed; retrying in the next round")
