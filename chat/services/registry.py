"""All services of one process, constructed once by `app.create_app`."""

import contextlib
import threading
from collections.abc import Callable

from chat.clock import Clock
from chat.delivery import Hub
from chat.errors import ChatError
from chat.pictures import Decoder
from chat.ports import Backend, Shared
from chat.security.devices import Devices
from chat.security.events import SecurityLog, Whence
from chat.services.accounts import Accounts
from chat.services.announcements import Announcements
from chat.services.attachments import Attachments
from chat.services.audit import AuditLog
from chat.services.avatars import Avatars
from chat.services.bounds import PersonBounds
from chat.services.changes import Changes
from chat.services.conversations import Conversations
from chat.services.email_codes import EmailCodes
from chat.services.erased_names import ErasedNames
from chat.services.erasing import Eraser
from chat.services.export import Export
from chat.services.files import Files
from chat.services.friend_groups import FriendGroups
from chat.services.friends import Friends
from chat.services.groups import Groups
from chat.services.health import Health
from chat.services.housekeeping import Housekeeper
from chat.services.invitations import Invitations
from chat.services.join_codes import JoinCodes
from chat.services.memberships import Memberships
from chat.services.message_queries import MessageQueries
from chat.services.messages import Messages
from chat.services.moderation import Moderation
from chat.services.online import SqlOnline
from chat.services.overview import Overview
from chat.services.own_data import OwnData
from chat.services.password_guessing import PasswordGuessing
from chat.services.pins import Pins
from chat.services.presence import Presence
from chat.services.profiles import Profiles
from chat.services.pulls import Pulls
from chat.services.purging import Purger
from chat.services.quota import Quota
from chat.services.rate_limits import Limits, Requests
from chat.services.read_marks import ReadMarks
from chat.services.readers import Sources
from chat.services.retention import Retention
from chat.services.room_passwords import RoomPasswords
from chat.services.room_presence import RoomPresence
from chat.services.room_settings import RoomSettingsService
from chat.services.rooms import Rooms
from chat.services.roster_imports import RosterImports
from chat.services.rules import Rules
from chat.services.search import Search
from chat.services.seen_by import SeenBy
from chat.services.sessions import Sessions
from chat.services.site import Registration, Site
from chat.services.subscriptions import Subscriptions
from chat.services.teachers import Teachers
from chat.services.tickets import Tickets
from chat.services.user_directory import UserDirectory


class Services:
    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        *,
        shared: Shared | None = None,
        rules: Rules,
        secret: str,
        whence: Callable[[], Whence],
    ) -> None:
        self.clock = clock
        self.backend = backend
        self.store = backend.store
        self.hub = Hub(self.store, rules.feed_max_bytes, self._user_changed)
        security_log = SecurityLog(clock, whence)
        self.shared = shared
        self.limits = Limits(
            self.store,
            clock,
            security_log,
            enabled=rules.rate_limits,
            other_hosts=backend.for_hosts,
            shared=None if shared is None else shared.buckets,
        )
        online = SqlOnline(self.store) if shared is None else shared.online
        self.presence = Presence(self.store, clock, online, rules.presence_seconds)
        self.read_marks = ReadMarks(self.store)
        self.sessions = Sessions(self.store, self.hub, clock, self.presence, security_log, rules.session_hours)
        self.site = Site(self.store, clock, self.limits, security_log, Registration(rules.registration))
        passwds = RoomPasswords(clock, self.limits, whence)
        self.requests = Requests(self.limits, at_once=rules.requests_at_once, per_second=rules.requests_per_second)
        person_bounds = PersonBounds(self.limits, rules)
        self.memberships = Memberships(self.store, clock, self.presence, passwds, person_bounds)
        self.rooms = Rooms(
            *(self.store, clock, self.memberships, passwds, person_bounds, self.read_marks, security_log, self.site),
            rules.lobby,
        )
        self.audit = AuditLog(self.store, clock)
        self.room_settings = RoomSettingsService(self.store, clock, self.limits)
        self.join_codes = JoinCodes(self.store, clock, self.limits, self.memberships, security_log, whence)
        self.tickets = Tickets(self.store, clock, self.limits, self.sessions, self.memberships)
        devices = Devices(secret)
        guesses = PasswordGuessing(self.store, clock, self.limits, devices)
        erased = ErasedNames(secret)
        self.accounts = Accounts(
            *(self.store, clock, self.limits, self.presence, self.sessions, self.rooms, guesses, devices),
            *(security_log, self.site, erased, rules.password_min_length),
        )
        self.teachers = Teachers(
            self.store, clock, self.accounts, self.sessions, self.presence, self.site, erased, security_log
        )
        self.overview = Overview(self.store, clock, self.presence)
        self.roster_imports = RosterImports(
            self.store, clock, self.accounts, self.sessions, self.rooms, self.memberships, erased, security_log
        )
        self.decoder = Decoder()
        quota = Quota(self.store, clock, security_log, rules)
        self.attachments = Attachments(self.store, clock, self.decoder, rules.image_max_bytes)
        self.messages = Messages(self.store, clock, self.limits, quota, self.attachments, rules.message_max_chars)
        self.avatars = Avatars(self.store, self.decoder)
        self.profiles = Profiles(
            *(self.store, clock, self.accounts, self.sessions, quota, self.avatars, security_log, self.site, erased),
            person_bounds,
        )
        self.email_codes = EmailCodes(self.limits, rules.smtp_url)
        self.user_directory = UserDirectory(self.store, self.presence)
        self.own_data = OwnData(self.store, self.limits)
        self.friends = Friends(self.store, clock, self.rooms, self.messages, person_bounds, self.site)
        self.friend_groups = FriendGroups(self.store, person_bounds)
        self.groups = Groups(self.store, clock, self.limits, self.rooms, quota, self.avatars, security_log)
        self.invitations = Invitations(self.store, clock, self.memberships, person_bounds)
        self.announcements = Announcements(self.store, clock, person_bounds)
        self.conversations = Conversations(self.store, self.read_marks)
        self.message_queries = MessageQueries(self.store, self.limits, self.read_marks)
        self.seen_by = SeenBy(self.store, self.read_marks)
        self.search = Search(self.store)
        self.export = Export(self.store, clock, self.limits)
        self.changes = Changes(
            self.store,
            self.hub,
            clock,
            self.limits,
            quota,
            security_log,
            edit_minutes=rules.edit_minutes,
            max_chars=rules.message_max_chars,
        )
        self.pins = Pins(self.store, clock, self.limits)
        self.moderation = Moderation(self.store, clock, self.limits, self.groups, self.changes)
        self.files = Files(self.store, clock, self.limits, quota, self.messages, rules.file_max_bytes)
        sources = Sources(self.store, self.hub, self.sessions, self.presence)
        self.pulls = Pulls(sources, self.read_marks)
        self.subscriptions = Subscriptions(sources)
        self.room_presence = RoomPresence(self.store, clock)
        self.store.on_commit(self.hub.committed)
        self.bus = backend.bus(self.hub)
        self.purger = Purger(self.store)
        self.eraser = Eraser(self.store, clock, erased)
        self.retention = Retention(self.store, clock, self.site, self.hub.feeds.forget)
        self.housekeeper = Housekeeper(
            self.store,
            clock,
            frequent=[
                self.presence.flush,
                self.read_marks.flush,
                self.room_presence.beat,
                self.store.checkpoint,
                self.store.texts.catch_up,
                self.decoder.end_idle,
            ],
            rare=[
                self.sessions.purge,
                self.limits.purge,
                guesses.purge,
                self.tickets.purge,
                self.files.purge,
                self.audit.purge,
                self.roster_imports.purge,
                self.avatars.convert_old,
                self.retention.purge,
                self.eraser.erase,
                self.purger.purge,
                self.store.scrub,
                self.purger.shrink,
            ],
        )
        self.health = Health(self.store, self.start)
        self._start_lock = threading.Lock()
        self.is_started = False

    def _user_changed(self, user_id: int | None) -> None:
        self.sessions.doubt(user_id)
        self.presence.doubt(user_id)

    def start(self) -> None:
        """Create the lobby and start the background threads. Idempotent.

        Call it after the fork, in the process that serves. Raises UNAVAILABLE if the database cannot be used.
        """
        if self.is_started:
            return
        with self._start_lock:
            if not self.is_started:
                self.rooms.ensure_lobby()
                self.files.purge()
                self.bus.start()
                if self.shared is not None:
                    self.shared.start()
                self.housekeeper.start()
                self.is_started = True

    def rest(self) -> None:
        """Stop the background threads until `resume`: nobody waits here, and no request comes."""
        self.health.stop()
        with self._start_lock:
            if self.is_started:
                self.is_started = False
                self.bus.stop()
                if self.shared is not None:
                    self.shared.stop()
                self.housekeeper.stop()
                self.decoder.end_idle(0)

    def resume(self) -> None:
        """Be ready for requests again, or try it at each health check."""
        self.hub.resync()  # commits of the meantime were not heard of
        self.health.watch()

    def answer_held(self) -> None:
        """Answer all held requests, as the server is about to stop."""
        self.hub.notifier.stop()

    def close(self) -> None:
        """Stop the threads and write the state that is only in memory."""
        self.answer_held()
        self.roster_imports.stop()
        self.health.stop()
        self.bus.stop()
        self.housekeeper.stop()
        if self.shared is not None:
            self.shared.stop()
        self.decoder.close()
        if self.is_started:
            with contextlib.suppress(ChatError):  # the database is away: others end the visits when the lease expires
                self.room_presence.end()
