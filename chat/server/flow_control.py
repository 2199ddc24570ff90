"""A connection's transport: backpressure in both directions, its place among all connections, and its deadline."""

import asyncio
import fcntl
import struct
import termios
from typing import Any

from chat.server.deadlines import NEVER
from chat.server.host import Host
from chat.server.memory import Share

WRITE_SECONDS = 10.0  # period in which a client must read
WRITE_BYTES = 16 * 1024  # this much of its answer, or is dropped


def unread_of(transport: Any) -> int:
    """Return the bytes that the client has not taken yet, including the kernel's buffer.

    The transport's buffer alone empties in steps of megabytes, minutes apart with a slow client.
    """
    unread: int = transport.get_write_buffer_size()
    try:
        told = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    except (AttributeError, OSError, ValueError):  # the connection is closed
        return unread
    return unread + int(struct.unpack("i", told)[0])


class FlowControl:
    """The flow of one transport. On the loop."""

    __slots__ = ("_unread", "is_drained", "is_paused", "transport")

    def __init__(self) -> None:
        self.transport: Any = None
        self.is_paused = False  # reading
        self.is_drained = True  # written data is sent, or nearly
        self._unread = 0  # bytes at the last check

    def pause_reading(self) -> None:
        """Stop reading, unless that is so already."""
        if not self.is_paused:
            self.is_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> bool:
        """Read on. Returns whether reading was paused."""
        was_paused, self.is_paused = self.is_paused, False
        if was_paused:
            self.transport.resume_reading()
        return was_paused

    def filled(self) -> None:
        """The transport's buffer is full: see asyncio.Protocol.pause_writing."""
        self.is_drained = False
        self.check()

    def check(self) -> bool:
        """Return whether the client has read WRITE_BYTES since the last check."""
        before, self._unread = self._unread, unread_of(self.transport)
        return self._unread <= before - WRITE_BYTES


class TransportOwner(asyncio.Protocol):
    """What HTTP connections and sockets do alike with their transports. On the loop.

    Subclasses are a Connection of their host, Watched by it, and a Keeper of memory.
    """

    __slots__ = (
        "_flow", "_is_placed", "_transport", "deadline", "host", "place", "share", "watched_until",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        self.host = host
        self._transport: Any = None  # None: not connected yet, or no more
        self._flow = FlowControl()
        self.place = ""  # the address that the connection counts for
        self._is_placed = False  # whether it counts
        self.share: Share | None = None  # in host.memory
        self.deadline = NEVER  # see chat.server.deadlines
        self.watched_until = NEVER

    def _attach(self, transport: Any) -> None:
        self._transport = self._flow.transport = transport
        self.host.connections.add(self)  # type: ignore[arg-type]

    def _detach(self) -> None:
        """The transport is lost, or belongs to another object."""
        self._transport = None
        self._leave()

    def _take_place(self, address: str) -> int:
        """Count the connection for this address. Returns the excess over the limits."""
        self._is_placed = True
        self.place = address
        return self.host.places.take(address)

    def _leave(self) -> None:
        """Count and watch no more. May be called repeatedly."""
        self.deadline = NEVER
        self.host.deadlines.forget(self)  # type: ignore[arg-type]
        self.host.memory.keep(self, 0)  # type: ignore[arg-type]
        if self._is_placed:
            self._is_placed = False
            self.host.places.leave(self.place)

    def _set_deadline(self, deadline: float) -> None:
        self.deadline = deadline
        if deadline < self.watched_until:
            self.host.deadlines.watch(self)  # type: ignore[arg-type]
