"""That no wake-up is lost while a message is being handled, a thread asks the database, or the peer does not read."""

from collections.abc import Callable
from typing import Any

from chat.server.ports import Look
from chat.server.push import Pushes


class Loop:
    """The connection and its worker: threads and loop turns run when the test says so."""

    def __init__(self) -> None:
        self.host = self
        self.is_busy = False
        self.is_drained = True
        self.threads: list[Callable[[], None]] = []
        self.written: list[bytes] = []
        self.was_woken = False
        self.was_stopped = False
        self.loop = self
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.look: Callable[[], None] = lambda: None

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        self.later.append((seconds, call))

    def in_thread(self, _owner: object, work: Callable[[], None]) -> None:
        self.threads.append(work)

    def on_loop(self, call: Callable[..., None], *args: Any) -> None:
        call(*args)

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def wake(self) -> None:
        self.was_woken = True

    def stop(self, _code: int) -> None:
        self.was_stopped = True


class Numbers:
    """A PushReader of given messages, 64 at a time."""

    expired = False
    pace: Callable[[], float] | None = None

    def __init__(self) -> None:
        self.recheck = False
        self.stored: list[bytes] = []
        self.found: list[bytes] | None = None  # by a thread
        self.taken = 0
        self.looks = 0
        self.has_more = False

    @property
    def is_behind(self) -> bool:
        return self.has_more and not self.recheck

    def look(self) -> bytes | Look:
        found, self.found = self.found, None
        if found is None:
            self.looks += 1
            found = self.stored[self.taken :][:64]
        if self.recheck:
            return Look.NEEDS_THREAD
        new = [item for item in found if item not in self.stored[: self.taken]]
        self.taken += len(new)
        self.has_more = len(found) >= 64
        return b"".join(new) or Look.NOTHING_YET

    def look_again(self) -> None:
        self.recheck = False
        self.found = self.stored[self.taken :][:64]

    def close(self) -> None:
        pass


def begin() -> tuple[Pushes, Loop, Numbers]:
    """Pushes whose rights must be checked again, with a thread on its way."""
    loop, source = Loop(), Numbers()
    pushes = Pushes(loop, source)  # type: ignore[arg-type]
    loop.look = pushes.look
    source.recheck = True
    pushes.look()
    return pushes, loop, source


def turn(pushes: Pushes, loop: Loop) -> None:
    """Run the loop until nothing is left to look at."""
    while loop.was_woken:
        loop.was_woken = False
        pushes.look()


def test_items_found_while_a_message_is_handled() -> None:
    pushes, loop, source = begin()
    loop.is_busy = True
    loop.threads.pop()()  # nothing is new yet
    source.stored.append(b"one")
    pushes.look()  # woken by it
    loop.is_busy = False
    pushes.look()  # as after every message that was handled
    turn(pushes, loop)
    assert loop.written == [b"one"]


def test_items_found_while_the_peer_does_not_read() -> None:
    pushes, loop, source = begin()
    loop.threads.pop()()
    source.stored += [b"%d" % number for number in range(65)]  # one more than fits into one step
    pushes.look()
    loop.is_drained = False
    turn(pushes, loop)
    source.recheck = True
    pushes.look()
    loop.threads.pop()()
    source.stored.append(b"last")
    pushes.look()
    loop.is_drained = True
    pushes.look()
    turn(pushes, loop)
    assert b"".join(loop.written).endswith(b"last")


def test_items_arriving_during_a_look_in_a_thread() -> None:
    pushes, loop, source = begin()
    ask = loop.threads.pop()
    look_again = source.look_again

    def look_then_send() -> None:
        look_again()
        source.stored.append(b"one")  # after the thread has read
        pushes.look()

    source.look_again = look_then_send  # type: ignore[method-assign]
    ask()
    turn(pushes, loop)
    assert loop.written == [b"one"]


def test_an_answer_that_nothing_has_overtaken_is_not_looked_after() -> None:
    """Where the memory holds not all rooms, each further look would ask the database, and so on for ever."""
    _, loop, source = begin()
    source.stored.append(b"one")
    loop.threads.pop()()
    assert (loop.written, loop.was_woken, loop.threads, source.looks) == ([b"one"], False, [], 1)


def test_news_gathers_while_a_paced_reader_pauses() -> None:
    pushes, loop, source = begin()
    source.pace = lambda: 0.25 if len(loop.written) > 1 else 0.0
    loop.threads.pop()()
    for item in (b"one", b"two", b"three", b"four"):
        source.stored.append(item)
        pushes.look()
    assert loop.written == [b"one", b"two"]
    [(seconds, go_on)] = loop.later
    assert seconds == 0.25
    go_on()
    turn(pushes, loop)
    assert loop.written == [b"one", b"two", b"threefour"]


def test_news_is_coming_until_a_thread_has_found_all_of_it() -> None:
    pushes, loop, source = begin()
    pushes.look()  # an event during the look
    assert pushes.is_coming
    source.stored.append(b"news")
    loop.threads.pop()()
    assert pushes.is_coming, "the event may be of later news"
    turn(pushes, loop)
    assert not pushes.is_coming


def test_what_a_client_sent_last_comes_back_before_the_server_stops() -> None:
    pushes, loop, source = begin()
    loop.threads.pop()()
    loop.is_busy = True
    source.expired = True
    pushes.look()  # woken, as the server stops
    source.stored += [b"<%d>" % number for number in range(65)]  # the last is the client's own
    loop.is_busy = False
    pushes.look()
    turn(pushes, loop)
    assert loop.written[-1].endswith(b"<64>")
    assert loop.was_stopped


def test_a_pause_does_not_delay_the_stop() -> None:
    pushes, loop, source = begin()
    source.pace = lambda: 0.5
    source.stored.append(b"one")
    loop.threads.pop()()
    source.stored.append(b"two")
    source.expired = True
    pushes.look()
    assert loop.written == [b"one", b"two"]
    assert loop.was_stopped
