"""The queues' own metrics: how deep they are, and how old their oldest message is.

A family has a series for each of its deepest queues, ``QUEUE_SERIES_MAX`` of them at most. Where there are more, the
rest together are one series more, whose labels all read ``other``: messages and bytes summed, the greatest age. No
queue can take its place, for the label ``ipc`` of a queue is a number. A name is cut at ``LABEL_MAX`` characters; one
that is cut, and that of a queue whose name was taken away, ends in ``/`` and its inode number, as no name can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily

from usernel.kernel.ipc.mqueue_inode import MqInode
from usernel.kernel.ipc.msg_queue import MsgQueue
from usernel.kernel.kernel import Kernel

QUEUE_SERIES_MAX: Final = 200
LABEL_MAX: Final = 64
OTHER: Final = "other"
Counts = tuple[int, int, int | None]
"""Messages, their bytes, and when the oldest came; None where there is none."""


@dataclass(frozen=True, slots=True)
class Family:
    """A family of queues: what its metrics and their labels are called, and how a queue is read."""

    name: str
    labels: tuple[str, ...]
    labels_of: Callable[[Any], tuple[str, ...]]
    depth_of: Callable[[Any], int]
    counts_of: Callable[[Any], Counts]


def queue_metrics(kernel: Kernel, now: int) -> Iterator[GaugeMetricFamily]:
    """Both families' gauges; ages are counted to ``now``, in seconds since the epoch."""
    spaces = list(kernel.ipc_namespaces.values())
    yield from _gauges(MSG, [queue for ns in spaces for queue in ns.msg_ids.by_index.values()], now)
    yield from _gauges(MQ, [inode for ns in spaces for inode in ns.mq_inodes.values()], now)


def _gauges(family: Family, queues: Sequence[Any], now: int) -> tuple[GaugeMetricFamily, ...]:
    name, labels = family.name, family.labels
    gauges = (
        GaugeMetricFamily(f"{name}_messages", "Messages in a queue, held ones too.", labels=labels),
        GaugeMetricFamily(f"{name}_bytes", "Bytes of a queue's messages.", labels=labels),
        GaugeMetricFamily(f"{name}_oldest_seconds", "Age of its oldest message; 0 where it is empty.", labels=labels),
    )
    for values, (count, size, oldest) in _series(family, queues):
        age = 0 if oldest is None else max(0, now - oldest)
        for gauge, value in zip(gauges, (count, size, age), strict=True):
            gauge.add_metric(values, value)
    return gauges


def _series(family: Family, queues: Sequence[Any]) -> Iterator[tuple[tuple[str, ...], Counts]]:
    """The deepest queues' own, and where there are more, one of all the others."""
    deepest = queues if len(queues) <= QUEUE_SERIES_MAX else nlargest(QUEUE_SERIES_MAX, queues, key=family.depth_of)
    for queue in deepest:
        yield family.labels_of(queue), family.counts_of(queue)
    if len(deepest) < len(queues):
        among = set(map(id, deepest))
        rest = [family.counts_of(queue) for queue in queues if family.depth_of(queue) and id(queue) not in among]
        yield (OTHER,) * len(family.labels), _together(rest)


def _together(rest: Sequence[Counts]) -> Counts:
    oldest = min((since for _, _, since in rest if since is not None), default=None)
    return sum(count for count, _, _ in rest), sum(size for _, size, _ in rest), oldest


def _msg_labels(queue: MsgQueue) -> tuple[str, ...]:
    return str(queue.ns.inum), f"{queue.perm.key & 0xFFFFFFFF:#x}", str(queue.perm.id)


def _mq_labels(inode: MqInode) -> tuple[str, ...]:
    name = inode.name
    if name is None or len(name) > LABEL_MAX:
        name = f"{(name or '')[:LABEL_MAX]}/{inode.ino}"
    return str(inode.ns), name


MSG: Final = Family(
    "usernel_msg_queue", ("ipc", "key", "msqid"), _msg_labels, lambda queue: int(queue.qnum),
    lambda queue: (queue.qnum, queue.cbytes, queue.oldest),
)  # fmt: skip
MQ: Final = Family(
    "usernel_mq", ("ipc", "name"), _mq_labels, lambda inode: int(inode.curmsgs),
    lambda inode: (inode.curmsgs, inode.qsize, inode.oldest),
)  # fmt: skip
