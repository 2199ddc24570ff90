"""Tables, by noun, and the plain records that are read from them.

Times are whole microseconds since 1970 (UTC), as 64-bit integers.
"""

from chat.models.account import Actor, LoginSession, User
from chat.models.event import ROOM_SIGNALS, SIGNALS, Event, EventKind, EventRow
from chat.models.limit import RateLimit
from chat.models.message import Attachment, AttachmentChunk, Message, MessageType, StoredMessage
from chat.models.room import Access, Membership, Role, Room
from chat.models.ticket import RoomTicket
from chat.models.visit import Process, Visitor, VisitRow

__all__ = [
    "ROOM_SIGNALS",
    "SIGNALS",
    "Access",
    "Actor",
    "Attachment",
    "AttachmentChunk",
    "Event",
    "EventKind",
    "EventRow",
    "LoginSession",
    "Membership",
    "Message",
    "MessageType",
    "Process",
    "RateLimit",
    "Role",
    "Room",
    "RoomTicket",
    "StoredMessage",
    "User",
    "VisitRow",
    "Visitor",
]
