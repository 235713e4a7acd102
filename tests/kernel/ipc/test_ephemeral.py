"""Ephemeral queues: their calls wait for no disk, and a journal knows only that they were and that they ended."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

import usernel
from tests.runtime.lagging import LaggingJournal
from usernel.kernel.call import Call
from usernel.kernel.facts import Fact
from usernel.kernel.kernel import Kernel
from usernel.runtime import Runtime
from usernel.syscalls.table import TABLE

CREATE = "O_CREAT | O_RDWR"


class Lagging:
    """A runtime whose journal stands still, with something that waits for it already."""

    def __init__(self) -> None:
        self.journal = LaggingJournal()
        self.runtime = Runtime(Kernel(time.time_ns(), time.monotonic_ns()), self.journal)
        self.left: list[str] = []
        self.submit("msgget", 1, ["IPC_CREAT", 0o600])
        assert self.left == []

    def submit(self, name: str, *args: Any, hold: bool = False) -> Call:
        row = TABLE[name]
        task = self.runtime.kernel.default_task
        return self.runtime.submit(task, row, row.bind(args, {}), self._report, hold=hold)

    def at_once(self, name: str, *args: Any) -> Any:
        """What a call returns that must not wait."""
        call = self.submit(name, *args)
        assert self.left.pop() == name
        assert call.position == 0
        return call.outcome().ret

    def _report(self, call: Call) -> None:
        self.left.append(call.name if call.error is None else f"{call.name}: {call.error.number.name}")


@pytest.fixture
async def lagging() -> AsyncIterator[Lagging]:
    made = Lagging()
    yield made
    made.runtime.close()


async def test_system_v_calls_leave_before_what_waits(lagging: Lagging):
    msqid = lagging.at_once("msgget", 2, ["IPC_CREAT", 0o600], "ephemeral")
    assert lagging.at_once("msgget", 2) == msqid
    lagging.at_once("msgsnd", msqid, 1, b"x")
    lagging.at_once("msgsnd_batch", msqid, [{"mtype": 1, "data": b"y"}])
    lagging.at_once("msg_stat", msqid)
    lagging.at_once("msgrcv", msqid)
    lagging.at_once("msgrcv_batch", msqid, 8)
    lagging.at_once("msgctl", msqid, "IPC_SET", {"msg_qbytes": 100})
    assert lagging.left == []
    assert lagging.journal.facts() == ["QueueCreated", "QueueCreated"]


async def test_posix_calls_leave_before_what_waits(lagging: Lagging):
    mqdes = lagging.at_once("mq_open", "q", CREATE, 0o600, None, "ephemeral")
    lagging.at_once("mq_timedsend", mqdes, b"x")
    lagging.at_once("mq_timedsend_batch", mqdes, [{"priority": 1, "data": b"y"}])
    lagging.at_once("mq_timedreceive", mqdes)
    lagging.at_once("mq_timedreceive_batch", mqdes, 4)
    assert lagging.left == []
    assert lagging.journal.facts() == ["QueueCreated", "MqCreated"]


async def test_a_sleeper_leaves_when_it_is_woken(lagging: Lagging):
    msqid = lagging.at_once("msgget", 2, ["IPC_CREAT", 0o600], "ephemeral")
    lagging.submit("msgrcv", msqid)
    assert lagging.left == []
    lagging.submit("msgsnd", msqid, 1, b"x")
    assert sorted(lagging.left) == ["msgrcv", "msgsnd"]


async def test_a_failure_of_an_ephemeral_queue_leaves_at_once(lagging: Lagging):
    msqid = lagging.at_once("msgget", 2, ["IPC_CREAT", 0o600], "ephemeral")
    lagging.submit("msgrcv", msqid, 8, 0, "IPC_NOWAIT")
    assert lagging.left == ["msgrcv: ENOMSG"]


async def test_what_is_held_leaves_at_its_commit(lagging: Lagging):
    msqid = lagging.at_once("msgget", 2, ["IPC_CREAT", 0o600], "ephemeral")
    lagging.at_once("msgsnd", msqid, 1, b"x")
    call = lagging.submit("msgrcv", msqid, hold=True)
    assert (lagging.left, call.position) == (["msgrcv"], 0)
    assert lagging.runtime.commit(call)
    assert call.position == 0


async def test_a_kept_queue_beside_it_waits(lagging: Lagging):
    lagging.at_once("msgget", 2, ["IPC_CREAT", 0o600], "ephemeral")
    lagging.submit("msgsnd", 0, 1, b"kept")
    assert lagging.left == []
    lagging.journal.release()
    assert lagging.left == ["msgget", "msgsnd"]


async def test_a_notification_waits_for_nothing(lagging: Lagging):
    heard: list[Any] = []
    runtime = lagging.runtime
    runtime.streams.subscribe(runtime.kernel.default_task.pid, heard.append)
    fleeting = lagging.at_once("mq_open", "fleeting", CREATE, 0o600, None, "ephemeral")
    kept = lagging.submit("mq_open", "kept", CREATE, 0o600).outcome().ret
    for mqdes in (fleeting, kept):
        lagging.submit("mq_notify", mqdes, {"sigev_notify": "SIGEV_THREAD"})
        lagging.submit("mq_timedsend", mqdes, b"x")
    assert [output.name for output in heard] == ["fleeting"]
    lagging.journal.release()
    assert [output.name for output in heard] == ["fleeting", "kept"]


def names(facts: list[Fact]) -> list[str]:
    return [type(fact).__name__ for fact in facts]


@pytest.fixture
def kernel() -> usernel.Kernel:
    return usernel.Kernel()


def test_a_journal_has_its_beginning_and_its_end(kernel: usernel.Kernel):
    task = kernel.fork()
    msqid = task.msgget(1, 0o1600, "ephemeral")
    mqdes = task.mq_open("q", CREATE, 0o600, None, "ephemeral")
    task.msgsnd(msqid, 1, b"x")
    task.mq_timedsend(mqdes, b"x")
    task.read(mqdes, 100)
    task.msgctl(msqid, "IPC_SET", {"msg_perm": {"mode": 0o644}})
    task.msgrcv(msqid)
    task.mq_timedreceive(mqdes)
    task.msgctl(msqid, "IPC_RMID")
    task.mq_unlink("q")
    task.close(mqdes)
    assert names(kernel.facts) == ["QueueCreated", "MqCreated", "QueueRemoved", "MqUnlinked", "MqFreed"]


def test_a_namespace_may_make_them_so(kernel: usernel.Kernel):
    task = kernel.fork(unshare="CLONE_NEWIPC")
    task.sysctl("usernel.ephemeral", 1)
    assert task.msg_stat(task.msgget(1, 0o1600)).out["durability"] == "ephemeral"
    assert task.msg_stat(task.msgget(2, 0o1600, "durable")).out["durability"] == "durable"
    task.mq_open("q", CREATE, 0o600)
    assert task.mq_stat("q").out["durability"] == "ephemeral"
    assert kernel.init.msg_stat(kernel.init.msgget(1, 0o1600)).out["durability"] == "durable"


def test_what_is_there_stays_as_it_is(kernel: usernel.Kernel):
    task = kernel.fork()
    msqid = task.msgget(1, 0o1600, "ephemeral")
    assert task.msgget(1, 0o1600, "durable") == msqid
    assert task.msg_stat(msqid).out["durability"] == "ephemeral"
