"""Metrics of this process: always counted, as the cost is negligible; exposed if CHAT_METRICS is on.

Each worker process counts separately, and one of them answers a scrape: the label `pid` identifies it.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Gauge, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

Key = tuple[str, ...]  # a counter's name and the values of its labels, without the pid
MESSAGES_STORED: Key = ("messages_stored",)
DELIVERIES: Key = ("deliveries",)
REFUSED_FOR_OVERLOAD: Key = ("refused_for_overload",)
PULLS_KNOWN: Key = ("pulls_known",)
_REQUESTS = "requests"
_ABOUT = {
    _REQUESTS: ("HTTP requests answered", ["protocol", "status"]),
    MESSAGES_STORED[0]: ("Messages stored through this process", []),
    DELIVERIES[0]: ("Messages handed to readers, each reader counts", []),
    PULLS_KNOWN[0]: ("Pulls taken in without a thread, as their heads were known", []),
    REFUSED_FOR_OVERLOAD[0]: ("Requests refused as they had waited too long for a thread", []),
}
_PID = str(os.getpid())  # workers are forked before they import this

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
    return (_REQUESTS, protocol, f"{status // 100}xx")


class _Counts(Collector):
    def collect(self) -> Iterator[CounterMetricFamily]:
        with _lock:
            counts = _in_threads + Counter({key: counted.n for key, counted in _on_loop.items()})
        for name, (about, labels) in _ABOUT.items():
            family = CounterMetricFamily(f"commonroom_{name}", about, labels=["pid", *labels])
            for key, value in counts.items():
                if key[0] == name:
                    family.add_metric([_PID, *key[1:]], value)
            if not labels and not counts[name,]:
                family.add_metric([_PID], 0)
            yield family


REGISTRY = CollectorRegistry()
REGISTRY.register(_Counts())
_redis_up = Gauge("commonroom_redis_up", "Whether Redis answers and hints arrive", ["pid"], registry=None)
_hint_lag = Gauge("commonroom_hint_lag_seconds", "Time of the last beat through Redis", ["pid"], registry=None)


class _OfRedis(Collector):
    """Exposed only where there is a Redis."""

    is_watched = False

    def collect(self) -> Iterator[Metric]:
        if self.is_watched:
            yield from _redis_up.collect()
            yield from _hint_lag.collect()


_of_redis = _OfRedis()
REGISTRY.register(_of_redis)
_connections = Gauge("commonroom_connections", "Open connections, sockets too", ["pid"], registry=REGISTRY)
_held = Gauge("commonroom_held_requests", "Requests that wait for news", ["pid"], registry=REGISTRY)


def watch_redis(up: Callable[[], float], lag: Callable[[], float]) -> None:
    """Register the functions that supply gauges about Redis; lag in seconds."""
    _redis_up.labels(_PID).set_function(up)
    _hint_lag.labels(_PID).set_function(lag)
    _of_redis.is_watched = True


def watch(connections: Callable[[], float], held: Callable[[], float]) -> None:
    """Register the functions that supply gauges at each scrape. They are called from any thread."""
    _connections.labels(_PID).set_function(connections)
    _held.labels(_PID).set_function(held)
