"""What only some entries have: reactions, mentions, members. No statement is run where no entry has any."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from chat.models import EVERYBODY, MemberState, Mention, Reaction, Reactions, User


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


def members_of(connection: Any, data: Mapping[int, str]) -> dict[int, tuple[MemberState, ...]]:
    """Return the members that changes tell of, by the changes' time; `data` as stored by services.change_log."""
    if not data:
        return {}
    stored: dict[int, list[list[Any]]] = {time: json.loads(text) for time, text in data.items()}
    ids = {user_id for members in stored.values() for user_id, *_ in members}
    names = {row.id: row.username for row in connection.execute(select(User.id, User.username).where(User.id.in_(ids)))}
    return {
        time: tuple(MemberState(user_id, names.get(user_id, ""), role, until) for user_id, role, until in members)
        for time, members in stored.items()
    }


def with_reaction(reactions: Reactions, emoji: str, username: str, is_on: bool) -> Reactions:
    """Return the reactions after somebody put an emoji there or took it away."""
    kinds = dict(reactions)
    names = tuple(name for name in kinds.get(emoji, ()) if name != username)
    if is_on:
        names = (*names, username)
    kinds[emoji] = names
    return tuple((emoji, names) for emoji, names in kinds.items() if names)
