"""The site's settings: registration, and the kinds of rooms that pupils may create (docs/decisions/0110).

Read from the database each time, so that all processes see changes immediately; no frequent operation needs them.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, insert, select

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, AuditAction, Room, SiteSetting, User
from chat.names import is_name, stored_name
from chat.ports import Store, WriteTransaction
from chat.security.events import SecurityLog
from chat.security.limits import WRONG_CODES_BY_ADDRESS
from chat.services import audit
from chat.services.access import AnyConnection, run
from chat.services.audit import differing
from chat.services.permissions import require_teacher
from chat.services.rate_limits import Limits
from chat.storage.prepared import Prepared

NAME_MAX_CHARS = 40
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without look-alike characters
CODE_CHARS = 6
_CLAIM = "claim"  # the row with the digest of the first teacher's link
_settings = Prepared(select(SiteSetting.name, SiteSetting.value))  # each registration reads them twice


class Registration(StrEnum):
    """The registration mode."""

    OPEN = "open"
    CODE = "code"  # requires a join code
    CLOSED = "closed"  # only teachers create accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    version: int = 0  # the number of changes
    name: str = ""  # "": the program's
    registration: Registration = Registration.OPEN
    code: str = ""  # for registration CODE
    pupils_make_rooms: bool = True
    private_rooms: bool = True  # rooms visible to their members only
    direct_conversations: bool = True  # whether new ones are allowed
    keep_days: int = 0  # messages are removed after so many; 0: never
    slow_mode: int = 0  # seconds; of rooms without a setting of their own (access.SLOW_MODE reads it)
    pupils_change_names: bool = True  # their own; otherwise names and nicknames stay as the roster has them


class Site:
    def __init__(
        self, store: Store, clock: Clock, limits: Limits, security_log: SecurityLog, registration: Registration
    ) -> None:
        """registration: the mode until a teacher changes it."""
        self._store = store
        self._clock = clock
        self._limits = limits
        self._security_log = security_log
        self._defaults = SiteSettings(registration=registration)

    def settings(self) -> SiteSettings:
        """Return the current settings."""
        with self._store.read() as connection:
            return self.settings_within(connection)

    def settings_for(self, actor: Actor) -> SiteSettings:
        """Return the settings for a teacher. Raises NOT_TEACHER."""
        require_teacher(actor)
        return self.settings()

    def settings_within(self, connection: AnyConnection) -> SiteSettings:
        """Return the settings as the transaction sees them."""
        known = {field.name for field in fields(SiteSettings)}
        values = {name: json.loads(value) for name, value in run(connection, _settings, {}) if name in known}
        return _typed(replace(self._defaults, **values))

    def change(
        self, actor: Actor | None, version: int, changes: Mapping[str, Any], *, new_code: bool = False
    ) -> SiteSettings:
        """Change settings by name, all or none; new_code replaces the registration code.

        version: the settings' version that the actor has seen. Raises NOT_TEACHER, FIELD_INVALID (name);
        SETTINGS_CHANGED after a change by another teacher.
        """
        require_teacher(actor)
        if changes.get("name"):
            if not is_name(changes["name"], NAME_MAX_CHARS):
                raise ChatError(ErrorCode.FIELD_INVALID, field="name")
            changes = {**changes, "name": stored_name(changes["name"])}
        with self._store.write() as tx:
            lock_site(tx)
            before = self.settings_within(tx)
            if version != before.version:
                raise ChatError(ErrorCode.SETTINGS_CHANGED)
            after = _typed(replace(before, **changes, version=version + 1))
            if new_code or (after.registration is Registration.CODE and not after.code):
                after = replace(after, code=make_code())
            changes_made = differing(asdict(before), asdict(after))
            if not changes_made[0]:
                return before
            for name, value in asdict(after).items():
                if value != getattr(before, name):
                    _put(tx, name, value)
            audit.record(tx, self._clock(), actor, AuditAction.SITE_SETTINGS, *changes_made)
        by = (actor.user_id, actor.username) if actor is not None else (0, "")
        self._security_log.write("site_change", *by, settings=" ".join(sorted(changes)))
        return after

    def admit(self, code: str | None, address: str) -> None:
        """Check that a registration is allowed."""
        try:
            with self._store.read() as connection:
                self.require_admission(connection, code)
        except ChatError as error:
            if error.code is ErrorCode.JOIN_CODE_WRONG and code:
                self._limits.take_shared((WRONG_CODES_BY_ADDRESS, address))
            raise
        if code:  # a correct guess must look like the wrong ones before it
            self._limits.check_shared((WRONG_CODES_BY_ADDRESS, address))

    def require_admission(self, connection: AnyConnection, code: str | None) -> None:
        """Raise REGISTRATION_CLOSED, JOIN_CODE_WRONG unless registration is possible now, with that code."""
        settings = self.settings_within(connection)
        if settings.registration is Registration.OPEN or (code and self.is_claim(connection, code)):
            return
        if settings.registration is Registration.CLOSED:
            raise ChatError(ErrorCode.REGISTRATION_CLOSED)
        given = normal_code(code or "")
        if not given or (given != settings.code and room_of_code(connection, given) is None):
            raise ChatError(ErrorCode.JOIN_CODE_WRONG)

    def require_making(self, connection: AnyConnection, actor: Actor, access: Access) -> None:
        """Raise ROOMS_BY_TEACHERS, PRIVATE_ROOMS_OFF, DIRECTS_OFF unless the actor may create such a room."""
        if actor.is_teacher:
            return
        settings = self.settings_within(connection)
        if access is Access.DIRECT:
            if not settings.direct_conversations:
                raise ChatError(ErrorCode.DIRECTS_OFF)
            return
        if not settings.pupils_make_rooms:
            raise ChatError(ErrorCode.ROOMS_BY_TEACHERS)
        if access is not Access.OPEN and not settings.private_rooms:
            raise ChatError(ErrorCode.PRIVATE_ROOMS_OFF)

    def has_teacher(self) -> bool:
        """Whether any account has the rights of a teacher."""
        with self._store.read() as connection:
            return has_teacher(connection)

    def new_claim(self) -> str | None:
        """Issue a token for the first teacher, invalidating older ones; None if there is a teacher."""
        token = secrets.token_urlsafe(16)
        with self._store.write() as tx:
            lock_site(tx)
            if has_teacher(tx):
                return None
            _put(tx, _CLAIM, _digest(token))
        return token

    def is_claim(self, connection: AnyConnection, token: str) -> bool:
        """Whether it is the unused token of the site's first teacher."""
        kept = connection.execute(select(SiteSetting.value).where(SiteSetting.name == _CLAIM)).scalar()
        return kept == json.dumps(_digest(token)) and not has_teacher(connection)


def has_teacher(connection: AnyConnection) -> bool:
    """Whether the site has a teacher whose account is enabled."""
    return connection.execute(select(User.id).where(*_IS_TEACHER).limit(1)).first() is not None


_IS_TEACHER = (User.is_teacher, User.deleted_at.is_(None), User.disabled_at.is_(None))


def first_teacher(connection: AnyConnection) -> int | None:
    """Return the id of the longest-standing teacher; None without teachers."""
    return connection.execute(select(User.id).where(*_IS_TEACHER).order_by(User.id).limit(1)).scalar()


def require_another_teacher(connection: AnyConnection, user_id: int) -> None:
    """Raise LAST_TEACHER if no other user is a teacher."""
    if connection.execute(select(User.id).where(*_IS_TEACHER, User.id != user_id).limit(1)).first() is None:
        raise ChatError(ErrorCode.LAST_TEACHER)


def lock_site(tx: WriteTransaction) -> None:
    """Let no other transaction decide by the site's settings, teachers or imports until the commit (decision 0101)."""
    tx.lock_names(["site"])


def drop_claim(tx: WriteTransaction) -> None:
    """Invalidate the first teacher's link."""
    tx.execute(delete(SiteSetting).where(SiteSetting.name == _CLAIM))


def room_of_code(connection: AnyConnection, code: str) -> int | None:
    """Return the id of the room with this join code, in its normal form; deleted rooms have none."""
    query = select(Room.id).where(Room.join_code == code, Room.deleted_at.is_(None))
    return connection.execute(query).scalar()


def make_code() -> str:
    """Generate a join code."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_CHARS))


def normal_code(text: str) -> str:
    """Normalise a typed join code; "" if it is malformed."""
    code = text[:40].upper().replace(" ", "").replace("-", "")
    return code if len(code) == CODE_CHARS and set(code) <= set(CODE_ALPHABET) else ""


def _typed(settings: SiteSettings) -> SiteSettings:
    """Return the settings with the enumeration instead of its text."""
    return replace(settings, registration=Registration(settings.registration))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _put(tx: WriteTransaction, name: str, value: Any) -> None:
    tx.execute(delete(SiteSetting).where(SiteSetting.name == name))
    tx.execute(insert(SiteSetting).values(name=name, value=json.dumps(value)))
