"""What outlives a reboot, and what does not."""

from __future__ import annotations

import pytest

import usernel
from usernel.kernel.durable import durable_state
from usernel.kernel.fold import FOLDS
from usernel.kernel.kernel import Kernel
from usernel.kernel.ns.ipc import IpcNamespace
from usernel.kernel.reboot import end_what_tasks_kept
from usernel.kernel.task import Task

from .shadow import restored

CREATE = "O_CREAT | O_RDWR"


@pytest.fixture
def kernel() -> usernel.Kernel:
    return usernel.Kernel()


def rebooted(kernel: usernel.Kernel) -> usernel.Kernel:
    """The kernel of the next start: by all facts and by a snapshot it is the same one."""
    again = usernel.Kernel()
    for fact in kernel.facts:
        FOLDS[type(fact)](again.model, fact)
    end_what_tasks_kept(again.model)
    by_snapshot = restored(kernel.model)
    end_what_tasks_kept(by_snapshot)
    assert durable_state(by_snapshot) == durable_state(again.model)
    return again


def initial(kernel: usernel.Kernel) -> IpcNamespace:
    return kernel.model.init.nsproxy.ipc


def inums(task: Task) -> set[int]:
    """The namespaces of a task that were made for it."""
    return {ns.inum for ns in (*task.nsproxy.everything, task.cred.user_ns) if ns.inum >= 0xF0000000}


def test_a_fresh_kernel_is_a_fresh_kernel(kernel: usernel.Kernel) -> None:
    again = rebooted(kernel)
    assert again.facts == []
    assert durable_state(again.model) == durable_state(Kernel())


def test_its_end_is_in_its_facts_and_comes_once(kernel: usernel.Kernel) -> None:
    task = kernel.fork(unshare="CLONE_NEWIPC")
    task.msgget(1, 0o1600)
    kernel.init.msgget(1, 0o1600, "ephemeral")
    kernel.init.mq_open("q", CREATE, 0o600, None, "ephemeral")
    again = rebooted(kernel)
    assert [type(fact).__name__ for fact in again.facts] == [
        "NamespaceFreed", "QueueRemoved", "MqUnlinked", "MqFreed",
    ]  # fmt: skip
    third = Kernel()
    for fact in [*kernel.facts, *again.facts]:
        FOLDS[type(fact)](third, fact)
    assert durable_state(third) == durable_state(again.model)
    end_what_tasks_kept(third)
    assert third.take_facts() == []


def test_queues_with_a_key_or_a_name_stay_with_their_messages(kernel: usernel.Kernel) -> None:
    task = kernel.fork(uid=1000, gid=1000)
    task.msgsnd_batch(task.msgget(7, 0o1600), [(1, b"a"), (2, b"b")])
    task.msgsnd(task.msgget("IPC_PRIVATE", 0o600), 1, b"c")
    task.mq_timedsend(task.mq_open("q", CREATE, 0o600), b"d", msg_prio=3)
    again = rebooted(kernel)
    assert durable_state(again.model) == durable_state(kernel.model)
    other = again.fork(uid=1000, gid=1000)
    assert other.msgrcv(other.msgget(7), msgtyp=2).out["data"] == b"b"
    assert other.mq_timedreceive(other.mq_open("q", "O_RDONLY")).out["data"] == b"d"
    assert again.model.mq_charges == kernel.model.mq_charges


def test_a_held_message_is_back_in_its_place(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    msqid = task.msgget(7, 0o1600)
    task.msgsnd_batch(msqid, [(1, b"a"), (1, b"b")])
    assert task.start("msgrcv", msqid, hold=True).done
    again = rebooted(kernel)
    assert [again.init.msgrcv(msqid).out["data"] for _ in range(2)] == [b"a", b"b"]


def test_pinned_namespaces_stay_with_their_numbers(kernel: usernel.Kernel) -> None:
    task = kernel.fork(uid=1000, unshare="CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET")
    task.msgget(7, 0o1600)
    task.sethostname("tenant")
    for inum in inums(task._task):
        kernel.init.ns_pin(inum, True)
    again = rebooted(kernel)
    assert again.facts == []
    assert durable_state(again.model) == durable_state(kernel.model)


def test_a_pin_keeps_the_owner_and_nothing_beside(kernel: usernel.Kernel) -> None:
    task = kernel.fork(uid=1000, unshare="CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS")
    task.msgget(7, 0o1600)
    ipc, owner = task._task.nsproxy.ipc.inum, task._task.cred.user_ns.inum
    kernel.init.ns_pin(ipc, True)
    again = rebooted(kernel)
    assert {ns.inum for ns in again.model.ns_tree if ns.inum >= 0xF0000000} == {ipc, owner}
    assert list(again.model.ipc_namespaces[ipc].msg_ids.by_key) == [7]
    again.init.ns_pin(ipc, False)
    assert {ns.inum for ns in again.model.ns_tree if ns.inum >= 0xF0000000} == set()


def test_namespaces_without_a_pin_end_with_their_queues(kernel: usernel.Kernel) -> None:
    task = kernel.fork(uid=1000, unshare="CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWPID")
    task.msgget(7, 0o1600)
    task.mq_open("q", CREATE, 0o600)
    task.unshare("CLONE_NEWIPC | CLONE_NEWUTS")
    again = rebooted(kernel)
    assert len(again.model.ns_tree) == len(Kernel().ns_tree)
    assert again.model.mq_charges == {}
    assert list(again.model.ipc_namespaces) == [initial(again).inum]


def test_limits_of_the_initial_namespaces_stay(kernel: usernel.Kernel) -> None:
    kernel.init.sysctl("kernel.msgmnb", 777)
    kernel.init.sysctl("user.max_ipc_namespaces", 5)
    kernel.init.sethostname("host")
    assert durable_state(rebooted(kernel).model) == durable_state(kernel.model)


def test_a_queue_without_a_name_ends_with_its_descriptors(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    mqdes = task.mq_open("q", CREATE, 0o600)
    task.mq_timedsend(mqdes, b"x", msg_prio=1)
    task.mq_unlink("q")
    again = rebooted(kernel)
    assert (initial(again).mq_inodes, again.model.mq_charges) == ({}, {})


@pytest.mark.parametrize("unlinked", [False, True])
def test_ephemeral_queues_end(kernel: usernel.Kernel, unlinked: bool) -> None:
    task = kernel.fork()
    msqid = task.msgget(7, 0o1600, "ephemeral")
    task.msgsnd(msqid, 1, b"x")
    kept = task.msgget(8, 0o1600)
    mqdes = task.mq_open("q", CREATE, 0o600, None, "ephemeral")
    task.mq_timedsend(mqdes, b"x", msg_prio=1)
    if unlinked:
        task.mq_unlink("q")
    again = rebooted(kernel)
    assert list(initial(again).msg_ids.by_key) == [8]
    assert (initial(again).mq_inodes, initial(again).mq_names, again.model.mq_charges) == ({}, {}, {})
    assert again.init.msgget(8) == kept


def test_numbers_are_never_given_again(kernel: usernel.Kernel) -> None:
    task = kernel.fork(unshare="CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWUSER")
    given = inums(task._task)
    ids = {kernel.init.msgget(0, 0o600, "ephemeral") for _ in range(3)}
    kernel.init.mq_open("q", CREATE, 0o600, None, "ephemeral")
    again = rebooted(rebooted_with(kernel))
    other = again.fork(unshare="CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWUSER")
    assert min(inums(other._task)) > max(given)
    assert again.init.msgget(0, 0o600) not in ids
    again.init.mq_open("r", CREATE, 0o600)
    assert initial(again).mq_names["r"].ino == 2


def rebooted_with(kernel: usernel.Kernel) -> usernel.Kernel:
    """A reboot whose facts follow those of the life before."""
    again = rebooted(kernel)
    again._facts[:0] = kernel.facts
    return again
