"""Chunked sending: each chunk follows when the previous one has been read; from memory, or fetched by a thread."""

import logging
from collections.abc import Callable, Iterator, Sequence

from chat.lanes import Lane
from chat.server.host import Host, Owner
from chat.server.ports import Pieces

log = logging.getLogger("gunicorn.error")
SLICE_BYTES = 128 * 1024  # written at a time, for an answer in memory


class BytesSender:
    """Sends an answer in memory, in slices as the client reads them. On the loop.

    Content sent to many clients, such as a picture in a class's pulls, is one object and counted once (Memory.hold).
    `finished` is called once, unless stopped.
    """

    __slots__ = ("_finished", "_is_ready", "_pieces", "_release", "_slices", "_write")

    def __init__(
        self,
        pieces: Sequence[bytes],
        write: Callable[[bytes | memoryview], None],
        is_ready: Callable[[], bool],  # whether the client has read the previous data, or nearly
        release: Callable[[Sequence[bytes]], None],
        finished: Callable[[], None],
    ) -> None:
        self._pieces = pieces
        self._write = write
        self._is_ready = is_ready
        self._release = release
        self._finished = finished
        self._slices = _slices(pieces)

    def go_on(self) -> None:
        """Write as much as the client is ready for."""
        while self._is_ready():
            piece = next(self._slices, None)
            if piece is None:
                self.stop()
                self._finished()
                return
            self._write(piece)

    def stop(self) -> None:
        """Release the data: the client is gone, or everything is written."""
        self._release(self._pieces)
        self._pieces, self._slices = (), iter(())


def _slices(pieces: Sequence[bytes]) -> Iterator[bytes | memoryview]:
    for piece in pieces:
        if len(piece) <= SLICE_BYTES:
            yield piece
            continue
        view = memoryview(piece)
        for start in range(0, len(piece), SLICE_BYTES):
            yield view[start : start + SLICE_BYTES]


class PieceSender:
    """On the loop, except _fetch. `finished` is called once: with False if the chunks ended early, or after `stop`."""

    __slots__ = ("_finished", "_host", "_is_fetching", "_is_stopped", "_lane", "_owner", "_pieces", "_write")

    def __init__(
        self,
        host: Host,
        owner: Owner,
        pieces: Pieces,
        write: Callable[[bytes], None],
        finished: Callable[[bool], None],
        lane: Lane | None = None,
    ) -> None:
        """lane: where to fetch the chunks."""
        self._host = host
        self._lane = lane or Lane.REST
        self._owner = owner
        self._pieces = pieces
        self._write = write  # followed by go_on, immediately or when that is read
        self._finished = finished
        self._is_fetching = False  # fetching, or pausing
        self._is_stopped = False

    def go_on(self) -> None:
        """Fetch the next chunk: the client has read the previous data, or nearly."""
        if not self._is_fetching:
            self._is_fetching = True
            self._host.in_lane(self._lane, self._owner, self._fetch)

    def stop(self) -> None:
        """Stop sending, because the client is gone."""
        self._is_stopped = True
        if not self._is_fetching:
            self._end(ok=False)

    def _fetch(self) -> None:  # in a thread
        try:
            piece = None if self._is_stopped else next(self._pieces, None)
            self._host.on_loop(self._fetched, piece)
        except Exception:
            log.exception("sending a chunk failed")
            self._host.on_loop(self._end, False)

    def _fetched(self, piece: bytes | float | None) -> None:
        if piece is None or self._is_stopped:
            self._end(ok=not self._is_stopped)
        elif isinstance(piece, float):
            self._host.loop.call_later(piece, self._fetched, b"")
        else:
            self._is_fetching = False
            self._write(piece)

    def _end(self, ok: bool) -> None:
        self._is_fetching = True  # makes go_on do nothing
        self._finished(ok)
