"""Delivery of stored messages to waiting clients: the hub, feeds, the notifier (see docs/delivery.md)."""

from chat.delivery.hub import Hub
from chat.delivery.notifier import Key, Notifier, Waiter

__all__ = ["Hub", "Key", "Notifier", "Waiter"]
