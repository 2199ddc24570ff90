"""Invitations: members propose, owner and admins approve (docs/specification.md, "Room")."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import aliased

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Event, EventKind, Invitation, InvitationStatus, Membership, Role, User
from chat.ports import Store, WriteTransaction
from chat.services import access, friendships, paging
from chat.services.access import within_64_bits
from chat.services.bounds import INVITATIONS_KEPT, PersonBounds
from chat.services.memberships import Memberships
from chat.services.paging import WHOLE, Listed, Page
from chat.services.permissions import Action, allows, forbidden, require


@dataclass(frozen=True, slots=True)
class InvitationView:
    id: int
    room_id: int
    sender_id: int
    sender_name: str
    receiver_id: int
    receiver_name: str
    created_at: int  # µs
    status: InvitationStatus


class Invitations:
    def __init__(self, store: Store, clock: Clock, memberships: Memberships, bounds: PersonBounds) -> None:
        self._store = store
        self._clock = clock
        self._memberships = memberships
        self._bounds = bounds

    def invite(self, actor: Actor, room_id: int, user_ids: Iterable[int]) -> bool:
        """Add friends of the actor, all or none. Returns True if they were added, False if approval is pending.

        Pending invitations count towards the limit on added people. Raises ROOM_NOT_FOUND, FORBIDDEN, ALREADY_MEMBER,
        NOT_FRIENDS, ADDED_TOO_MANY, RATE_LIMITED.
        """
        wanted = {within_64_bits(user_id) for user_id in user_ids}
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, room_id)
            at_once = allows(Action.ADD_MEMBER, room)
            if room.is_lobby or not (at_once or allows(Action.INVITE, room)):
                raise forbidden(room)
            inside = select(Membership.user_id).where(Membership.room_id == room.id, Membership.user_id.in_(wanted))
            if tx.execute(inside.limit(1)).first():
                raise ChatError(ErrorCode.ALREADY_MEMBER)
            friends = friendships.friends_among(tx, actor.user_id, wanted)
            if not wanted <= friends & access.living_among(tx, wanted):
                raise ChatError(ErrorCode.NOT_FRIENDS)
            if at_once:
                self._memberships.add_all_within(tx, actor, room.id, sorted(wanted))
                self._insert(tx, actor, room.id, wanted, InvitationStatus.ACCEPTED)
            else:
                waiting = select(Invitation.receiver_id).where(
                    Invitation.room_id == room.id, Invitation.status == InvitationStatus.WAITING
                )
                new = wanted.difference(tx.execute(waiting).scalars())  # one pending invitation per user is enough
                self._bounds.count_added(tx, actor, new)
                self._insert(tx, actor, room.id, new, InvitationStatus.WAITING)
        return at_once

    def all(self, actor: Actor, room_id: int, page: Page = WHOLE) -> Listed[InvitationView]:
        """List the invitations to a room that the actor is in, newest first. Raises ROOM_NOT_FOUND."""
        sender, receiver = aliased(User), aliased(User)
        query = (
            select(Invitation.id, Invitation.room_id, Invitation.sender_id, sender.nickname.label("sender_name"))
            .add_columns(Invitation.receiver_id, receiver.nickname.label("receiver_name"))
            .add_columns(Invitation.created_at, Invitation.status)
            .join(sender, sender.id == Invitation.sender_id)
            .join(receiver, receiver.id == Invitation.receiver_id)
        )
        with self._store.read() as connection:
            room = access.joined(connection, actor, room_id)
            query = query.where(Invitation.room_id == room.id)
            rows = paging.fetch(connection, query, [Invitation.id], page, newest_first=True)
        return rows.with_entries([_view(row) for row in rows])

    def answer(self, actor: Actor, invitation_id: int, room_id: int | None, *, accept: bool) -> None:
        """Accept or reject an invitation. `room_id`: the room that the client believes it is for, if it named one.

        Raises INVITATION_NOT_FOUND, also if it is for another room; FORBIDDEN, also for non-members;
        INVITATION_ANSWERED; USER_NOT_FOUND if the invited account is deleted; CANNOT_BE_ADDED if the inviter is no
        longer a friend and the invited user has reached the limit of strangers' rooms. In the last case the invitation
        stays pending.
        """
        with self._store.write() as tx:
            query = select(Invitation.room_id, Invitation.sender_id, Invitation.receiver_id, Invitation.status)
            found = tx.execute(query.where(Invitation.id == within_64_bits(invitation_id))).first()
            if found is None or room_id not in {None, found.room_id}:
                raise ChatError(ErrorCode.INVITATION_NOT_FOUND)
            not_found = ErrorCode.INVITATION_NOT_FOUND
            room = access.joined_of(tx, actor, found.room_id, not_found, access.joined_locked)
            require(Action.ANSWER_INVITATION, room)
            waiting = update(Invitation).where(
                Invitation.id == invitation_id, Invitation.status == InvitationStatus.WAITING
            )
            status = InvitationStatus.ACCEPTED if accept else InvitationStatus.REFUSED
            if not tx.execute(waiting.values(status=status)).rowcount:
                raise ChatError(ErrorCode.INVITATION_ANSWERED)
            if not accept:  # admission announces itself
                tx.emit(Event(EventKind.CONCERNS_MEMBERS, room.id, self._clock()))
            if accept:
                receiver = [access.user_id(tx, found.receiver_id)]
                self._bounds.require_bearable(tx, found.sender_id, receiver)
                self._memberships.admit_all(tx, room.id, receiver, Role.MEMBER, added_by=found.sender_id)

    def _insert(
        self, tx: WriteTransaction, actor: Actor, room_id: int, user_ids: set[int], status: InvitationStatus
    ) -> None:
        about = {"room_id": room_id, "sender_id": actor.user_id, "created_at": self._clock(), "status": status}
        rows = [{"receiver_id": user_id, **about} for user_id in sorted(user_ids)]
        if not rows:
            return
        tx.execute(insert(Invitation), rows)
        answered = (Invitation.room_id == room_id, Invitation.status != InvitationStatus.WAITING)
        old = select(Invitation.id).where(*answered).order_by(Invitation.id.desc()).offset(INVITATIONS_KEPT).limit(1)
        last_old = tx.execute(old).scalar()
        if last_old is not None:
            tx.execute(delete(Invitation).where(*answered, Invitation.id <= last_old))


def _view(row: Any) -> InvitationView:
    known: dict[str, Any] = {name: value for name, value in row._mapping.items() if not name.startswith("key_")}
    return InvitationView(**known | {"status": InvitationStatus(row.status)})
