"""Figures on what this process does: always counted, which costs a microsecond or two; shown where CHAT_METRICS is on.

Worker processes count each for itself, and one of them answers a scrape: the label pid tells which.
"""

import os
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
_PID = str(os.getpid())  # workers are forked before they import this


def _counter(name: str, about: str) -> Counter:
    return Counter(f"commonroom_{name}", about, ["pid"], registry=REGISTRY).labels(_PID)


_requests = Counter("commonroom_requests", "HTTP requests answered", ["pid", "protocol", "status"], registry=REGISTRY)
messages_stored = _counter("messages_stored", "Messages stored through this process")
deliveries = _counter("deliveries", "Messages handed to readers, each reader counts")
refused_for_overload = _counter("refused_for_overload", "Requests refused as they had waited too long for a thread")
_connections = Gauge("commonroom_connections", "Open HTTP connections", ["pid"], registry=REGISTRY)
_held = Gauge("commonroom_held_requests", "Requests that wait for news", ["pid"], registry=REGISTRY)


def request_answered(protocol: str, status: int) -> None:
    """Count an answer, by the class of its HTTP status."""
    _requests.labels(_PID, protocol, f"{status // 100}xx").inc()


def watch(connections: Callable[[], float], held: Callable[[], float]) -> None:
    """What to ask, at each scrape, for the figures that go up and down. Called from any thread."""
    _connections.labels(_PID).set_function(connections)
    _held.labels(_PID).set_function(held)
