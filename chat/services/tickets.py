"""Room tickets: entering a room on a connection without a session (docs/specification.md, "realtime")."""

import re
import secrets
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import and_, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from chat.clock import SECOND, Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Membership, Role, Room, RoomTicket
from chat.ports import Store, WriteTransaction
from chat.security.limits import ROOM_TICKETS
from chat.services import access
from chat.services.access import RoomRef
from chat.services.membership_changes import barred_among
from chat.services.memberships import Memberships
from chat.services.rate_limits import Limits
from chat.services.sessions import Sessions
from chat.services.subscriptions import NOWHERE

LIFETIME_S = 60
_FORM = re.compile(r"[0-9a-f]{40}")  # as in realtime's document
_valid = and_(RoomTicket.secret == bindparam("secret"), RoomTicket.expires_at > bindparam("now"))


class Entry(NamedTuple):
    """The result of redeeming a ticket."""

    actor: Actor
    room_id: int
    since: Mapping[int, int]  # see Subscriptions.open: the issue of the ticket; empty if that is not known


class Tickets:
    def __init__(
        self, store: Store, clock: Clock, limits: Limits, sessions: Sessions, memberships: Memberships
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._sessions = sessions
        self._memberships = memberships

    def issue(self, actor: Actor, ref: RoomRef) -> str:
        """Issue a ticket for the actor to enter the room: single-use, valid 60 s, and ended with the actor's session.

        Raises ROOM_NOT_FOUND, FORBIDDEN for a room with a passwd that the actor is not in, BARRED, NOT_SIGNED_IN if the
        session has ended meanwhile, RATE_LIMITED.
        """
        secret = secrets.token_hex(20)
        try:
            with self._store.write() as tx:
                room_id = _enterable(tx, actor, ref).id
                row = {
                    "secret": secret,
                    "session_id": actor.session_id,
                    "user_id": actor.user_id,
                    "room_id": room_id,
                    "since": tx.execute(select(Room.last_time).where(Room.id == room_id)).scalar_one(),
                    "expires_at": self._clock() + LIFETIME_S * SECOND,
                }
                self._limits.take_within(tx, ROOM_TICKETS, actor.user_id)
                tx.execute(insert(RoomTicket).values(row))
        except IntegrityError:  # the session has ended
            raise ChatError(ErrorCode.NOT_SIGNED_IN) from None
        return secret

    def redeem(self, secret: str) -> Entry:
        """Consume a ticket. The actor is a member of the room from now on.

        Raises TICKET_INVALID if it is malformed, used or expired, or if the session, the room or the right to enter has
        ended meanwhile.
        """
        if not _FORM.fullmatch(secret):
            raise ChatError(ErrorCode.TICKET_INVALID)
        values = {"secret": secret, "now": self._clock()}
        with self._store.read() as connection:  # invalid guesses must not take the write lock
            if connection.execute(select(RoomTicket.room_id).where(_valid), values).first() is None:
                raise ChatError(ErrorCode.TICKET_INVALID)
        with self._store.write() as tx:
            # Only one of any number of concurrent attempts, in all processes, can delete the row.
            used = delete(RoomTicket).where(_valid).returning(RoomTicket)
            ticket = tx.execute(used, values).first()
            if ticket is not None:
                tx.lock_rooms([ticket.room_id])
            actor = self._sessions.resolve_within(tx, ticket.session_id, ticket.user_id) if ticket else None
            if ticket is None or actor is None:
                raise ChatError(ErrorCode.TICKET_INVALID)
            try:
                room = _enterable(tx, actor, ticket.room_id)
            except ChatError:
                raise ChatError(ErrorCode.TICKET_INVALID) from None
            if room.role is None:
                self._memberships.admit(tx, room.id, actor.user_id, Role.MEMBER)
            membership = select(Membership.id).where(Membership.room_id == room.id, Membership.user_id == actor.user_id)
            since = NOWHERE if ticket.since is None else {tx.execute(membership).scalar_one(): ticket.since}
        return Entry(actor, room.id, since)

    def purge(self) -> None:
        """Delete expired tickets."""
        with self._store.write() as tx:
            tx.execute(delete(RoomTicket).where(RoomTicket.expires_at <= self._clock()))


def _enterable(tx: WriteTransaction, actor: Actor, ref: RoomRef) -> access.FoundRoom:
    room = access.visible(tx, actor, ref)
    if room.asks_for_passwd:
        raise ChatError(ErrorCode.FORBIDDEN)
    if room.role is None and barred_among(tx, room.id, [actor.user_id]):
        raise ChatError(ErrorCode.BARRED)
    return room
