"""Friendships: requesting, answering, listing and ending them (docs/specification.md, "ims")."""

from dataclasses import dataclass

from sqlalchemy import and_, delete, insert, or_, select, update

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import (
    Access,
    Actor,
    Event,
    EventKind,
    FriendGroup,
    FriendGroupMember,
    FriendRequest,
    Friendship,
    RequestStatus,
    User,
)
from chat.ports import Store, WriteTransaction
from chat.security.limits import FRIEND_REQUESTS
from chat.services import access, friendships, paging, user_directory
from chat.services.access import LIST_CAP, within_64_bits
from chat.services.bounds import FRIEND_REQUESTS_WAITING, PersonBounds
from chat.services.messages import Draft, Messages
from chat.services.paging import WHOLE, Listed, Page
from chat.services.rooms import Rooms
from chat.services.site import Site
from chat.services.user_directory import Person

REQUEST_MAX_CHARS = 255


@dataclass(frozen=True, slots=True)
class RequestView:
    """A friend request that the actor has received."""

    sender: Person
    message: str
    created_at: int  # µs
    status: RequestStatus


@dataclass(frozen=True, slots=True)
class FriendView:
    person: Person
    profile: str
    groups: list[tuple[int, str]]  # the actor's groups that contain this friend: id and name


class Friends:
    def __init__(
        self, store: Store, clock: Clock, rooms: Rooms, messages: Messages, bounds: PersonBounds, site: Site
    ) -> None:
        self._site = site
        self._store = store
        self._clock = clock
        self._rooms = rooms
        self._messages = messages
        self._bounds = bounds

    def request(self, actor: Actor, user_id: int, message: str) -> None:
        """Send a friend request.

        Raises USER_NOT_FOUND, SELF_MEANT, ALREADY_FRIENDS, REQUEST_PENDING, TOO_MANY (waiting ones), RATE_LIMITED.
        """
        with self._store.write() as tx:
            tx.lock_users([actor.user_id, within_64_bits(user_id)])
            access.user_id(tx, user_id)
            if user_id == actor.user_id:
                raise ChatError(ErrorCode.SELF_MEANT)
            if friendships.are_friends(tx, actor.user_id, user_id):
                raise ChatError(ErrorCode.ALREADY_FRIENDS)
            same = (FriendRequest.sender_id == actor.user_id, FriendRequest.receiver_id == user_id)
            status = tx.execute(select(FriendRequest.status).where(*same)).scalar()
            if status == RequestStatus.WAITING:
                raise ChatError(ErrorCode.REQUEST_PENDING)
            waiting = and_(FriendRequest.sender_id == actor.user_id, FriendRequest.status == RequestStatus.WAITING)
            self._bounds.require_fewer(tx, waiting, FRIEND_REQUESTS_WAITING)
            self._bounds.take(tx, FRIEND_REQUESTS, actor)
            asked = {"message": message, "created_at": self._clock(), "status": RequestStatus.WAITING}
            if status is None:
                tx.execute(insert(FriendRequest).values(sender_id=actor.user_id, receiver_id=user_id, **asked))
            else:
                tx.execute(update(FriendRequest).where(*same).values(asked))
            tx.emit(Event(EventKind.FRIEND_REQUESTED, user_id, self._clock()))

    def requests(self, actor: Actor, page: Page = WHOLE) -> Listed[RequestView]:
        """List the requests that the actor has received, answered ones included, newest first."""
        wanted = select(FriendRequest.id.label("request_id")).where(FriendRequest.receiver_id == actor.user_id)
        if page.search:
            wanted = wanted.join(User, User.id == FriendRequest.sender_id).where(user_directory.called(page.search))
        # Texts are looked up only for the requests on the page, so that they are not sorted.
        keys = (FriendRequest.created_at, FriendRequest.id)
        part = paging.limited(wanted, keys, page, newest_first=True).subquery()
        query = (
            select(*user_directory.columns, FriendRequest.message, FriendRequest.created_at, FriendRequest.status)
            .add_columns(part.c.key_0, part.c.key_1)
            .join(FriendRequest, FriendRequest.sender_id == User.id)
            .join(part, part.c.request_id == FriendRequest.id)
            .order_by(part.c.key_0.desc(), part.c.key_1.desc())
        )
        with self._store.read() as connection:
            rows = paging.listed(connection.execute(query).all(), page, newest_first=True)
            senders = user_directory.persons(connection, rows)
        found = [
            RequestView(sender, row.message, row.created_at, RequestStatus(row.status))
            for sender, row in zip(senders, rows, strict=True)
        ]
        return rows.with_entries(found)

    def accept(self, actor: Actor, sender_id: int, receiver_id: int, greeting: str) -> None:
        """Accept a request. The two get a direct conversation, and the actor posts the greeting in it.

        Only the receiver may accept. Raises USER_DELETED, ALREADY_FRIENDS, REQUEST_NOT_FOUND, DIRECTS_OFF.
        """
        with self._store.write() as tx:
            self._answer(tx, actor, sender_id, receiver_id, RequestStatus.ACCEPTED)
            crossing = (FriendRequest.sender_id == receiver_id, FriendRequest.receiver_id == sender_id)
            is_waiting = FriendRequest.status == RequestStatus.WAITING
            values = {"status": RequestStatus.FRIENDS_OTHERWISE}
            tx.execute(update(FriendRequest).where(*crossing, is_waiting).values(values))
            room_id = self._befriend(tx, actor, sender_id, receiver_id)
            self._messages.insert(tx, actor, room_id, Draft(text=greeting), None)

    def refuse(self, actor: Actor, sender_id: int, receiver_id: int) -> None:
        """Refuse a request, which removes it. Raises USER_DELETED, ALREADY_FRIENDS, REQUEST_NOT_FOUND."""
        with self._store.write() as tx:
            self._answer(tx, actor, sender_id, receiver_id, RequestStatus.REFUSED)

    def all(self, actor: Actor, page: Page = WHOLE) -> Listed[Person]:
        """List the actor's friends, longest-standing first, deleted accounts included."""
        query = (
            select(*user_directory.columns)
            .join(Friendship, friendships.other(actor.user_id) == User.id)
            .where(friendships.of(actor.user_id), Friendship.ended_at.is_(None))
        )
        with self._store.read() as connection:
            rows = paging.fetch(connection, query, [Friendship.id], page, search=user_directory.called)
            return rows.with_entries(user_directory.persons(connection, rows))

    def find(self, actor: Actor, user_id: int) -> FriendView:
        """Return one friend. Raises USER_NOT_FOUND; FRIEND_NOT_FOUND, also for a former friend."""
        query = select(*user_directory.columns, User.profile).where(User.id == within_64_bits(user_id))
        groups = (
            select(FriendGroup.id, FriendGroup.name)
            .join(FriendGroupMember, FriendGroupMember.group_id == FriendGroup.id)
            .where(FriendGroup.owner_id == actor.user_id, FriendGroupMember.user_id == within_64_bits(user_id))
            .order_by(FriendGroup.id)
            .limit(LIST_CAP)
        )
        with self._store.read() as connection:
            row = connection.execute(query).first()
            if row is None:
                raise ChatError(ErrorCode.USER_NOT_FOUND, username=user_id)
            if not friendships.are_friends(connection, actor.user_id, user_id):
                raise ChatError(ErrorCode.FRIEND_NOT_FOUND)
            found = [(group.id, group.name) for group in connection.execute(groups)]
            return FriendView(user_directory.persons(connection, [row])[0], row.profile, found)

    def remove(self, actor: Actor, user_id: int) -> None:
        """End a friendship for both sides and remove them from each other's groups; their conversation becomes
        read-only.

        Raises USER_NOT_FOUND, FRIEND_NOT_FOUND, NOT_FRIENDS (ended already).
        """
        with self._store.write() as tx:
            tx.lock_users([actor.user_id, within_64_bits(user_id)])
            if tx.execute(select(User.id).where(User.id == within_64_bits(user_id))).first() is None:
                raise ChatError(ErrorCode.USER_NOT_FOUND, username=user_id)
            found = friendships.between(tx, actor.user_id, user_id)
            if found is None:
                raise ChatError(ErrorCode.FRIEND_NOT_FOUND)
            if found.is_over:
                raise ChatError(ErrorCode.NOT_FRIENDS)
            tx.lock_rooms([found.room_id])  # it takes nothing new from here on
            tx.execute(update(Friendship).where(Friendship.id == found.id).values(ended_at=self._clock()))
            for one, other in ((actor.user_id, user_id), (user_id, actor.user_id)):
                own = select(FriendGroup.id).where(FriendGroup.owner_id == one)
                entry = (FriendGroupMember.group_id.in_(own), FriendGroupMember.user_id == other)
                tx.execute(delete(FriendGroupMember).where(*entry))
                tx.emit(Event(EventKind.UNFRIENDED, one, self._clock()))

    def _answer(
        self, tx: WriteTransaction, actor: Actor, sender_id: int, receiver_id: int, status: RequestStatus
    ) -> None:
        if actor.user_id not in {sender_id, receiver_id}:
            raise ChatError(ErrorCode.REQUEST_NOT_FOUND)
        tx.lock_users(map(within_64_bits, (sender_id, receiver_id)))
        either = or_(User.id == within_64_bits(sender_id), User.id == within_64_bits(receiver_id))
        if tx.execute(select(User.id).where(either, User.deleted_at.is_not(None))).first():
            raise ChatError(ErrorCode.USER_DELETED)
        if friendships.are_friends(tx, sender_id, receiver_id):
            raise ChatError(ErrorCode.ALREADY_FRIENDS)
        same = (
            FriendRequest.sender_id == within_64_bits(sender_id),
            FriendRequest.receiver_id == actor.user_id,
            FriendRequest.status == RequestStatus.WAITING,
        )
        if (
            receiver_id != actor.user_id
            or not tx.execute(update(FriendRequest).where(*same).values(status=status)).rowcount
        ):
            raise ChatError(ErrorCode.REQUEST_NOT_FOUND)

    def _befriend(self, tx: WriteTransaction, actor: Actor, one_id: int, other_id: int) -> int:
        """Return the id of their direct conversation; renewed friendships reuse the old one."""
        found = friendships.between(tx, one_id, other_id)
        if found is not None:
            tx.execute(update(Friendship).where(Friendship.id == found.id).values(ended_at=None))
            return found.room_id
        self._site.require_making(tx, actor, Access.DIRECT)
        room_id = self._rooms.make_direct_within(tx, one_id, other_id)
        low, high = sorted((one_id, other_id))
        tx.execute(insert(Friendship).values(low_id=low, high_id=high, room_id=room_id))
        return room_id
