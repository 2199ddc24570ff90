"""Whether the server can serve: looked at in the background, so that to ask takes neither a thread nor the database."""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy import select

from chat.errors import ChatError
from chat.models import Room
from chat.storage.store import Store

log = logging.getLogger(__name__)
WELL_SECONDS = 4.0  # between two looks; each takes about a millisecond of CPU on a server with nothing to do
UNWELL_SECONDS = 1.0
KEEPS_SECONDS = 10.0  # an older look tells nothing


class Health:
    def __init__(self, store: Store, start: Callable[[], None]) -> None:
        self._store = store
        self._start = start
        self._well_until = 0.0  # time.monotonic() s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    @property
    def is_well(self) -> bool:
        """As of the last look."""
        return time.monotonic() < self._well_until

    def look(self) -> None:
        """Look now; where the server could not begin as the database was not ready, it begins. Raises UNAVAILABLE."""
        try:
            self._start()
            with self._store.read() as connection:
                connection.execute(select(Room.id).limit(1)).first()
        except BaseException:
            self._well_until = 0.0
            raise
        self._well_until = time.monotonic() + KEEPS_SECONDS

    def watch(self) -> None:
        """Look from now on, in a thread of its own. Not before the process that serves was forked."""
        self._look_quietly()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(WELL_SECONDS if self.is_well else UNWELL_SECONDS):
            self._look_quietly()

    def _look_quietly(self) -> None:
        try:
            self.look()
        except ChatError:
            pass  # the store has logged it
        except Exception:
            log.exception("looking at the database failed")
