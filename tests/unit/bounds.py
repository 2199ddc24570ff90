"""Helpers of the tests of rules: failures, limits per person."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import func, select

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Membership, Role, User
from chat.services import Services


def code_of(call: Callable[[], object]) -> ErrorCode | None:
    """Return None on success."""
    try:
        call()
    except ChatError as error:
        return error.code
    return None


def refused(code: ErrorCode, act: Callable[[], object]) -> None:
    with pytest.raises(ChatError) as caught:
        act()
    assert caught.value.code is code, caught.value


def make(services: Services, actor: Actor, title: str = "club") -> int:
    return services.rooms.create_titled(actor, title, access=Access.INVITE).id


def befriend(services: Services, one: Actor, other: Actor) -> None:
    services.friends.request(one, other.user_id, "")
    services.friends.accept(other, one.user_id, other.user_id, "hello")


def owned(services: Services, actor: Actor) -> int:
    query = select(func.count()).where(Membership.user_id == actor.user_id, Membership.role == Role.OWNER)
    with services.store.read() as connection:
        return connection.execute(query).scalar_one()


def crowd(services: Services, names: Iterable[str]) -> list[int]:
    """Accounts created without the cost of registration."""
    row: dict[str, Any] = {"nickname": "", "password_sha1": "", "password_md5": "", "created_at": 1, "updated_at": 1}
    with services.store.write() as tx:
        return [
            tx.execute(
                User.__table__.insert().values(username=name, username_key=name, **row).returning(User.id)
            ).scalar_one()
            for name in names
        ]
