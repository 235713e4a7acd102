"""Prometheus' view of the service: the kernel's counts, its journal, and its deepest queues.

Everything is asked for when it is scraped, but for the histograms of the journal's commits, which hear of each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from usernel.runtime import GroupCommit, Runtime

from .keys import REGISTRY, SOCKETS
from .queue_metrics import queue_metrics
from .routes import Route

NSEC_PER_SEC: Final = 1_000_000_000
SECONDS_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
FACTS_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
JOURNAL_COUNTERS: Final = {
    "commits": ("commits", "Group commits."),
    "committed_facts": ("committed_facts", "Facts that commits kept."),
    "committed_bytes": ("committed_bytes", "Bytes of facts that commits kept."),
    "snapshots": ("snapshots", "Snapshots made."),
}
JOURNAL_GAUGES: Final = {
    "durable": ("durable_position", "The position up to which facts are kept."),
    "appended": ("appended_position", "The position up to which facts were handed to the journal."),
    "ephemeral": ("ephemeral", "1 where nothing is kept across a restart."),
    "records": ("records", "Records in the journal."),
    "record_bytes": ("record_bytes", "Bytes of all records."),
    "tail_bytes": ("tail_bytes", "Bytes of the records behind the newest snapshot, which a start replays."),
    "snapshot_bytes": ("snapshot_bytes", "Bytes of the newest snapshot."),
    "snapshot_position": ("snapshot_position", "The position of the newest snapshot; 0 before the first."),
    "snapshot_seconds": ("snapshot_duration_seconds", "How long the last snapshot took; 0 before the first."),
    "file_bytes": ("file_bytes", "Bytes of the journal's files."),
}
"""What ``stat`` of a journal calls it, what the metric is called, and what it is."""


def make_registry(runtime: Runtime, app: web.Application) -> CollectorRegistry:
    """What one application measures; a journal that commits is observed from now on."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(KernelCollector(runtime, app))
    if isinstance(runtime.journal, GroupCommit):
        _observe(runtime.journal, registry)
    return registry


def _observe(journal: GroupCommit, registry: CollectorRegistry) -> None:
    took = Histogram(
        "usernel_journal_commit_seconds", "How long commits took, from encoding to the disk.",
        registry=registry, buckets=SECONDS_BUCKETS,
    )  # fmt: skip
    kept = Histogram(
        "usernel_journal_commit_facts", "How many facts one commit kept.", registry=registry, buckets=FACTS_BUCKETS
    )

    def observe(seconds: float, facts: int) -> None:
        took.observe(seconds)
        kept.observe(facts)

    journal.commits.observers.append(observe)


class KernelCollector(Collector):
    """What ``stat`` of the runtime, its journal and its queues answers, as metrics."""

    def __init__(self, runtime: Runtime, app: web.Application) -> None:
        self._runtime = runtime
        self._app = app

    def collect(self) -> Iterator[Metric]:
        """All of it, as it is now."""
        yield GaugeMetricFamily("usernel_websockets", "Open WebSockets.", value=len(self._app[SOCKETS]))
        for name, value in self._runtime.stat().items():
            if isinstance(value, int):
                yield GaugeMetricFamily(f"usernel_{name}", f"{name}, as the kernel counts.", value=value)
        yield from journal_metrics(self._runtime)
        yield from queue_metrics(self._runtime.kernel, int(time.time()))


def journal_metrics(runtime: Runtime) -> Iterator[Metric]:
    """What there is of them: an ephemeral journal has few."""
    shown = runtime.journal.stat()
    for key, (name, what) in JOURNAL_COUNTERS.items():
        if key in shown:
            yield CounterMetricFamily(f"usernel_journal_{name}", what, value=shown[key])
    for key, (name, what) in JOURNAL_GAUGES.items():
        if key in shown:
            yield GaugeMetricFamily(f"usernel_journal_{name}", what, value=shown[key])
    if shown.get("snapshot_time_ns"):
        age = max(0.0, time.time() - shown["snapshot_time_ns"] / NSEC_PER_SEC)
        yield GaugeMetricFamily("usernel_journal_snapshot_age_seconds", "Age of the newest snapshot.", value=age)
    failed = runtime.journal.failure is not None
    yield GaugeMetricFamily("usernel_journal_failed", "1 while nothing can be kept.", value=failed)
    share = 1.0 if runtime.recovery is None else runtime.recovery.stat()["share"]
    yield GaugeMetricFamily("usernel_journal_replay_share", "How much of the journal was replayed.", value=share)


async def metrics(request: web.Request) -> web.Response:
    """Prometheus' text format; also while the journal is replayed, or has failed."""
    body = generate_latest(request.app[REGISTRY])
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


ROUTES: Final = (Route("GET", "/metrics", metrics, "counts, for Prometheus"),)
