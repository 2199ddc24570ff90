"""What is done every now and then, in one thread."""

import logging
import threading
from collections.abc import Callable, Sequence

from sqlalchemy import delete, func, select

from chat.clock import SECOND, Clock
from chat.models import EventRow
from chat.storage.store import Store

log = logging.getLogger(__name__)
FREQUENT_SECONDS = 3.0  # read marks and presence are to be known within 5
RARE_EVERY = 20  # times frequent
KEEP_EVENTS_FOR = 300 * SECOND  # µs; a process that reads none for so long looks at everything again


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
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread after a last round of the frequent jobs."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
            _do(self._frequent)

    def trim_events(self) -> None:
        """Drop the events that every living process has read long ago."""
        with self._store.write() as tx:
            # The oldest that is young enough: found from the lowest id on, past no more than what goes.
            young = EventRow.written_at >= self._clock() - KEEP_EVENTS_FOR
            first = select(EventRow.id).where(young).order_by(EventRow.id).limit(1).scalar_subquery()
            # The newest stays, whatever the clock says: by it a process sees that it has missed some.
            newest = select(func.max(EventRow.id)).scalar_subquery()
            tx.execute(delete(EventRow).where(EventRow.id < func.coalesce(first, newest)))

    def _run(self) -> None:
        rounds = 0
        while not self._stop.wait(FREQUENT_SECONDS):
            _do(self._frequent)
            rounds += 1
            if rounds % RARE_EVERY == 0:
                _do(self._rare)


def _do(jobs: Sequence[Callable[[], None]]) -> None:
    for job in jobs:
        try:
            job()
        except Exception:
            log.exception("a housekeeping job failed; it is tried again in the next round")
