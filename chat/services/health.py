"""Health of the server, checked in the background so that asking needs neither a thread nor the database."""

import logging
import time
from collections.abc import Callable

from sqlalchemy import literal_column, select

from chat.errors import ChatError
from chat.models import Room
from chat.ports import Store
from chat.restartable_thread import RestartableThread
from chat.storage.prepared import Prepared

log = logging.getLogger(__name__)
WELL_SECONDS = 4.0  # seconds between two checks; each takes about 0.4 ms of CPU on an idle server
UNWELL_SECONDS = 1.0
KEEPS_SECONDS = 10.0  # an older result is not used
_any_room = Prepared(select(Room.id).limit(literal_column("1")))


class Health:
    def __init__(self, store: Store, start: Callable[[], None]) -> None:
        self._store = store
        self._start = start
        self._well_until = 0.0  # time.monotonic() s
        self._thread = RestartableThread("health", self._run)

    @property
    def is_well(self) -> bool:
        """Whether the server is healthy according to the last check."""
        return time.monotonic() < self._well_until

    def look(self) -> None:
        """Check now; also finish starting if the database was not ready at the start. Raises UNAVAILABLE."""
        try:
            self._start()
            with self._store.read() as connection:
                _any_room.run(connection, {})
        except BaseException:
            self._well_until = 0.0
            raise
        self._well_until = time.monotonic() + KEEPS_SECONDS

    def watch(self) -> None:
        """Check, and go on in a background thread; also after `stop`. Call it in the process that serves."""
        self._look_quietly()
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()

    def _run(self) -> None:
        while not self._thread.stopping.wait(WELL_SECONDS if self.is_well else UNWELL_SECONDS):
            self._look_quietly()

    def _look_quietly(self) -> None:
        try:
            self.look()
        except ChatError:
            pass  # the store has logged it
        except Exception:
            log.exception("the health check of the database failed")
