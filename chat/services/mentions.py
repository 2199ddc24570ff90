"""Mentions: the members that a text names by @username, @"two words", @#7 or @all (specification, "Message")."""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select

from chat.models import EVERYBODY, Membership, Mention, User
from chat.names import name_key
from chat.ports import WriteTransaction
from chat.services.access import FoundRoom
from chat.services.permissions import Action, allows

# Not in the middle of a word: an e-mail address names nobody.
_NAMES = re.compile(r'(?<![A-Za-z0-9._%+-])@(?:"([^"\n]{1,254})"|([^\s"]{1,254}))')
# The number of an account by mail address: a text that names it by its username would show the address to all readers.
_NUMBER = re.compile(r"#([1-9][0-9]{0,17})")
MOST_NAMES = 20  # looked up in a text
LONGEST_UNQUOTED = 64  # characters
ALL = "all"
_UNSPACED = "\u2e80"  # from here on scripts are written without spaces: a name may end anywhere


class Mentioned:
    """The users mentioned in a text: ids by username, and whether everybody."""

    def __init__(self) -> None:
        self.users: dict[str, int] = {}
        self.all = False

    @property
    def shown(self) -> dict[str, Any]:
        """As a StoredMessage has it."""
        return {"mentions": tuple(self.users), "mentions_all": self.all}


def find(tx: WriteTransaction, room: FoundRoom, text: str) -> Mentioned | None:
    """Look up the users mentioned in a text among the members of the room; None: it mentions nobody.

    No statement unless the text contains @.
    """
    if "@" not in text:
        return None
    wanted = [list(_candidates(*match)) for match in _NAMES.findall(text)[:MOST_NAMES]]
    keys = {key for candidates in wanted for key in candidates}
    if not keys:
        return None
    is_named: ColumnElement[bool] = User.username_key.in_(keys)
    if numbers := [int(number[1]) for key in keys if (number := _NUMBER.fullmatch(key))]:
        is_named = or_(is_named, and_(User.id.in_(numbers), User.username.contains("@")))
    query = (
        select(User.id, User.username, User.username_key)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.room_id == room.id, is_named, User.deleted_at.is_(None))
    )
    found_rows = tx.execute(query).all()
    members = {row.username_key: row for row in found_rows}
    members |= {f"#{row.id}": row for row in found_rows if "@" in row.username}
    found = Mentioned()
    for candidates in wanted:
        named = next((members[key] for key in candidates if key in members), None)
        if named is not None:
            found.users[named.username] = named.id
        elif ALL in candidates and allows(Action.MENTION_ALL, room):
            found.all = True
    return found if found.users or found.all else None


def store(tx: WriteTransaction, room_id: int, message_id: int, time: int, mentioned: Mentioned | None) -> None:
    """Replace the mentions of a message."""
    tx.execute(delete(Mention).where(Mention.message_id == message_id))
    if mentioned is None:
        return
    user_ids = [*mentioned.users.values(), *([EVERYBODY] if mentioned.all else [])]
    for user_id in user_ids:
        tx.execute(insert(Mention).values(room_id=room_id, user_id=user_id, time=time, message_id=message_id))


def _candidates(quoted: str, word: str) -> Iterator[str]:
    """Keys of the names that may be meant, the longest first: a comma or a sentence may follow right after a name."""
    if quoted:
        yield name_key(quoted)
        return
    for end in range(min(len(word), LONGEST_UNQUOTED), 0, -1):
        if end == len(word) or _ends_at(word, end):
            yield name_key(word[:end])


def _ends_at(word: str, end: int) -> bool:
    return not word[end].isalnum() or word[end] >= _UNSPACED or word[end - 1] >= _UNSPACED
