"""Sending what is too large to be in memory whole: a thread gets each piece once the last one has been read."""

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chat.live.pool import Owner
    from chat.live.worker import LiveWorker

log = logging.getLogger("gunicorn.error")
Pieces = Iterator[bytes | float]  # a number is a pause in seconds


class PieceSender:
    """On the loop, but for _fetch. `finished` is called once: with False where the pieces broke off, or stop was."""

    __slots__ = ("_finished", "_is_fetching", "_is_stopped", "_owner", "_pieces", "_worker", "_write")

    def __init__(
        self,
        worker: "LiveWorker",
        owner: "Owner",
        pieces: Pieces,
        write: Callable[[bytes], None],
        finished: Callable[[bool], None],
    ) -> None:
        self._worker = worker
        self._owner = owner
        self._pieces = pieces
        self._write = write  # followed by go_on, at once or when that is read
        self._finished = finished
        self._is_fetching = False  # or there is a pause
        self._is_stopped = False

    def go_on(self) -> None:
        """The client has read what was written, or nearly: get the next piece."""
        if not self._is_fetching:
            self._is_fetching = True
            self._worker.in_thread(self._owner, self._fetch)

    def stop(self) -> None:
        """Nobody reads it any more."""
        self._is_stopped = True
        if not self._is_fetching:
            self._end(ok=False)

    def _fetch(self) -> None:  # in a thread
        try:
            piece = None if self._is_stopped else next(self._pieces, None)
            self._worker.on_loop(self._fetched, piece)
        except Exception:
            log.exception("sending piece by piece failed")
            self._worker.on_loop(self._end, False)

    def _fetched(self, piece: bytes | float | None) -> None:
        if piece is None or self._is_stopped:
            self._end(ok=not self._is_stopped)
        elif isinstance(piece, float):
            self._worker.loop.call_later(piece, self._fetched, b"")
        else:
            self._is_fetching = False
            self._write(piece)

    def _end(self, ok: bool) -> None:
        self._is_fetching = True  # go_on does nothing from here on
        self._finished(ok)
