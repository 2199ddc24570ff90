"""Local delivery in one process: events update the feeds first, then wake the waiters."""

import logging
import time
from collections.abc import Callable, Sequence

from chat.delivery.feed import Feeds
from chat.delivery.notifier import Notifier
from chat.models import ROOM_SIGNALS, SIGNALS, TIMELINE, Event, EventKind
from chat.ports import Store

log = logging.getLogger(__name__)
CURRENT_SECONDS = 4.0  # docs/specification.md, "At once": within 5 s even if the hint was lost


class Hub:
    def __init__(self, store: Store, feed_max_bytes: int, user_changed: Callable[[int | None], None]) -> None:
        self.notifier = Notifier()
        self.feeds = Feeds(store, feed_max_bytes)
        self._rights: dict[int, int] = {}  # rights_version of the newest entry, for rooms where it is not 0
        self._awaits_resync = False  # the bus has lost the database
        self.is_cut_off = False  # from the database, for so long that clients are to go elsewhere
        self.heard_at = 0.0  # time.monotonic() s at which the bus last knew all commits of other processes
        self._user_changed = user_changed  # invalidates sessions and memberships; None: of all users

    @property
    def holds_on(self) -> bool:
        """Whether waiters that cannot look now need not be answered: they look when the database is back."""
        return self._awaits_resync and not self.is_cut_off

    def is_current(self) -> bool:
        """Whether memory is up to date: the bus is receiving events of other processes."""
        return time.monotonic() - self.heard_at < CURRENT_SECONDS

    def heard(self, at: float) -> None:
        """The bus knew all commits of other processes at this time (time.monotonic() s)."""
        self.heard_at = at

    def lost(self) -> None:
        """The bus has lost the database, and calls resync when it is back."""
        self._awaits_resync = True

    def committed(self, events: Sequence[Event]) -> None:
        """Deliver the events of a commit of this process, except signals. Never raises."""
        try:
            self.publish(events)
        except Exception:
            log.exception("delivering to waiting clients failed; all look again")
            self.resync()

    def publish(self, events: Sequence[Event]) -> None:
        """Process committed events, from this process or another, in any order and possibly repeatedly."""
        # Rights before messages: a removed member must not receive later messages.
        for event in sorted(events, key=lambda e: e.kind in TIMELINE):
            if event.kind in SIGNALS:
                continue
            if event.kind in TIMELINE:
                self._take_in(event)
            elif event.kind is EventKind.PROFILE:
                self.feeds.renew_sender(event.subject_id)
            else:
                if event.kind is EventKind.USER:
                    self._user_changed(event.subject_id)
                self.notifier.wake((event.kind.value, event.subject_id), recheck=True)

    def _take_in(self, event: Event) -> None:
        """A message or change: wake waiters for messages, or for changes as well."""
        if event.rights_version > self._rights.get(event.subject_id, 0):
            # Somebody lost the right to read the room before, and the news of that may not have arrived: commits are
            # not published in their order where writers run in parallel (decision 0102).
            for key in ("room", "changes"):
                self.notifier.wake((key, event.subject_id), recheck=True)
            self._rights[event.subject_id] = event.rights_version
        if event.message is not None:
            taken = self.feeds.publish(event.message, event.prev_time)
        elif event.change is not None:
            taken = self.feeds.publish_change(event.change, event.prev_time)
        else:
            taken = self.feeds.catch_up(event.subject_id, event.time, is_change=event.kind is EventKind.CHANGE)
        if taken.messages:
            self.notifier.wake(("room", event.subject_id))
        if taken.changes:
            self.notifier.wake(("changes", event.subject_id))

    def signal(self, events: Sequence[Event]) -> None:
        """Deliver signals, as the bus reads them: each once, in the order of all processes' commits."""
        for event in events:
            if event.kind in SIGNALS:
                self.notifier.signal((_key_kind(event.kind), event.subject_id), event)

    def resync(self) -> None:
        """Recover after missed events: drop memory and have every waiter look again."""
        self._awaits_resync = self.is_cut_off = False
        self.feeds.forget()
        self._user_changed(None)
        self.notifier.wake_all()

    def cut_off(self) -> None:
        """Have every waiter look, and fail: held pulls are answered 503, sockets close."""
        self.is_cut_off = True
        self.notifier.wake_all()


def _key_kind(signal: EventKind) -> str:
    """Return of which key's waiters a signal is."""
    if signal is EventKind.TYPING:
        return "changes"
    return "room" if signal in ROOM_SIGNALS else "user"
