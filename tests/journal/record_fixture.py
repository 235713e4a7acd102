"""Makes the journal that later versions must be able to read: ``python -m tests.journal.record_fixture``.

It writes ``fixtures/VERSION`` for the version of now: a data directory that was closed, and in ``state.json`` the
durable state that it stands for, and what of it outlives a reboot.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import usernel
from usernel.journal.directory import DataDirectory
from usernel.journal.sqlite import SqliteStorage
from usernel.kernel import facts
from usernel.kernel.durable import durable_state
from usernel.kernel.kernel import Kernel
from usernel.kernel.reboot import end_what_tasks_kept
from usernel.sim import Task
from usernel.version import __version__

from .histories import folded, record_of, snapshot_of
from .storing import make_snapshot

FIXTURES = Path(__file__).parent / "fixtures"
SECOND = 10**9


class Recording:
    """A kernel whose history goes into a journal."""

    def __init__(self, directory: Path) -> None:
        self.kernel = usernel.Kernel()
        self.storage = SqliteStorage(DataDirectory(directory), facts.VERSION)
        self._recorded = 0

    def record(self) -> None:
        """What happened since the last time is a record."""
        happened = self.kernel.facts[self._recorded :]
        self._recorded += len(happened)
        self.storage.append(record_of(self._recorded, happened))

    def run(self) -> None:
        """A history with something of every kind, a snapshot in the middle of it."""
        tenant = self.namespaces()
        self.record()
        self.system_v(tenant)
        self.record()
        jobs, unlinked = self.posix(tenant)
        self.record()
        make_snapshot(self.storage, snapshot_of(self.kernel))
        self.kernel.advance(3 * SECOND)
        tenant.msgsnd(tenant.msgget(0x4D2), 7, b"behind the snapshot")
        self.record()
        tenant.mq_timedreceive(jobs)
        tenant.mq_timedsend(unlinked, b"without a name", msg_prio=1)
        self.record()
        self.kernel.init.msgctl(self.kernel.init.msgget(1), "IPC_RMID")
        self.kernel.init.msgget(3, "IPC_CREAT | 0640")
        self.kernel.fork(unshare="CLONE_NEWIPC").msgget(1, "IPC_CREAT | 0600")
        self.record()

    def namespaces(self) -> Task:
        """Namespaces with and without a pin; the task in those with one."""
        tenant = self.kernel.fork(uid=1000, gid=2000, unshare="CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS")
        tenant.unshare("CLONE_NEWTIME")
        self.kernel.init.proc_pid_write(tenant.pid, "uid_map", "0 1000 10\n")
        self.kernel.init.proc_pid_write(tenant.pid, "setgroups", "deny")
        self.kernel.init.proc_pid_write(tenant.pid, "gid_map", "0 2000 1\n")
        tenant.proc_pid_write(0, "timens_offsets", "monotonic 6000 5\nboottime 12000 7\n")
        tenant.sethostname("tenant")
        tenant.setdomainname("example.org")
        for name, value in (("kernel.msgmnb", 5000), ("kernel.msgmax", 4000), ("fs.mqueue.msg_max", 20)):
            tenant.sysctl(name, value)
        task = tenant._task
        for ns in (task.nsproxy.ipc, task.nsproxy.uts, task.nsproxy.time_for_children, task.cred.user_ns):
            self.kernel.init.ns_pin(ns.inum, True)
        return tenant

    def system_v(self, tenant: Task) -> None:
        """Queues with messages, one that is ephemeral, ids that were used before, one that is chosen."""
        msqid = tenant.msgget(0x4D2, "IPC_CREAT | 0660")
        tenant.msgsnd_batch(msqid, [(1, b"one"), (2, bytes(range(256))), (1, b""), (3, b"drei" * 100)])
        self.kernel.advance(2 * SECOND)
        tenant.msgsnd(msqid, 5, b"later")
        tenant.msgrcv(msqid, 8192, 2)
        init = self.kernel.init
        for key in (1, 2):
            init.msgget(key, "IPC_CREAT | 0600")
        for _ in range(3):
            init.msgctl(init.msgget("IPC_PRIVATE", 0o600), "IPC_RMID")
        init.msgctl(init.msgget(2), "IPC_SET", {"msg_perm": {"uid": 7, "gid": 8, "mode": 0o640}, "msg_qbytes": 999})
        fleeting = init.msgget(9, "IPC_CREAT | 0600", "ephemeral")
        init.msgsnd(fleeting, 1, b"no journal has this")
        init.sysctl("kernel.msg_next_id", 20)
        init.msgget("IPC_PRIVATE", 0o600)

    def posix(self, tenant: Task) -> tuple[int, int]:
        """Queues with messages, one that is ephemeral, one that is unlinked and open: two descriptors."""
        jobs = tenant.mq_open("jobs", "O_CREAT | O_RDWR", 0o600, (8, 512))
        tenant.mq_timedsend_batch(jobs, [(3, b"high"), (0, b"low"), (3, b"next"), (32767, "höchste".encode())])
        unlinked = tenant.mq_open("gone", "O_CREAT | O_RDWR", 0o600, (4, 64))
        tenant.mq_unlink("gone")
        fleeting = tenant.mq_open("fleeting", "O_CREAT | O_RDWR", 0o600, (4, 64), "ephemeral")
        tenant.mq_timedsend(fleeting, b"no journal has this", msg_prio=1)
        return jobs, unlinked


def as_json(value: Any) -> Any:
    """Durable state as JSON has it: bytes in hexadecimal, and every key text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, (list, tuple)) else value


def rebooted(kernel: Kernel) -> Kernel:
    """A kernel that was recovered, after the end of what does not outlive that."""
    end_what_tasks_kept(kernel)
    return kernel


def record(directory: Path) -> None:
    """Write a fixture."""
    shutil.rmtree(directory, ignore_errors=True)
    recording = Recording(directory)
    recording.run()
    lived = as_json(durable_state(recording.kernel.model))
    kernel = folded(recording.storage.read())
    assert as_json(durable_state(kernel)) == lived
    state = {"position": kernel.position, "state": lived, "rebooted": as_json(durable_state(rebooted(kernel)))}
    recording.storage.close()
    for name in ("lock", "acked"):
        (directory / name).unlink()
    (directory / "state.json").write_text(json.dumps(state, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record(FIXTURES / __version__)
    print(f"written: {FIXTURES / __version__}")
