"""Backpressure in both directions: whether to read from a client, and whether it reads what is written to it."""

import fcntl
import struct
import termios
from typing import Any

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
