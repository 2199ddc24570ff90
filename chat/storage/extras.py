"""What only some messages have: reactions and mentions. No statement is run where no message has any."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from chat.models import EVERYBODY, Mention, Reaction, Reactions, User


def reactions_of(connection: Any, message_ids: Sequence[int]) -> dict[int, Reactions]:
    """Return the reactions of these messages by id, the oldest first. Takes a transaction too."""
    found: dict[int, dict[str, list[str]]] = {}
    if message_ids:
        query = (
            select(Reaction.message_id, Reaction.emoji, User.username)
            .join(User, User.id == Reaction.user_id)
            .where(Reaction.message_id.in_(message_ids))
            .order_by(Reaction.time)
        )
        for message_id, emoji, username in connection.execute(query):
            found.setdefault(message_id, {}).setdefault(emoji, []).append(username)
    return {
        message_id: tuple((emoji, tuple(names)) for emoji, names in kinds.items())
        for message_id, kinds in found.items()
    }


def mentions_of(connection: Any, message_ids: Sequence[int]) -> tuple[dict[int, tuple[str, ...]], set[int]]:
    """Return the usernames that these messages mention, by id, and the ids of those that mention everybody."""
    named: dict[int, tuple[str, ...]] = {}
    named_all: set[int] = set()
    if message_ids:
        query = (
            select(Mention.message_id, Mention.user_id, User.username)
            .join(User, User.id == Mention.user_id, isouter=True)
            .where(Mention.message_id.in_(message_ids))
            .order_by(Mention.user_id)
        )
        for message_id, user_id, username in connection.execute(query):
            if user_id == EVERYBODY:
                named_all.add(message_id)
            else:
                named[message_id] = (*named.get(message_id, ()), username)
    return named, named_all


def with_reaction(reactions: Reactions, emoji: str, username: str, is_on: bool) -> Reactions:
    """Return the reactions after somebody put an emoji there or took it away."""
    kinds = dict(reactions)
    names = tuple(name for name in kinds.get(emoji, ()) if name != username)
    if is_on:
        names = (*names, username)
    kinds[emoji] = names
    return tuple((emoji, names) for emoji, names in kinds.items() if names)
