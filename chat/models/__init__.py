"""Tables, one module per noun, and the records read from them.

Times are whole microseconds since 1970 (UTC), as 64-bit integers.
"""

from chat.models.account import Actor, Avatar, ErasedName, KnownAddress, LoginSession, User
from chat.models.audit import AuditAction, AuditRow
from chat.models.change import Change, ChangeKind, Entry, MemberState, Reaction, StoredChange
from chat.models.event import ROOM_SIGNALS, SIGNALS, TIMELINE, Event, EventKind, EventRow
from chat.models.friend import FriendGroup, FriendGroupMember, FriendRequest, Friendship, RequestStatus
from chat.models.group import Announcement, Invitation, InvitationStatus
from chat.models.limit import RateLimit, StoredBytes
from chat.models.message import (
    EVERYBODY,
    IS_FILE,
    Attachment,
    AttachmentChunk,
    Mention,
    Message,
    MessageType,
    Reactions,
    StoredMessage,
)
from chat.models.room import Access, Membership, Pin, Restriction, Role, Room
from chat.models.roster import RosterImport
from chat.models.site import SiteSetting
from chat.models.ticket import RoomTicket
from chat.models.visit import Process, Visitor, VisitRow

__all__ = [
    "EVERYBODY",
    "IS_FILE",
    "ROOM_SIGNALS",
    "SIGNALS",
    "TIMELINE",
    "Access",
    "Actor",
    "Announcement",
    "Attachment",
    "AttachmentChunk",
    "AuditAction",
    "AuditRow",
    "Avatar",
    "Change",
    "ChangeKind",
    "Entry",
    "ErasedName",
    "Event",
    "EventKind",
    "EventRow",
    "FriendGroup",
    "FriendGroupMember",
    "FriendRequest",
    "Friendship",
    "Invitation",
    "InvitationStatus",
    "KnownAddress",
    "LoginSession",
    "MemberState",
    "Membership",
    "Mention",
    "Message",
    "MessageType",
    "Pin",
    "Process",
    "RateLimit",
    "Reaction",
    "Reactions",
    "RequestStatus",
    "Restriction",
    "Role",
    "Room",
    "RoomTicket",
    "RosterImport",
    "SiteSetting",
    "StoredBytes",
    "StoredChange",
    "StoredMessage",
    "User",
    "VisitRow",
    "Visitor",
]
