"""Time in a test's hands, and calls that may sleep."""

from __future__ import annotations

import errno

import pytest

import usernel
from usernel.kernel.error import KernelError
from usernel.sim import CallHandle, WouldSleep
from usernel.sim.kernel import EPOCH_NS

SECOND = 10**9
EPOCH_S = EPOCH_NS // SECOND


@pytest.fixture
def kernel() -> usernel.Kernel:
    return usernel.Kernel()


def test_what_falls_due_happens_at_its_time_and_in_order(kernel: usernel.Kernel) -> None:
    """A lease (MONOTONIC) and time limits (REALTIME) in one step; each sees the time at which it happens."""
    task = kernel.fork()
    mqdes = task.mq_open("q", "O_CREAT | O_RDWR", 0o600)
    seen: list[tuple[str, int]] = []
    calls = {
        "third": task.start("mq_timedreceive", mqdes, None, (EPOCH_S + 3, 0)),
        "first": task.start("poll", [(mqdes, "POLLIN")], 1000),
    }
    kernel.fork(ttl=2)
    tick = kernel.model.tick

    def watched(realtime_ns: int, monotonic_ns: int) -> None:
        tick(realtime_ns, monotonic_ns)
        ended = [name for name, call in calls.items() if call.done]
        seen.extend((name, monotonic_ns) for name in ended)
        for name in ended:
            del calls[name]
        if kernel.stat()["tasks"] == 3 and "lease" not in dict(seen):
            seen.append(("lease", monotonic_ns))

    kernel.model.tick = watched  # type: ignore[method-assign]
    kernel.advance(10 * SECOND)
    assert seen == [("first", SECOND), ("lease", 2 * SECOND), ("third", 3 * SECOND)]
    assert kernel.model.monotonic_ns == 10 * SECOND
    assert kernel.model.realtime_ns == EPOCH_NS + 10 * SECOND


def test_time_passes_on_both_clocks_and_can_be_set_on_one(kernel: usernel.Kernel) -> None:
    kernel.advance(5)
    kernel.set_realtime(7)
    assert (kernel.model.realtime_ns, kernel.model.monotonic_ns) == (7, 5)
    kernel.advance(1)
    assert (kernel.model.realtime_ns, kernel.model.monotonic_ns) == (8, 6)


def test_queues_are_stamped_with_the_time_of_the_test(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    msqid = task.msgget(1, 0o1600)
    kernel.set_realtime(42 * SECOND)
    task.msgsnd(msqid, 1, b"")
    stat = task.msg_stat(msqid).out
    assert (stat["msg_ctime"], stat["msg_stime"], stat["msg_rtime"]) == (EPOCH_S, 42, 0)


def test_a_plain_call_that_would_sleep_says_so_and_is_taken_back(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    msqid = task.msgget(1, 0o1600)
    with pytest.raises(WouldSleep, match="msgrcv"):
        task.msgrcv(msqid)
    assert task.msg_stat(msqid).out["receivers"] == 0
    assert kernel.stat()["parked"] == 0
    task.msgsnd(msqid, 1, b"x")
    assert task.msgrcv(msqid).out["data"] == b"x"


def asleep(kernel: usernel.Kernel) -> tuple[usernel.sim.Task, int, CallHandle]:
    """A task, its queue, and its receive that sleeps on it."""
    task = kernel.fork()
    msqid = task.msgget(1, 0o1600)
    return task, msqid, task.start("msgrcv", msqid)


def test_a_sleeping_call_shows_that_it_sleeps(kernel: usernel.Kernel) -> None:
    task, _, call = asleep(kernel)
    assert not call.done
    assert call.error is None
    for look in (lambda: call.ret, lambda: call.out, call.outcome):
        with pytest.raises(WouldSleep):
            look()
    assert call.stat() == {"call": "msgrcv", "pid": task.pid, "state": "parked", "held": False}
    assert repr(call) == f"<msgrcv of task {task.pid}: parked>"
    assert [shown["call"] for shown in task.stat()["calls"]] == ["msgrcv"]


def test_an_interrupted_call_raises_its_error(kernel: usernel.Kernel) -> None:
    _, _, call = asleep(kernel)
    call.interrupt()
    assert call.error is not None
    for look in (lambda: call.ret, lambda: call.out, call.outcome):
        with pytest.raises(KernelError) as error:
            look()
        assert error.value is call.error
        assert error.value.name == "EINTR"
    call.interrupt()
    assert call.error.name == "EINTR"


def test_a_woken_call_has_its_result(kernel: usernel.Kernel) -> None:
    task, msqid, call = asleep(kernel)
    task.msgsnd(msqid, 5, b"abc")
    assert call.done
    assert (call.ret, call.out) == (3, {"mtype": 5, "data": b"abc"})
    call.interrupt()
    assert call.ret == 3, "what is done stays done"


def test_errors_are_os_errors_with_an_errno_and_a_sentence(kernel: usernel.Kernel) -> None:
    with pytest.raises(OSError, match="no queue is called q") as error:
        kernel.fork().mq_unlink("q")
    assert error.value.errno == errno.ENOENT


def test_rows_that_hand_nothing_back_answer_the_number(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    assert task.getpid() == task.pid
    assert task.umask("077") == 0o022
    assert task.call("getppid") == 1
    with pytest.raises(KeyError):
        task.start("no_call")
    with pytest.raises(KeyError):
        kernel.task(99999)


def test_a_queue_says_whether_it_outlives_the_service(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    msqid = task.msgget("IPC_PRIVATE", durability="ephemeral")
    task.mq_open("q", "O_CREAT", durability="ephemeral")
    shown = (task.msg_stat(msqid).out, task.mq_stat("q").out)
    assert [stat["durability"] for stat in shown if stat is not None] == ["ephemeral", "ephemeral"]
