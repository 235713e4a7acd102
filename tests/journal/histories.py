"""A kernel's history as the records of a journal, with the durable state that each of them leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import usernel
from usernel.journal.port import JournalDamagedError, Record, Storage, join
from usernel.kernel.durable import durable_state
from usernel.kernel.facts import Fact
from usernel.kernel.kernel import Kernel
from usernel.kernel.snapshot import Snapshot
from usernel.runtime.codec import encode
from usernel.runtime.recovery import fold

State = dict[str, Any]
EMPTY = durable_state(Kernel())


@dataclass
class History:
    """What happened: records, the state behind each, and its snapshot where one was asked for."""

    records: list[Record] = field(default_factory=list)
    states: dict[int, State] = field(default_factory=lambda: {0: EMPTY})
    snapshots: dict[int, list[Record]] = field(default_factory=dict)
    final: list[Record] = field(default_factory=list)
    """A snapshot of the end."""
    seen: set[tuple[int, int]] = field(default_factory=set)
    """Snapshots and positions for which it was seen that they lead to the state of then."""

    @property
    def last(self) -> int:
        return self.records[-1].position

    def after(self, position: int) -> list[Record]:
        return [record for record in self.records if record.position > position]

    def take(self, kernel: usernel.Kernel, known: int) -> None:
        """Everything that happened since ``known`` facts is one more record."""
        facts = kernel.facts[known:]
        if facts:
            self.records.append(record_of(known + len(facts), facts))
            self.states[self.last] = deepcopy(durable_state(kernel.model))

    def state_of(self, records: Iterable[Record]) -> State:
        """What records, or a snapshot and records, make of a fresh kernel."""
        return durable_state(folded(records))


def record_of(position: int, facts: Iterable[Fact]) -> Record:
    """A record of these facts, each in a chunk of its own."""
    chunks = [encode([fact]) for fact in facts]
    return Record(position, len(chunks), position * 10**9, join(chunks))


def snapshot_of(kernel: usernel.Kernel) -> list[Record]:
    """The parts of a snapshot that stands for all that happened."""
    position = kernel.model.position
    return [record_of(position, facts) for facts in Snapshot(kernel.model).parts()]


def folded(records: Iterable[Record]) -> Kernel:
    """A fresh kernel that has lived through these records."""
    kernel = Kernel()
    for record in records:
        fold(kernel, record, kernel.position)
        kernel.position = record.position
    return kernel


def read(storage: Storage) -> tuple[list[Record], JournalDamagedError | None]:
    """What can be read of a journal, and what ends it."""
    found: list[Record] = []
    try:
        for record in storage.read():
            found.append(record)  # noqa: PERF402 - what came before the damage counts
    except JournalDamagedError as error:
        return found, error
    return found, None


def steps(kernel: usernel.Kernel) -> Iterator[Callable[[], Any]]:
    """A life with a little of everything, one record a step."""
    task = kernel.fork(unshare="CLONE_NEWUSER | CLONE_NEWUTS")
    tenant = kernel.fork(unshare="CLONE_NEWIPC")
    inum = tenant._task.nsproxy.ipc.inum
    yield lambda: kernel.init.ns_pin(inum, True)
    yield lambda: tenant.sysctl("kernel.msgmnb", 4000)
    yield lambda: task.sethostname("tenant")
    yield lambda: tenant.msgget(1, 0o1600)
    yield lambda: tenant.msgsnd_batch(0, [(kind, bytes([kind]) * 40 * kind) for kind in range(1, 9)])
    yield lambda: (
        tenant.mq_open("jobs", "O_CREAT | O_RDWR", 0o600, (8, 64)),
        tenant.mq_timedsend(0, b"first", msg_prio=3),
    )
    yield lambda: [kernel.init.msgget(0, 0o600) for _ in range(3)]
    yield lambda: kernel.init.msgctl(1, "IPC_RMID")
    yield lambda: kernel.init.msgsnd(0, 5, bytes(range(256)) * 8)
    yield lambda: (kernel.advance(10**9), tenant.msgrcv_batch(0, 2, msgtyp=-3))
    while True:
        yield lambda: (kernel.init.msgsnd(2, 1, b"x" * 700), tenant.mq_timedsend(0, b"next", msg_prio=1))
        yield lambda: (kernel.init.msgrcv(2), tenant.mq_timedreceive(0), kernel.init.msgget(0, 0o600))


def live(count: int, snapshots: Iterable[int] = ()) -> History:
    """A history of so many records, with a snapshot behind each of the ``snapshots``' ones (from 1)."""
    history, kernel = History(), usernel.Kernel()
    for step in steps(kernel):
        known = len(kernel.facts) if history.records else 0
        step()
        history.take(kernel, known)
        if len(history.records) in snapshots:
            history.snapshots[history.last] = snapshot_of(kernel)
        if len(history.records) == count:
            history.final = snapshot_of(kernel)
            return history
    raise AssertionError("a history has no end")
