"""Importing a roster: completely or not at all, with hashing in the background (docs/decisions/0111)."""

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from chat.clock import SECOND, Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, AuditAction, Event, EventKind, Membership, Role, RosterImport, User
from chat.names import name_key
from chat.ports import Store, WriteTransaction
from chat.security.events import SecurityLog
from chat.services import audit
from chat.services.accounts import Accounts
from chat.services.credentials import PASSWORD_MAX_CHARS
from chat.services.erased_names import ErasedNames
from chat.services.membership_changes import barred_among
from chat.services.memberships import Memberships
from chat.services.permissions import require_teacher
from chat.services.profile_changes import tell_profiles
from chat.services.rooms import Rooms
from chat.services.roster_checks import complaints_about, open_room, users_of
from chat.services.roster_hashing import hash_passwords
from chat.services.roster_parsing import Roster, RosterLine, read_roster
from chat.services.sessions import Sessions
from chat.services.site import lock_site
from chat.services.teachers import easy_password
from chat.services.usernames import lock_all_names, name_columns

log = logging.getLogger(__name__)
DEAD_AFTER_S = 30.0  # an import without progress for this long died with its process
KEPT_S = 86400


class ImportState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Preview:
    roster: Roster
    known: frozenset[str]  # keys of usernames that have an account


@dataclass(frozen=True, slots=True)
class Card:
    """The login data of a person. password: "" if it stays unchanged."""

    username: str
    name: str
    password: str


@dataclass(frozen=True, slots=True)
class ImportStatus:
    state: ImportState
    done: int
    total: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Plan:
    lines: list[RosterLine]
    passwords: dict[str, str]  # to be set, by username
    generated: frozenset[str]  # the usernames of those passwords that are not the file's
    owner_id: int | None  # of created rooms

    def hashed(self, told: Callable[[int], None], is_stopping: threading.Event) -> dict[str, dict[str, Any]]:
        """See `hash_passwords`; the people whose password stays count as done from the start."""
        before = len(self.lines) - len(self.passwords)
        return hash_passwords(self.passwords, self.generated, lambda done: told(before + done), is_stopping)


class RosterImports:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        accounts: Accounts,
        sessions: Sessions,
        rooms: Rooms,
        memberships: Memberships,
        erased: ErasedNames,
        security_log: SecurityLog,
    ) -> None:
        self._store = store
        self._clock = clock
        self._accounts = accounts
        self._sessions = sessions
        self._rooms = rooms
        self._memberships = memberships
        self._erased = erased
        self._security_log = security_log
        self._is_stopping = threading.Event()

    def check(self, actor: Actor | None, data: bytes) -> Preview:
        """Return what an import would do, with a complaint for each bad line.

        actor None: the administrator, on the command line. Raises NOT_TEACHER.
        """
        require_teacher(actor)
        roster = read_roster(data, self._accounts.password_min_length, PASSWORD_MAX_CHARS)
        with self._store.read() as connection:
            users = users_of(connection, roster.lines)
            complaints = [*roster.complaints, *complaints_about(connection, roster.lines, users, self._erased)]
        complaints.sort(key=lambda complaint: complaint.line)
        known = frozenset(key for key, user in users.items() if user.deleted_at is None)
        return Preview(Roster(roster.lines, complaints), known)

    def begin(
        self, actor: Actor, data: bytes, *, resets_passwords: bool, known: int | None = None
    ) -> tuple[str, list[Card]]:
        """Import in the background. Returns the import's id, and the login data of all people for when it is done.

        resets_passwords: known accounts also get the passwords of the file, or new ones. known: how many of the people
        had accounts when the actor looked; None if that does not matter. Raises NOT_TEACHER, ROSTER_INVALID
        (complaint), ROSTER_CHANGED, IMPORT_RUNNING.
        """
        plan, cards = self._plan(actor, data, resets_passwords=resets_passwords, known=known)
        import_id = self._enter(len(plan.lines))
        job = threading.Thread(target=self._run, args=(import_id, plan, actor), name="roster", daemon=True)
        job.start()
        return import_id, cards

    def import_now(self, data: bytes, *, resets_passwords: bool, told: Callable[[int], None]) -> list[Card]:
        """Import and wait for the end, on the command line; told(done) reports the progress."""
        plan, cards = self._plan(None, data, resets_passwords=resets_passwords)
        hashed = plan.hashed(told, self._is_stopping)
        with self._store.write() as tx:
            self._apply(tx, plan, hashed, None)
        return cards

    def status(self, actor: Actor, import_id: str) -> ImportStatus:
        """Return the progress of an import. Raises NOT_TEACHER, IMPORT_UNKNOWN."""
        require_teacher(actor)
        with self._store.read() as connection:
            row = connection.execute(select(RosterImport).where(RosterImport.id == import_id[:64])).first()
        if row is None:
            raise ChatError(ErrorCode.IMPORT_UNKNOWN)
        if row.state == ImportState.RUNNING and self._is_dead(row.moved_at):
            return ImportStatus(ImportState.FAILED, row.done, row.total, ErrorCode.UNAVAILABLE.name)
        return ImportStatus(ImportState(row.state), row.done, row.total, row.reason)

    def purge(self) -> None:
        """Delete imports older than a day."""
        with self._store.write() as tx:
            tx.execute(delete(RosterImport).where(RosterImport.moved_at < self._clock() - KEPT_S * SECOND))

    def stop(self) -> None:
        """Abort a running import without changes."""
        self._is_stopping.set()

    def _plan(
        self, actor: Actor | None, data: bytes, *, resets_passwords: bool, known: int | None = None
    ) -> tuple[_Plan, list[Card]]:
        preview = self.check(actor, data)
        if preview.roster.complaints:
            raise ChatError(ErrorCode.ROSTER_INVALID, complaint=preview.roster.complaints[0])
        if known not in (None, len(preview.known)):
            raise ChatError(ErrorCode.ROSTER_CHANGED)
        lines = preview.roster.lines
        passwords = {
            line.username: line.password or easy_password(self._accounts.password_min_length)
            for line in lines
            if resets_passwords or name_key(line.username) not in preview.known
        }
        owner_id = actor.user_id if actor is not None else None
        cards = [Card(line.username, line.name, passwords.get(line.username, "")) for line in lines]
        generated = frozenset(line.username for line in lines if not line.password)
        return _Plan(lines, passwords, generated, owner_id), cards

    def _enter(self, total: int) -> str:
        """Insert a row for a new import. Raises IMPORT_RUNNING while another one runs."""
        import_id = secrets.token_urlsafe(16)
        now = self._clock()
        with self._store.write() as tx:
            lock_site(tx)
            running = select(RosterImport.moved_at).where(RosterImport.state == ImportState.RUNNING)
            if any(not self._is_dead(moved_at) for moved_at in tx.execute(running).scalars()):
                raise ChatError(ErrorCode.IMPORT_RUNNING)
            row = {"id": import_id, "state": ImportState.RUNNING, "total": total, "moved_at": now}
            tx.execute(insert(RosterImport).values(row))
        return import_id

    def _is_dead(self, moved_at: int) -> bool:
        return abs(self._clock() - moved_at) > DEAD_AFTER_S * SECOND

    def _run(self, import_id: str, plan: _Plan, actor: Actor) -> None:
        try:
            hashed = plan.hashed(lambda done: self._tell(import_id, done=done), self._is_stopping)
            with self._store.write() as tx:
                self._apply(tx, plan, hashed, actor)
                values = {"state": ImportState.DONE, "done": len(plan.lines), "moved_at": self._clock()}
                tx.execute(update(RosterImport).where(RosterImport.id == import_id).values(values))
            self._security_log.write("roster_import", actor.user_id, actor.username, people=len(plan.lines))
        except ChatError as error:
            self._tell(import_id, state=ImportState.FAILED, reason=error.code.name)
        except Exception:
            log.exception("importing a roster failed")
            self._tell(import_id, state=ImportState.FAILED, reason=ErrorCode.INTERNAL.name)

    def _tell(self, import_id: str, **values: object) -> None:
        with contextlib.suppress(ChatError), self._store.write() as tx:
            same = update(RosterImport).where(RosterImport.id == import_id)
            tx.execute(same.values(**values, moved_at=self._clock()))

    def _apply(self, tx: WriteTransaction, plan: _Plan, hashed: dict[str, dict[str, Any]], actor: Actor | None) -> None:
        """Apply everything in one transaction. Raises ROSTER_CHANGED after conflicting changes."""
        lock_site(tx)  # nobody becomes a teacher meanwhile
        lock_all_names(tx)  # before the rows of users, as everybody who changes names
        tx.lock_users(user.id for user in users_of(tx, plan.lines).values())
        users = users_of(tx, plan.lines)
        if complaints_about(tx, plan.lines, users, self._erased):
            raise ChatError(ErrorCode.ROSTER_CHANGED)
        now = self._clock()
        new: list[dict[str, Any]] = []
        renamed: list[int] = []
        for line in plan.lines:
            user = users.get(name_key(line.username))
            columns = hashed.get(line.username)
            if user is None and columns is not None:
                new.append(_new_row(line, now) | columns)
            elif user is None:
                raise ChatError(ErrorCode.ROSTER_CHANGED)
            else:
                self._update(tx, user, line, now, columns)
                if user.nickname != line.name:
                    renamed.append(user.id)
        if new:
            try:
                tx.execute(insert(User), new)
            except IntegrityError:
                raise ChatError(ErrorCode.ROSTER_CHANGED) from None
            users = users_of(tx, plan.lines)
            self._rooms.enter_lobby(tx, [users[row["username_key"]].id for row in new])
        self._seat(tx, plan, users)
        tell_profiles(tx, renamed, now)
        people = {"people": len(plan.lines), "passwords": len(plan.passwords)}
        audit.record(tx, now, actor, AuditAction.ROSTER_IMPORTED, after=people)

    def _update(self, tx: WriteTransaction, user: Any, line: RosterLine, now: int, columns: Any) -> None:
        values = {} if user.nickname == line.name else name_columns(nickname=line.name)
        if columns is not None:
            values |= columns | {"must_change_password": False}
            self._sessions.end_all_within(tx, user.id)
        elif values:
            tx.emit(Event(EventKind.USER, user.id))
        if values:
            tx.execute(update(User).where(User.id == user.id).values(**values, updated_at=now))

    def _seat(self, tx: WriteTransaction, plan: _Plan, users: dict[str, Any]) -> None:
        """Add all people to their rooms; missing rooms are created."""
        wanted: dict[str, list[int]] = {}
        names: dict[str, str] = {}
        for line in plan.lines:
            for room in line.rooms:
                names.setdefault(name_key(room), room)
                wanted.setdefault(name_key(room), []).append(users[name_key(line.username)].id)
        for key, user_ids in wanted.items():
            room_id = open_room(tx, key) or self._rooms.make_open_within(tx, names[key], plan.owner_id)
            inside = select(Membership.user_id).where(Membership.room_id == room_id)
            there = set(tx.execute(inside).scalars()) | barred_among(tx, room_id, user_ids)
            missing = [user_id for user_id in dict.fromkeys(user_ids) if user_id not in there]
            self._memberships.admit_all(tx, room_id, missing, Role.MEMBER)


def _new_row(line: RosterLine, now: int) -> dict[str, Any]:
    return name_columns(username=line.username, nickname=line.name) | {"created_at": now, "updated_at": now}
