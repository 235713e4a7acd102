"""Holds whose queue, namespace or task ends before they do."""

from __future__ import annotations

import pytest

import usernel
from tests.conformance.targets.invariants import check
from tests.kernel.shadow import Shadow
from usernel.sim import CallHandle, Task

CREATE = "O_CREAT | O_RDWR"


@pytest.fixture
def kernel() -> usernel.Kernel:
    return usernel.Kernel()


def settled(kernel: usernel.Kernel) -> None:
    """What holds after every test."""
    check(kernel.model)
    Shadow(kernel).follow()


def system_v(task: Task, *bodies: bytes) -> int:
    """A queue with these messages of type 1."""
    msqid = task.msgget("IPC_PRIVATE", 0o666)
    task.msgsnd_batch(msqid, [(1, body) for body in bodies])
    return msqid


def posix(task: Task, name: str, *bodies: bytes, most: int = 4) -> int:
    """A queue with these messages of priority 0."""
    mqdes = task.mq_open(name, CREATE, 0o666, (most, 8))
    task.mq_timedsend_batch(mqdes, [(0, body) for body in bodies])
    return mqdes


def hold(task: Task, row: str, queue: int) -> CallHandle:
    """A receive that has its message, and has not said so."""
    call = task.start(row, queue, hold=True)
    assert call.done
    return call


@pytest.mark.parametrize("commit", [True, False])
def test_a_removed_queue_takes_what_is_held_with_it(kernel: usernel.Kernel, commit: bool) -> None:
    task = kernel.fork()
    msqid = system_v(task, b"x")
    call = hold(task, "msgrcv", msqid)
    task.msgctl(msqid, "IPC_RMID")
    facts = len(kernel.facts)
    assert call.commit() if commit else call.abort() is None
    assert len(kernel.facts) == facts, "a queue that is gone changed"
    assert (call.error is None) is commit
    settled(kernel)


@pytest.mark.parametrize("commit", [True, False])
def test_an_unlinked_queue_lives_until_its_last_descriptor(kernel: usernel.Kernel, commit: bool) -> None:
    task = kernel.fork()
    mqdes = posix(task, "q", b"x", b"y")
    call = hold(task, "mq_timedreceive", mqdes)
    task.mq_unlink("q")
    settled(kernel)
    if commit:
        assert call.commit()
    else:
        call.abort()
    assert task.mq_timedreceive(mqdes).out["data"] == (b"y" if commit else b"x")
    task.close(mqdes)
    assert kernel.model.mq_charges == {}
    settled(kernel)


@pytest.mark.parametrize("commit", [True, False])
def test_a_freed_queue_takes_what_is_held_with_it(kernel: usernel.Kernel, commit: bool) -> None:
    task = kernel.fork()
    mqdes = posix(task, "q", b"x")
    call = hold(task, "mq_timedreceive", mqdes)
    task.mq_unlink("q")
    task.close(mqdes)
    facts = len(kernel.facts)
    assert call.commit() if commit else call.abort() is None
    assert len(kernel.facts) == facts
    settled(kernel)


@pytest.mark.parametrize("commit", [True, False])
def test_a_namespace_that_ends_takes_what_is_held_with_it(kernel: usernel.Kernel, commit: bool) -> None:
    task = kernel.fork(unshare="CLONE_NEWIPC")
    call = hold(task, "msgrcv", system_v(task, b"x"))
    task.unshare("CLONE_NEWIPC")
    facts = len(kernel.facts)
    assert call.commit() if commit else call.abort() is None
    assert len(kernel.facts) == facts
    settled(kernel)


def test_sleepers_of_a_namespace_that_ends_find_their_queue_removed(kernel: usernel.Kernel) -> None:
    task = kernel.fork(unshare="CLONE_NEWIPC")
    full = system_v(task, b"x")
    task.msgctl(full, "IPC_SET", {"msg_qbytes": 1})
    sleepers = [task.start("msgsnd", full, 1, b"y"), task.start("msgrcv", task.msgget("IPC_PRIVATE", 0o600))]
    task.unshare("CLONE_NEWIPC")
    assert [call.error and call.error.name for call in sleepers] == ["EIDRM", "EIDRM"]
    settled(kernel)


@pytest.mark.parametrize("row", ["msgrcv", "mq_timedreceive"])
def test_a_task_that_is_killed_gives_back_what_it_holds(kernel: usernel.Kernel, row: str) -> None:
    parent = kernel.fork()
    queue = system_v(parent, b"x", b"y") if row == "msgrcv" else posix(parent, "q", b"x", b"y")
    child = parent.child()
    call = hold(child, row, queue)
    parent.kill(child.pid, 9)
    assert not call.commit()
    assert call.error is not None
    assert call.error.name == "EINTR"
    assert parent.call(row, queue).out["data"] == b"x"
    settled(kernel)


@pytest.mark.parametrize("row", ["msgrcv", "mq_timedreceive"])
def test_what_is_handed_to_a_task_that_dies_at_that_moment_is_given_back(kernel: usernel.Kernel, row: str) -> None:
    """The parent's end gives its held message to its child, and kills that child before it runs."""
    grandparent = kernel.fork()
    queue = system_v(grandparent, b"x") if row == "msgrcv" else posix(grandparent, "q", b"x")
    parent = grandparent.child()
    child = parent.child(pdeathsig="SIGKILL")
    hold(parent, row, queue)
    handed = child.start(row, queue, hold=True)
    assert not handed.done
    parent.exit_group()
    assert child.exited
    assert not handed.commit()
    assert grandparent.call(row, queue).out["data"] == b"x"
    settled(kernel)


def test_a_sender_that_dies_between_its_wake_up_and_its_turn_sends_nothing(kernel: usernel.Kernel) -> None:
    """The parent's end makes room that its child waits for, and kills that child before it runs."""
    root = kernel.fork()
    msqid = system_v(root, b"x")
    root.msgctl(msqid, "IPC_SET", {"msg_qbytes": 1})
    parent = root.child()
    child = parent.child(pdeathsig="SIGKILL")
    sleeper = child.start("msgsnd", msqid, 1, b"y")
    holder = root.start("msgrcv", msqid, hold=True)
    other = root.start("msgsnd", msqid, 1, b"z")
    kernel.model._inside = True  # as if a call were running: what is woken waits for its turn
    holder.commit()
    kernel.model.exit(parent._task)
    kernel.model._inside = False
    kernel.model._settle()
    assert sleeper.done
    assert other.done
    assert root.msgrcv(msqid).out["data"] == b"z"
    settled(kernel)


def test_both_steps_say_what_happened_once(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    msqid = system_v(task, b"x")
    call = hold(task, "msgrcv", msqid)
    assert call.commit()
    facts = len(kernel.facts)
    assert call.commit()
    call.abort()
    assert len(kernel.facts) == facts
    assert call.error is None
    assert task.msg_stat(msqid).out["msg_qnum"] == 0


def test_a_held_message_keeps_senders_asleep_until_it_is_committed(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    mqdes = posix(task, "q", b"x", most=1)
    call = hold(task, "mq_timedreceive", mqdes)
    sender = task.start("mq_timedsend", mqdes, b"y")
    receiver = task.start("mq_timedreceive", mqdes)
    assert not sender.done
    assert not receiver.done
    call.commit()
    assert sender.done
    assert receiver.out == {"priority": 0, "data": b"y"}
    settled(kernel)


@pytest.mark.parametrize(("commit", "lrpid"), [(True, True), (False, False)])
def test_lrpid_and_rtime_change_at_commit(kernel: usernel.Kernel, commit: bool, lrpid: bool) -> None:
    task = kernel.fork()
    msqid = system_v(task, b"x")
    call = hold(task, "msgrcv", msqid)
    kernel.advance(5 * 10**9)
    assert task.msg_stat(msqid).out["msg_lrpid"] == 0
    call.commit() if commit else call.abort()
    stat = task.msg_stat(msqid).out
    assert (stat["msg_lrpid"] == task.pid, stat["msg_rtime"] == kernel.model.seconds) == (lrpid, lrpid)
