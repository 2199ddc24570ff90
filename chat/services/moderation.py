"""Acts of a room's owner, admins and teachers on its members (docs/specification.md, "Order")."""

from typing import Any

from sqlalchemy import select, update

from chat.clock import SECOND, Clock, to_iso
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, AuditAction, Membership, Message, Restriction, Role, User
from chat.ports import Store, WriteTransaction
from chat.security.limits import ACTS
from chat.services import access, audit
from chat.services.access import FoundRoom, RoomRef, UserRef
from chat.services.change_log import record_members
from chat.services.changes import Changes
from chat.services.groups import Groups
from chat.services.membership_changes import restrict
from chat.services.permissions import MUTING, Action, forbidden, require
from chat.services.rate_limits import Limits

MUTE_MAX_MINUTES = 60 * 24 * 366
RECENT_MAX_MINUTES = 60 * 24
DELETED_AT_ONCE = 20  # messages per transaction, because other writers wait for it
MOST_DELETED = 1000  # per request
BARRED_SHOWN = 500


class Moderation:
    def __init__(self, store: Store, clock: Clock, limits: Limits, groups: Groups, changes: Changes) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._groups = groups
        self._changes = changes

    def mute(self, actor: Actor, ref: RoomRef, user: UserRef, minutes: int) -> None:
        """Let a member write nothing for some minutes, also after leaving and coming back; 0 lifts it.

        Raises ROOM_NOT_FOUND, FORBIDDEN (also for teachers and the actor themself), USER_NOT_FOUND, NOT_MEMBER,
        RATE_LIMITED.
        """
        self._limits.take(ACTS, actor.user_id)
        now = self._clock()
        until = now + minutes * 60 * SECOND if minutes else 0
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, ref)
            require(Action.MUTE_MEMBER, room)
            member = _member(tx, room, user)
            require(MUTING[Role(member.role)], room)
            if member.user_id == actor.user_id or member.is_teacher:
                raise forbidden(room)
            if not until and not member.muted_until:
                return
            same = (Membership.room_id == room.id, Membership.user_id == member.user_id)
            tx.execute(update(Membership).where(*same).values(muted_until=until))
            restrict(tx, room.id, member.user_id, muted_until=until)
            record_members(tx, now, actor.user_id, {room.id: [(member.user_id, member.role, until)]})
            states = ({"until": _iso(member.muted_until)}, {"until": _iso(until)})
            about = {"room_id": room.id, "subject_id": member.user_id}
            audit.record(tx, now, actor, AuditAction.MEMBER_MUTED, *states, **about)

    def bar(self, actor: Actor, ref: RoomRef, user: UserRef, *, is_barred: bool) -> None:
        """Remove a user from a room and keep them from coming back, or let them come back. Teachers cannot be barred.

        Raises ROOM_NOT_FOUND, FORBIDDEN, USER_NOT_FOUND, ADMIN_PROTECTED, RATE_LIMITED.
        """
        self._limits.take(ACTS, actor.user_id)
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, ref)
            require(Action.REMOVE_MEMBER, room)
            user_id = access.user_id(tx, user)
            is_teacher = tx.execute(select(User.is_teacher).where(User.id == user_id)).scalar()
            if is_barred and (user_id == actor.user_id or is_teacher):
                raise forbidden(room)
            if is_barred and access.role_of(tx, room.id, user_id) is not None:
                self._groups.remove_within(tx, actor, room, user_id)
            barred = select(Restriction.is_barred)
            same = (Restriction.room_id == room.id, Restriction.user_id == user_id)
            was_barred = bool(tx.execute(barred.where(*same)).scalar())
            if was_barred == is_barred:
                return
            restrict(tx, room.id, user_id, is_barred=is_barred)
            states = ({"barred": was_barred}, {"barred": is_barred})
            audit.record(
                tx, self._clock(), actor, AuditAction.MEMBER_BARRED, *states, room_id=room.id, subject_id=user_id
            )

    def barred(self, actor: Actor, ref: RoomRef) -> list[str]:
        """Return the usernames of at most BARRED_SHOWN barred users. Raises ROOM_NOT_FOUND, FORBIDDEN."""
        query = select(User.username).join(Restriction, Restriction.user_id == User.id)
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            require(Action.REMOVE_MEMBER, room)
            own = query.where(Restriction.room_id == room.id, Restriction.is_barred, User.deleted_at.is_(None))
            return list(connection.execute(own.order_by(User.username_key).limit(BARRED_SHOWN)).scalars())

    def delete_recent(self, actor: Actor, ref: RoomRef, user: UserRef, minutes: int) -> tuple[int, bool]:
        """Delete a user's messages of the last minutes in a room, in small transactions, at most MOST_DELETED.

        Returns how many, and whether there are more. Raises ROOM_NOT_FOUND, FORBIDDEN, USER_NOT_FOUND, RATE_LIMITED.
        """
        self._limits.take(ACTS, actor.user_id)
        since = self._clock() - minutes * 60 * SECOND
        total = 0
        while total < MOST_DELETED:
            with self._store.write() as tx:
                room = access.joined_locked(tx, actor, ref)
                require(Action.DELETE_MESSAGE, room)
                recent = (Message.room_id == room.id, Message.time > since, Message.deleted_at.is_(None))
                theirs = select(Message.id).where(*recent, Message.sender_id == access.user_id(tx, user))
                found = tx.execute(theirs.order_by(Message.time).limit(DELETED_AT_ONCE)).scalars().all()
                for message_id in found:
                    self._changes.delete_within(tx, actor, room, message_id)
            total += len(found)
            if len(found) < DELETED_AT_ONCE:
                return total, False
        return total, True


def _member(tx: WriteTransaction, room: FoundRoom, user: UserRef) -> Any:
    """Raises USER_NOT_FOUND, NOT_MEMBER."""
    query = select(User.id.label("user_id"), User.is_teacher, Membership.role, Membership.muted_until)
    same = (Membership.room_id == room.id, User.id == access.user_id(tx, user))
    found = tx.execute(query.join(Membership, Membership.user_id == User.id).where(*same)).first()
    if found is None:
        raise ChatError(ErrorCode.NOT_MEMBER, username=user)
    return found


def _iso(time: int) -> str | None:
    return to_iso(time) if time else None
