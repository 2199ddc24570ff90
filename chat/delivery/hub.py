"""One process's end of delivery: what is published reaches the feeds first, then those who wait."""

import time
from collections.abc import Callable, Sequence

from chat.delivery.feed import Feeds
from chat.delivery.notifier import Notifier
from chat.models import ROOM_SIGNALS, SIGNALS, Event, EventKind
from chat.ports import Store

CURRENT_SECONDS = 4.0  # docs/specification.md, "At once": within 5 s even where the hint was lost


class Hub:
    def __init__(self, store: Store, feed_max_bytes: int) -> None:
        self.notifier = Notifier()
        self.feeds = Feeds(store, feed_max_bytes)
        self.heard_at = 0.0  # time.monotonic() s: when the bus last knew all that other processes had done
        self.user_changed: Callable[[int | None], None] = lambda _user_id: None  # sessions, rooms; None: of all

    def is_current(self) -> bool:
        """Whether what is kept in memory may be relied on: the bus brings what other processes do."""
        return time.monotonic() - self.heard_at < CURRENT_SECONDS

    def publish(self, events: Sequence[Event]) -> None:
        """Take in events that are committed, from this process or another; any order, as often as they come."""
        # Rights before messages: who was put out must not be handed what came after.
        for event in sorted(events, key=lambda e: e.kind is EventKind.MESSAGE):
            if event.kind in SIGNALS:
                continue
            if event.kind is EventKind.MESSAGE:
                is_news = True
                if event.message is not None:
                    self.feeds.publish(event.message, event.prev_time)
                else:
                    is_news = self.feeds.catch_up(event.subject_id, event.time)
                if is_news:
                    self.notifier.wake(("room", event.subject_id))
            elif event.kind is EventKind.DELETION:
                self.feeds.remove(event.subject_id, event.time)  # nobody waits for less
            elif event.kind is EventKind.PROFILE:
                self.feeds.renew_sender(event.subject_id)
            else:
                if event.kind is EventKind.USER:
                    self.user_changed(event.subject_id)
                self.notifier.wake((event.kind.value, event.subject_id), recheck=True)

    def signal(self, events: Sequence[Event]) -> None:
        """Hand on the signals among events that the bus has read: once each, so not when they are published here."""
        for event in events:
            if event.kind in SIGNALS:
                about = "room" if event.kind in ROOM_SIGNALS else "user"
                self.notifier.signal((about, event.subject_id), event)

    def resync(self) -> None:
        """News was missed: forget what is held in memory and let everybody look again."""
        self.feeds.forget()
        self.user_changed(None)
        self.notifier.wake_all()
