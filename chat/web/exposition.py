"""Metrics in the format of Prometheus, loaded by the first scrape."""

import os
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from chat import metrics

_COUNTERS = {
    metrics.REQUESTS: ("HTTP requests answered", ["protocol", "status"]),
    metrics.MESSAGES_STORED[0]: ("Messages stored through this process", []),
    metrics.DELIVERIES[0]: ("Messages handed to readers, each reader counts", []),
    metrics.PULLS_KNOWN[0]: ("Pulls taken in without a thread, as their heads were known", []),
    metrics.REFUSED_FOR_OVERLOAD[0]: ("Requests refused as they had waited too long for a thread", []),
}
_GAUGES = {
    "redis_up": "Whether Redis answers and hints arrive",
    "hint_lag_seconds": "Time of the last beat through Redis",
    "connections": "Open connections, sockets too",
    "held_requests": "Requests that wait for news",
}
_PID = str(os.getpid())  # workers are forked before they import this


class _Metrics(Collector):
    def collect(self) -> Iterator[Metric]:
        counts = metrics.counts()
        for name, (about, labels) in _COUNTERS.items():
            family = CounterMetricFamily(f"commonroom_{name}", about, labels=["pid", *labels])
            for key, value in counts.items():
                if key[0] == name:
                    family.add_metric([_PID, *key[1:]], value)
            if not labels and not counts.get((name,)):
                family.add_metric([_PID], 0)
            yield family
        for name, about in _GAUGES.items():
            if name in metrics.gauges:
                gauge = GaugeMetricFamily(f"commonroom_{name}", about, labels=["pid"])
                gauge.add_metric([_PID], metrics.gauges[name]())
                yield gauge


_registry = CollectorRegistry()
_registry.register(_Metrics())


def text() -> bytes:
    """Return all metrics of this process."""
    return generate_latest(_registry)
