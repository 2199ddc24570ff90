"""Metrics of this process: always counted, as the cost is negligible; exposed if CHAT_METRICS is on.

Each worker process counts separately, and one of them answers a scrape: the label `pid` identifies it.
"""

import threading
from collections import Counter
from collections.abc import Callable

Key = tuple[str, ...]  # a counter's name and the values of its labels, without the pid
MESSAGES_STORED: Key = ("messages_stored",)
DELIVERIES: Key = ("deliveries",)
REFUSED_FOR_OVERLOAD: Key = ("refused_for_overload",)
PULLS_KNOWN: Key = ("pulls_known",)
REQUESTS = "requests"

_in_threads: Counter[Key] = Counter()
_lock = threading.Lock()


def count(key: Key, n: int = 1) -> None:
    """Count from any thread."""
    with _lock:
        _in_threads[key] += n


class OnLoop:
    """A counter for the event loop only, which counts thousands per second: no lock and no lookup by name."""

    __slots__ = ("n",)

    def __init__(self) -> None:
        self.n = 0

    def count_one(self) -> None:
        self.n += 1


_on_loop: dict[Key, OnLoop] = {}


def on_loop(key: Key) -> OnLoop:
    """Return the counter with this name; always the same object."""
    with _lock:
        return _on_loop.setdefault(key, OnLoop())


delivered_on_loop = on_loop(DELIVERIES)
pulls_known = on_loop(PULLS_KNOWN)


def request(protocol: str, status: int) -> Key:
    """Return the counter key of a response, by the class of its HTTP status."""
    return (REQUESTS, protocol, f"{status // 100}xx")


def counts() -> dict[Key, int]:
    """Return the counts so far."""
    with _lock:
        return dict(_in_threads + Counter({key: counted.n for key, counted in _on_loop.items()}))


gauges: dict[str, Callable[[], float]] = {}  # by name, asked at each scrape, from any thread


def watch_redis(up: Callable[[], float], lag: Callable[[], float]) -> None:
    """Register the functions that supply gauges about Redis; lag in seconds."""
    gauges["redis_up"], gauges["hint_lag_seconds"] = up, lag


def watch(connections: Callable[[], float], held: Callable[[], float]) -> None:
    """Register the functions that supply gauges at each scrape. They are called from any thread."""
    gauges["connections"], gauges["held_requests"] = connections, held
