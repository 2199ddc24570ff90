"""Interfaces of an event bus and of the end of it to which it brings events."""

from collections.abc import Sequence
from typing import Protocol

from chat.models import Event


class Listener(Protocol):
    """The local end of delivery, to which a bus brings events (chat.delivery.Hub)."""

    def heard(self, at: float) -> None:
        """The bus knew all commits of other processes at this time (time.monotonic() s)."""
        ...

    def lost(self) -> None:
        """The bus has lost the database, and calls resync when it is back."""
        ...

    def publish(self, events: Sequence[Event]) -> None:
        """Process committed events, from this process or another, in any order and possibly repeatedly."""
        ...

    def signal(self, events: Sequence[Event]) -> None:
        """Deliver signals among the events that the bus has read, once each."""
        ...

    def resync(self) -> None:
        """Have every waiter look again after missed events."""
        ...

    def cut_off(self) -> None:
        """Send waiting clients elsewhere: this host alone has lost the database, for some time now."""
        ...


class Bus(Protocol):
    """Brings the events that other processes commit to this process."""

    def start(self) -> None:
        """Start from the newest event at this time."""
        ...

    def stop(self) -> None:
        """End the thread and wait for it."""
        ...

    def committed(self, events: Sequence[Event]) -> None:
        """Publish events that this process has just committed; also used by commands that write without
        running a bus.
        """
        ...

    def read_events(self) -> None:
        """Publish events committed since the last call, without waiting for the thread."""
        ...
