"""Rooms as one user sees them, single or as a list (docs/specification.md, "Room", "Bounds")."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, literal, select
from sqlalchemy.orm import aliased

from chat.models import Access, Actor, Membership, Role, Room, User
from chat.services import access, paging
from chat.services.access import SLOW_MODE
from chat.services.paging import WHOLE, Listed, Page
from chat.services.read_marks import unread_count, unread_mentions

UNREAD_MOST = 100  # the highest number of unread messages reported in a list


class RoomView(NamedTuple):
    """A room as one user sees it.

    A tuple: one list has thousands of views, and a frozen dataclass takes five times as long to build.
    """

    id: int
    name: str  # unique
    title: str
    description: str
    access: Access
    label: str
    locked: bool
    created_at: int  # µs
    updated_at: int  # µs; last change of title or description
    last_time: int  # µs; 0 if there are no messages
    role: Role | None  # None if not joined
    member_count: int
    unread: int  # at most UNREAD_MOST; 0 if not requested
    mentions: int  # of these, messages that name the user
    read_only: bool
    slow_mode: int  # seconds
    archived: bool
    seen_by: bool
    muted_until: int  # µs; of the user


IS_IN = Membership.id.is_not(None)  # for use in `views`: the user is a member
IS_CURRENT = Room.archived_at.is_(None)  # lists leave archived rooms out
_since = func.coalesce(Membership.joined_at, Room.created_at)
# Sort key: the time of the newest message, of joining, or of creation.
activity = case((Room.last_time > _since, Room.last_time), else_=_since)


def views(
    connection: access.AnyConnection,
    actor: Actor,
    which: ColumnElement[bool],
    page: Page = WHOLE,
    *,
    unread: bool = False,
) -> Listed[RoomView]:
    """Return the rooms that satisfy the condition and are not deleted, joined ones first.

    A page is sorted by activity, most active first. A whole list is sorted by creation; above the cap, the least active
    rooms are left out.
    """
    is_joined = case((IS_IN, 1), else_=0)
    own = and_(Membership.room_id == Room.id, Membership.user_id == actor.user_id)
    wanted = select(Room.id.label("room_id"), Membership.id.label("membership_id")).join(Membership, own, isouter=True)
    wanted = wanted.where(Room.deleted_at.is_(None), which)
    # Details are looked up only for the rooms on the page.
    keys, named = (is_joined, activity, Room.id), partial(paging.matches, Room.name_key)
    part = paging.limited(wanted, keys, page, newest_first=True, search=named).subquery()
    order = (
        (part.c.key_0.desc(), Room.id)
        if page.limit is None
        else (part.c.key_0.desc(), part.c.key_1.desc(), Room.id.desc())
    )
    # Columns: the fields of RoomView in order, then the keys of the page.
    query = (
        select(Room.id, Room.name, Room.title, Room.description, Room.access, Room.label)
        .add_columns(Room.passwd_hash.is_not(None).label("locked"), Room.created_at, Room.updated_at, Room.last_time)
        .add_columns(Membership.role, _member_count().label("member_count"))
        .add_columns((unread_count(UNREAD_MOST) if unread else literal(0)).label("unread"))
        .add_columns((unread_mentions(UNREAD_MOST) if unread else literal(0)).label("mentions"))
        .add_columns(Room.read_only, SLOW_MODE, Room.archived_at, Room.seen_by)
        .add_columns(func.coalesce(Membership.muted_until, 0))
        .add_columns(part.c.key_0, part.c.key_1, part.c.key_2)
        .join(part, part.c.room_id == Room.id)
        .join(Membership, Membership.id == part.c.membership_id, isouter=True)
        .order_by(*order)
    )
    rows = paging.listed(connection.execute(query).all(), page, newest_first=True)
    return rows.with_entries([_view(row) for row in rows])


def _view(row: Sequence[Any]) -> RoomView:
    (
        id_, name, title, description, access, label, locked, made, updated, last, role, count, unread, named,
        read_only, slow_mode, archived_at, seen_by, muted_until, *_,
    ) = row  # fmt: skip
    about = (Access(access), label, locked, made, updated, last, Role(role) if role else None, count, unread, named)
    settings = (bool(read_only), slow_mode, archived_at is not None, bool(seen_by))
    return RoomView(id_, name, title, description, *about, *settings, muted_until)


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
