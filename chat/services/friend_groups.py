"""A user's private groups of friends."""

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from chat.errors import ChatError, ErrorCode
from chat.models import Actor, FriendGroup, FriendGroupMember, User
from chat.names import stored_name
from chat.ports import Store
from chat.services import friendships, paging, user_directory
from chat.services.access import AnyConnection, within_64_bits
from chat.services.bounds import FRIEND_GROUPS, PersonBounds
from chat.services.paging import WHOLE, Listed, Page
from chat.services.user_directory import Person

NAME_MAX_CHARS = 20


class FriendGroups:
    def __init__(self, store: Store, bounds: PersonBounds) -> None:
        self._store = store
        self._bounds = bounds

    def all(self, actor: Actor, page: Page = WHOLE) -> Listed[tuple[int, str]]:
        """List the actor's groups, oldest first: id and name."""
        query = select(FriendGroup.id, FriendGroup.name).where(FriendGroup.owner_id == actor.user_id)
        with self._store.read() as connection:
            rows = paging.fetch(connection, query, [FriendGroup.id], page)
            return rows.with_entries([(row.id, row.name) for row in rows])

    def create(self, actor: Actor, name: str) -> None:
        """Create an empty group. Raises FRIEND_GROUP_TAKEN, TOO_MANY."""
        try:
            with self._store.write() as tx:
                tx.lock_users([actor.user_id])
                self._bounds.require_fewer(tx, FriendGroup.owner_id == actor.user_id, FRIEND_GROUPS)
                tx.execute(insert(FriendGroup).values(owner_id=actor.user_id, name=stored_name(name)))
        except IntegrityError:
            raise ChatError(ErrorCode.FRIEND_GROUP_TAKEN) from None

    def rename(self, actor: Actor, group_id: int, name: str) -> None:
        """Raises FRIEND_GROUP_NOT_FOUND, FRIEND_GROUP_TAKEN."""
        try:
            with self._store.write() as tx:
                _own(tx, actor, group_id)
                tx.execute(update(FriendGroup).where(FriendGroup.id == group_id).values(name=stored_name(name)))
        except IntegrityError:
            raise ChatError(ErrorCode.FRIEND_GROUP_TAKEN) from None

    def delete(self, actor: Actor, group_id: int) -> None:
        """Delete a group; its members stay friends. Raises FRIEND_GROUP_NOT_FOUND."""
        with self._store.write() as tx:
            _own(tx, actor, group_id)
            tx.execute(delete(FriendGroupMember).where(FriendGroupMember.group_id == group_id))
            tx.execute(delete(FriendGroup).where(FriendGroup.id == group_id))

    def members(self, actor: Actor, group_id: int, page: Page = WHOLE) -> tuple[str, Listed[Person]]:
        """Return the group's name and members. Raises FRIEND_GROUP_NOT_FOUND."""
        query = (
            select(*user_directory.columns)
            .join(FriendGroupMember, FriendGroupMember.user_id == User.id)
            .where(FriendGroupMember.group_id == within_64_bits(group_id))
        )
        with self._store.read() as connection:
            name = _own(connection, actor, group_id)
            rows = paging.fetch(connection, query, [User.id], page, search=user_directory.called)
            return name, rows.with_entries(user_directory.persons(connection, rows))

    def add(self, actor: Actor, group_id: int, user_id: int) -> None:
        """Add a friend to a group. Raises FRIEND_GROUP_NOT_FOUND, NOT_FRIENDS, IN_FRIEND_GROUP."""
        try:
            with self._store.write() as tx:
                tx.lock_users([actor.user_id, within_64_bits(user_id)])
                _own(tx, actor, group_id)
                if not friendships.are_friends(tx, actor.user_id, user_id):
                    raise ChatError(ErrorCode.NOT_FRIENDS)
                tx.execute(insert(FriendGroupMember).values(group_id=group_id, user_id=user_id))
        except IntegrityError:
            raise ChatError(ErrorCode.IN_FRIEND_GROUP) from None

    def remove(self, actor: Actor, group_id: int, user_id: int) -> None:
        """Remove a user from a group. Raises FRIEND_GROUP_NOT_FOUND, NOT_IN_FRIEND_GROUP."""
        with self._store.write() as tx:
            _own(tx, actor, group_id)
            same = (FriendGroupMember.group_id == group_id, FriendGroupMember.user_id == within_64_bits(user_id))
            if not tx.execute(delete(FriendGroupMember).where(*same)).rowcount:
                raise ChatError(ErrorCode.NOT_IN_FRIEND_GROUP)


def _own(connection: AnyConnection, actor: Actor, group_id: int) -> str:
    """Return the name of one of the actor's groups. Raises FRIEND_GROUP_NOT_FOUND, also for another user's group."""
    own = (FriendGroup.id == within_64_bits(group_id), FriendGroup.owner_id == actor.user_id)
    name: str | None = connection.execute(select(FriendGroup.name).where(*own)).scalar()
    if name is None:
        raise ChatError(ErrorCode.FRIEND_GROUP_NOT_FOUND)
    return name
