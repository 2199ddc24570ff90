"""Interfaces of a database, an event bus, and the state that processes share besides; implemented by chat.backends."""

from chat.ports.bus import Bus, Listener
from chat.ports.database import Backend, BackupError, Candidates, Moment, Opened, Store, TextIndex, WriteTransaction
from chat.ports.sharing import Buckets, Hints, Online, OnlineChange, Shared, SharedAwayError, Take

__all__ = [
    "Backend",
    "BackupError",
    "Buckets",
    "Bus",
    "Candidates",
    "Hints",
    "Listener",
    "Moment",
    "Online",
    "OnlineChange",
    "Opened",
    "Shared",
    "SharedAwayError",
    "Store",
    "Take",
    "TextIndex",
    "WriteTransaction",
]
