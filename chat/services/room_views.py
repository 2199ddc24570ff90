"""Rooms as one user sees them, one or a list (specs, "Room", "Bounds")."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, select
from sqlalchemy.orm import aliased

from chat.models import Access, Actor, Membership, Role, Room, User
from chat.services import lookups, paging
from chat.services.paging import WHOLE, Listed, Page
from chat.services.reading import unread_count

UNREAD_MOST = 100  # so many are counted in a list


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as one user sees it."""

    id: int
    name: str  # unique
    title: str
    description: str
    access: Access
    label: str
    locked: bool
    created_at: int  # µs
    updated_at: int  # µs; of title and description
    last_time: int  # µs; 0 without messages
    role: Role | None  # None: not joined
    member_count: int
    unread: int  # at most UNREAD_MOST; 0 where it was not asked for


IS_IN = Membership.id.is_not(None)  # in `views`: that the user is a member
_since = func.coalesce(Membership.joined_at, Room.created_at)
# When a room was last of interest to the user: by its newest message, or as they joined it, or it was made.
activity = case((Room.last_time > _since, Room.last_time), else_=_since)


def views(
    connection: lookups.AnyConnection,
    actor: Actor,
    which: ColumnElement[bool],
    page: Page = WHOLE,
    *,
    unread: bool = False,
) -> Listed[RoomView]:
    """The living rooms of which that holds, joined ones first.

    A page has the most active ones first. A whole list is in the order in which the rooms were made; over the cap, the
    least active ones are left out.
    """
    is_joined = case((IS_IN, 1), else_=0)
    own = and_(Membership.room_id == Room.id, Membership.user_id == actor.user_id)
    wanted = select(Room.id.label("room_id"), Membership.id.label("membership_id")).join(Membership, own, isouter=True)
    wanted = wanted.where(Room.deleted_at.is_(None), which)
    if page.search:
        wanted = wanted.where(paging.matches(Room.name_key, page.search))
    # What is shown of each is looked up for the page's rooms alone.
    part = paging.limited(wanted, (is_joined, activity, Room.id), page, newest_first=True).subquery()
    order = (
        (part.c.key_0.desc(), Room.id)
        if page.limit is None
        else (part.c.key_0.desc(), part.c.key_1.desc(), Room.id.desc())
    )
    query = (
        select(Room.id, Room.name, Room.title, Room.description, Room.access, Room.label)
        .add_columns(Room.passwd_hash.is_not(None).label("locked"), Room.created_at, Room.updated_at, Room.last_time)
        .add_columns(Membership.role, _member_count().label("member_count"))
        .add_columns((unread_count(UNREAD_MOST) if unread else literal(0)).label("unread"))
        .add_columns(part.c.key_0, part.c.key_1, part.c.key_2)
        .join(part, part.c.room_id == Room.id)
        .join(Membership, Membership.id == part.c.membership_id, isouter=True)
        .order_by(*order)
    )
    rows = paging.listed(connection.execute(query).all(), page, newest_first=True)
    return Listed([_view(row) for row in rows], rows.next)


def _view(row: Any) -> RoomView:
    known: dict[str, Any] = {name: value for name, value in row._mapping.items() if not name.startswith("key_")}
    return RoomView(**known | {"access": Access(row.access), "role": Role(row.role) if row.role else None})


def _member_count() -> ColumnElement[int]:
    anybodys = aliased(Membership)
    return (
        select(func.count())
        .select_from(anybodys)
        .join(User, User.id == anybodys.user_id)
        .where(anybodys.room_id == Room.id, User.deleted_at.is_(None))
        .correlate(Room)
        .scalar_subquery()
    )
