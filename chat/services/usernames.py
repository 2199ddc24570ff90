"""Names of users: unique to log in with, and unlike those of teachers (docs/decisions/0080, 0112)."""

from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, func, or_, select

from chat.errors import ChatError, ErrorCode
from chat.models import User
from chat.names import EMAIL_NICKNAME_MAX_CHARS, is_email, is_nickname, name_key, nickname_key, skeleton, stored_name
from chat.ports import WriteTransaction
from chat.services.access import AnyConnection, run
from chat.services.erased_names import ErasedNames
from chat.storage.prepared import Prepared


def check_email(email: str) -> None:
    """Raise EMAIL_INVALID."""
    if not is_email(email):
        raise ChatError(ErrorCode.EMAIL_INVALID)


def check_nickname(nickname: str) -> None:
    """Raise NICKNAME_INVALID."""
    if not is_nickname(nickname, EMAIL_NICKNAME_MAX_CHARS):
        raise ChatError(ErrorCode.NICKNAME_INVALID)


def name_columns(*, username: str | None = None, nickname: str | None = None) -> dict[str, Any]:
    """Return the columns of User that belong to these names; None leaves them out."""
    found: dict[str, Any] = {}
    if username is not None:
        keys = {"username_key": name_key(username), "username_skeleton": skeleton(username)}
        found |= {"username": stored_name(username), **keys}
    if nickname is not None:
        keys = {"nickname_key": nickname_key(nickname), "nickname_skeleton": skeleton(nickname)}
        found |= {"nickname": stored_name(nickname), **keys}
    return found


def settle_names(
    tx: WriteTransaction,
    erased: ErasedNames,
    user_id: int = 0,
    *,
    username: str | None = None,
    nickname: str | None = None,
) -> None:
    """Lock names before they are written, and check them as `require_names` does."""
    _lock_names(tx, [name for name in (username, nickname) if name is not None])
    require_names(tx, erased, user_id, username=username, nickname=nickname)


def require_names(
    connection: AnyConnection,
    erased: ErasedNames,
    user_id: int = 0,
    *,
    username: str | None = None,
    nickname: str | None = None,
) -> None:
    """Check the new names of a user; user_id 0: of a new user. None leaves a name unchanged.

    Raises USERNAME_TAKEN, NICKNAME_TAKEN; TEACHERS_NAME if a teacher's looks the same; LOOKS_LIKE_OTHER if the
    user is a teacher and another user's looks the same.
    """
    if username is not None:
        _require_free(connection, erased, username, but_for=user_id)
    if nickname is not None:
        _require_own_nickname(connection, erased, nickname, but_for=user_id)
    _require_unlike(connection, [name for name in (username, nickname) if name is not None], user_id)


def lock_all_names(tx: WriteTransaction) -> None:
    """Let nobody else decide about any name of a user until the commit: one lock instead of thousands."""
    tx.lock_names([_ALL_NAMES])


def lock_names_of(tx: WriteTransaction, user_id: int) -> None:
    """Lock the present names of a user, before the user's row is changed."""
    _lock_names(tx, _names_of(tx, user_id))


def require_still_unlike(tx: WriteTransaction, user_id: int) -> None:
    """Check a user's present, locked names after they became a teacher, ceased to be one, or were restored.

    Raises TEACHERS_NAME, LOOKS_LIKE_OTHER.
    """
    _require_unlike(tx, _names_of(tx, user_id), user_id)


def teachers_skeletons(connection: AnyConnection) -> set[str]:
    """Return the skeletons of all teachers' names."""
    rows = connection.execute(select(User.username_skeleton, User.nickname_skeleton).where(*_IS_TEACHER))
    return {each for row in rows for each in row}


def is_called(name: str) -> ColumnElement[bool]:
    """The condition that a User row, deleted ones included, has this username or e-mail address."""
    key = name_key(name)
    return or_(User.username_key == key, User.email_key == key)


def _names_of(connection: AnyConnection, user_id: int) -> list[str]:
    return list(connection.execute(select(User.username, User.nickname).where(User.id == user_id)).one())


def _lock_names(tx: WriteTransaction, names: list[str]) -> None:
    """No constraint spans the columns that names are compared with."""
    tx.share_names([_ALL_NAMES])
    keys = {key for name in names for key in (name_key(name), nickname_key(name))}
    tx.lock_names([*(f"user {key}" for key in keys), *(f"look {skeleton(name)}" for name in names)])


def _require_free(connection: AnyConnection, erased: ErasedNames, name: str, but_for: int) -> None:
    """Raise USERNAME_TAKEN if another account, deleted and erased ones included, has this name as its username, e-mail
    address or nickname.

    Users log in with the first two, so no address may equal another user's username; for the third see
    `_require_own_nickname`.
    """
    key = name_key(name)
    if run(connection, _named, {"key": key, "but_for": but_for}) or erased.has(connection, key):
        raise ChatError(ErrorCode.USERNAME_TAKEN, username=name)


def _require_own_nickname(connection: AnyConnection, erased: ErasedNames, nickname: str, but_for: int) -> None:
    """Raise NICKNAME_TAKEN if another account, deleted and erased ones included, has this username or e-mail address.

    Many clients show only nicknames, so a nickname must not equal another user's username. Two users may have the same
    nickname (docs/decisions/0080).
    """
    key = nickname_key(nickname)
    if run(connection, _called, {"key": name_key(key), "but_for": but_for}) or erased.has(connection, key):
        raise ChatError(ErrorCode.NICKNAME_TAKEN, nickname=nickname)


_ALL_NAMES = "all names of users"
_IS_TEACHER = (User.is_teacher, User.deleted_at.is_(None))
# Built once, because each registration runs them twice.
_is_called = or_(User.username_key == bindparam("key"), User.email_key == bindparam("key"))
_others = select(User.id).where(User.id != bindparam("but_for"))
_called = Prepared(_others.where(_is_called))
_named = Prepared(_others.where(or_(_is_called, User.nickname_key == bindparam("key"))))
_looks = [bindparam(name, type_=String) for name in ("first_look", "last_look")]
_keys = [bindparam(name, type_=String) for name in ("first_key", "last_key")]
_is_teacher = select(User.is_teacher).where(User.id == bindparam("user")).scalar_subquery()
_alike = Prepared(
    select(User.username, User.is_teacher)
    .where(
        or_(
            User.username_skeleton.in_(_looks),
            User.nickname_skeleton.in_(_looks),
            User.nickname_key.in_(_keys),  # alike but for case, in any script
        )
    )
    .where(User.id != bindparam("user"), User.deleted_at.is_(None))
    .where(User.is_teacher != func.coalesce(_is_teacher, False))
    .limit(1)
)


def _require_unlike(connection: AnyConnection, names: list[str], user_id: int) -> None:
    """No name of a pupil may look like one of a teacher."""
    if not names:
        return
    ends = {"first": names[0], "last": names[-1]}  # there are one or two
    values = {f"{end}_look": skeleton(name) for end, name in ends.items()}
    values |= {f"{end}_key": nickname_key(name) for end, name in ends.items()}
    for username, is_teacher in run(connection, _alike, {"user": user_id, **values}):
        if is_teacher:
            raise ChatError(ErrorCode.TEACHERS_NAME, name=names[-1])
        raise ChatError(ErrorCode.LOOKS_LIKE_OTHER, username=username)
