"""Join codes: joining a room by six characters from paper or the board (docs/decisions/0110)."""

from collections.abc import Callable

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, AuditAction, Membership, Role, Room
from chat.ports import Store
from chat.security.events import SecurityLog, Whence
from chat.security.limits import ACTS, WRONG_CODES, WRONG_CODES_BY_ADDRESS
from chat.services import access, audit
from chat.services.access import RoomRef
from chat.services.membership_changes import accept_within
from chat.services.memberships import Memberships
from chat.services.permissions import Action, require
from chat.services.rate_limits import Bucket, Limits
from chat.services.site import make_code, normal_code, room_of_code

_TRIES = 10  # to find an unused code; there are 900 million


class JoinCodes:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        limits: Limits,
        memberships: Memberships,
        security_log: SecurityLog,
        whence: Callable[[], Whence],
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._memberships = memberships
        self._security_log = security_log
        self._whence = whence

    def code(self, actor: Actor, ref: RoomRef) -> str:
        """The room's join code; "" if it has none. Raises ROOM_NOT_FOUND, FORBIDDEN."""
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            require(Action.JOIN_CODE, room)
            return connection.execute(select(Room.join_code).where(Room.id == room.id)).scalar() or ""

    def renew(self, actor: Actor, ref: RoomRef) -> str:
        """Replace the room's join code and return it; the old one becomes invalid. Raises ROOM_NOT_FOUND, FORBIDDEN."""
        for _ in range(_TRIES):
            try:
                return self._set(actor, ref, make_code())
            except IntegrityError:
                continue  # another room has it
        raise ChatError(ErrorCode.UNAVAILABLE, retry_after=1)

    def switch_off(self, actor: Actor, ref: RoomRef) -> None:
        """Remove the room's join code. Raises ROOM_NOT_FOUND, FORBIDDEN."""
        self._set(actor, ref, None)

    def room_name(self, code: str) -> str:
        """Return the name of the room with this code, to somebody who need not be logged in.

        Raises JOIN_CODE_WRONG; RATE_LIMITED after too many wrong ones, then for correct ones too.
        """
        bucket: Bucket = (WRONG_CODES_BY_ADDRESS, self._whence().address)
        self._limits.check_shared(bucket)
        given = normal_code(code)
        with self._store.read() as connection:
            room_id = room_of_code(connection, given) if given else None
            if room_id is not None:
                name: str = connection.execute(select(Room.name).where(Room.id == room_id)).scalar_one()
                return name
        self._limits.take_shared(bucket)
        raise ChatError(ErrorCode.JOIN_CODE_WRONG)

    def join(self, actor: Actor, code: str) -> tuple[str, bool]:
        """Join the room with this code. Returns its name, and whether the membership is new.

        Raises JOIN_CODE_WRONG, BARRED; RATE_LIMITED after too many wrong ones, then for correct ones too.
        """
        buckets: list[Bucket] = [(WRONG_CODES, actor.user_id), (WRONG_CODES_BY_ADDRESS, self._whence().address)]
        self._limits.check_shared(*buckets)
        given = normal_code(code)
        with self._store.read() as connection:
            if not given or room_of_code(connection, given) is None:
                given = ""
        if not given:
            self._limits.take_shared(*buckets)
            raise ChatError(ErrorCode.JOIN_CODE_WRONG)
        self._limits.take(ACTS, actor.user_id)
        with self._store.write() as tx:
            room_id = room_of_code(tx, given)
            if room_id is None:  # renewed meanwhile
                raise ChatError(ErrorCode.JOIN_CODE_WRONG)
            name: str = tx.execute(select(Room.name).where(Room.id == room_id)).scalar_one()
            own = select(Membership.id).where(Membership.room_id == room_id, Membership.user_id == actor.user_id)
            is_new = tx.execute(own).first() is None
            if is_new:
                self._memberships.admit(tx, room_id, actor.user_id, Role.MEMBER)
            else:
                accept_within(tx, room_id, actor.user_id)
        return name, is_new

    def _set(self, actor: Actor, ref: RoomRef, code: str | None) -> str:
        self._limits.take(ACTS, actor.user_id)
        with self._store.write() as tx:
            room = access.joined_locked(tx, actor, ref)
            require(Action.JOIN_CODE, room)
            before = tx.execute(select(Room.join_code).where(Room.id == room.id)).scalar()
            tx.execute(update(Room).where(Room.id == room.id).values(join_code=code))
            codes = ({"code": before or ""}, {"code": code or ""})
            audit.record(tx, self._clock(), actor, AuditAction.ROOM_CODE, *codes, room_id=room.id)
        event = "join_code" if code else "join_code_off"
        self._security_log.write(event, actor.user_id, actor.username, room_id=room.id)
        return code or ""
