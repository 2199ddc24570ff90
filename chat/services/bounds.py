"""Per-person limits on actions that affect others: creating rooms, adding people (docs/decisions/0020)."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Friendship, Membership, Message, Role
from chat.ports import WriteTransaction
from chat.security.limits import ACTS, Limit
from chat.services import friendships
from chat.services.rate_limits import Limits
from chat.services.rules import Rules

# Rows that a person may have made at any time (docs/decisions/0082).
FRIEND_REQUESTS_WAITING = 500  # sent and not yet answered
FRIEND_GROUPS = 200
ANNOUNCEMENTS_OF_ROOM = 500
INVITATIONS_KEPT = 500  # answered ones of a room, the newest
_are_friends = exists().where(
    or_(
        and_(Friendship.low_id == Membership.user_id, Friendship.high_id == Membership.added_by_id),
        and_(Friendship.low_id == Membership.added_by_id, Friendship.high_id == Membership.user_id),
    ),
    Friendship.ended_at.is_(None),
)
_has_written = exists().where(Message.room_id == Membership.room_id, Message.sender_id == Membership.user_id)
# A room that the member never entered or used after a non-friend added them. Joining sets the read mark to the room's
# last message, so a mark after the joining time means that the member has read something.
_is_strangers = and_(
    Membership.added_by_id.is_not(None),
    Membership.read_time <= Membership.joined_at,
    ~_has_written,
    ~_are_friends,
)


class PersonBounds:
    """Checks that run inside the write transaction of the action they allow, so that parallel requests are counted."""

    def __init__(self, limits: Limits, rules: Rules) -> None:
        self._limits = limits
        self._rules = rules
        at_once = rules.rooms_at_once
        self._rooms_made = Limit("rooms-made", burst=at_once, seconds=3600 * at_once / rules.rooms_per_hour)
        self._people_added = Limit("people-added", burst=rules.people_added_per_minute, seconds=60)

    def count_room(self, tx: WriteTransaction, actor: Actor) -> None:
        """Allow the actor to create and own one more room. Raises ROOMS_OWNED, RATE_LIMITED.

        Owners by succession or transfer are not checked: they did not create the room.
        """
        _decide_alone(tx, [actor.user_id])
        owned = select(func.count()).where(Membership.user_id == actor.user_id, Membership.role == Role.OWNER)
        if tx.execute(owned).scalar_one() >= self._rules.rooms_owned:
            raise ChatError(ErrorCode.ROOMS_OWNED, limit=self._rules.rooms_owned)
        self._limits.take_within(tx, self._rooms_made, actor.user_id)

    def take(self, tx: WriteTransaction, limit: Limit, actor: Actor) -> None:
        """Take one of the actor's actions of this kind. Raises RATE_LIMITED."""
        self._limits.take_within(tx, limit, actor.user_id)

    def count_act(self, actor: Actor) -> None:
        """Count one of the actor's changes of rooms and memberships. Raises RATE_LIMITED."""
        self._limits.take(ACTS, actor.user_id)

    @staticmethod
    def require_fewer(tx: WriteTransaction, which: ColumnElement[bool], limit: int) -> None:
        """Raise TOO_MANY if there are `limit` rows that satisfy the condition."""
        if tx.execute(select(func.count()).where(which)).scalar_one() >= limit:
            raise ChatError(ErrorCode.TOO_MANY, limit=limit)

    def count_added(self, tx: WriteTransaction, actor: Actor, user_ids: Collection[int]) -> None:
        """Allow the actor to add all of these users to a room, or none of them.

        Raises ADDED_TOO_MANY if there are more than the limit ever allows at once; RATE_LIMITED; CANNOT_BE_ADDED if one
        of them has reached the limit of strangers' rooms and the actor is not a friend.
        """
        if not user_ids:
            return
        if self._limits.enabled and len(user_ids) > self._people_added.burst:
            raise ChatError(ErrorCode.ADDED_TOO_MANY, limit=self._people_added.burst)
        self._limits.take_within(tx, self._people_added, actor.user_id, len(user_ids))
        self.require_bearable(tx, actor.user_id, user_ids)

    def require_bearable(self, tx: WriteTransaction, adder_id: int, user_ids: Collection[int]) -> None:
        """Raise CANNOT_BE_ADDED if one of the users has reached the limit of strangers' rooms and the actor is not a
        friend.
        """
        _decide_alone(tx, user_ids)
        query = (
            select(Membership.user_id)
            .where(Membership.user_id.in_(user_ids), _is_strangers)
            .group_by(Membership.user_id)
            .having(func.count() >= self._rules.strangers_rooms)
        )
        full = set(tx.execute(query).scalars())
        if full and not full <= friendships.friends_among(tx, adder_id, full):
            raise ChatError(ErrorCode.CANNOT_BE_ADDED)


def _decide_alone(tx: WriteTransaction, user_ids: Collection[int]) -> None:
    """Let nobody else count these users' rooms until the commit. Not by their rows: a room's row is locked already."""
    tx.lock_names(f"rooms of {user_id}" for user_id in user_ids)
