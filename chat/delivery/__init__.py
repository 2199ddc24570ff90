"""How a stored message reaches those who wait for it: notifier, feed, bus (docs/architecture.md has the picture)."""

from chat.delivery.hub import Hub
from chat.delivery.notifier import Key, Waiter

__all__ = ["Hub", "Key", "Waiter"]
