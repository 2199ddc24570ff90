"""Rooms' passwds: kept hashed, and guessed at only so often."""

from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane
from chat.models import Actor
from chat.security import passwords
from chat.security.limits import ROOM_HASHES, WRONG_PASSWDS
from chat.services.limits import Limits
from chat.services.lookups import FoundRoom, RoomRef

PASSWD_MAX_CHARS = passwords.MAX_CHARS


class RoomPasswds:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def hashed(self, actor: Actor, passwd: str) -> str:
        """What is kept of the passwd of a room that the actor makes. Raises FIELD_INVALID, RATE_LIMITED."""
        if len(passwd) > PASSWD_MAX_CHARS:
            raise ChatError(ErrorCode.FIELD_INVALID, field="passwd")
        enter_lane(Lane.ROOM_PASSWDS)  # before anything is taken from the limit
        self._limits.take_shared((ROOM_HASHES, actor.user_id))
        return passwords.hash_digest(passwords.normal(passwd), for_room=True)

    def check(self, actor: Actor, room: FoundRoom, ref: RoomRef, passwd: str) -> None:
        """Nothing where the room has none, or this one.

        Raises ROOM_PASSWD_WRONG, RATE_LIMITED after too many wrong ones, UNAVAILABLE when too many wait.
        """
        if room.passwd_hash is None:
            return
        failures = (WRONG_PASSWDS, actor.user_id)
        with passwords.place(for_room=True):
            self._limits.check_shared(failures)
            self._limits.take_shared((ROOM_HASHES, actor.user_id))  # right ones take as long
            for typed in dict.fromkeys((passwords.normal(passwd), passwd)):  # as typed: rooms from before
                if len(passwd) <= PASSWD_MAX_CHARS and passwords.verify(room.passwd_hash, typed):
                    return
            self._limits.take_shared(failures)
        raise ChatError(ErrorCode.ROOM_PASSWD_WRONG, room=ref)
