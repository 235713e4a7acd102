"""Rings of tasks: what they wait for, what they hold, and how they end."""

from __future__ import annotations

from typing import Any

import pytest

import usernel
from tests.conformance.targets.invariants import check
from usernel.sim import CallHandle, Task

SECOND = 10**9
EBADF, ECANCELED, EINVAL, ETIME = 9, 125, 22, 62
GETEVENTS = "IORING_ENTER_GETEVENTS"
NOP = {"opcode": "IORING_OP_NOP"}
MULTI = "IORING_POLL_ADD_MULTI"
SHORT = {"tv_sec": 5, "tv_nsec": 0}


@pytest.fixture
def kernel() -> usernel.Kernel:
    return usernel.Kernel()


@pytest.fixture
def task(kernel: usernel.Kernel) -> Task:
    return kernel.fork()


@pytest.fixture
def jobs(task: Task) -> int:
    return task.mq_open("jobs", "O_CREAT | O_RDWR", 0o600, {"mq_maxmsg": 2, "mq_msgsize": 8})


def setup(task: Task, entries: int = 8, **params: Any) -> int:
    return task.io_uring_setup(entries, params).ret


def enter(task: Task, ring: int, *sqes: dict[str, Any]) -> list[tuple[int, int]]:
    """Submit, and what has completed: whose it is, and its result."""
    entered = task.io_uring_enter(ring, sqes=list(sqes), flags=GETEVENTS)
    assert entered.ret == len(sqes)
    return completed(entered)


def completed(entered: Any) -> list[tuple[int, int]]:
    return [(cqe["user_data"], cqe["res"]) for cqe in entered.out["cqes"]]


def wait(task: Task, ring: int, least: int = 1, **how: Any) -> CallHandle:
    return task.start("io_uring_enter", ring, None, least, GETEVENTS, **how)


def timeout(ns: int, user_data: int = 0, **more: Any) -> dict[str, Any]:
    return {"opcode": "IORING_OP_TIMEOUT", "ts_ns": ns, "user_data": user_data, **more}


def poll(fd: int, user_data: int = 0, events: str = "POLLIN", **more: Any) -> dict[str, Any]:
    return {"opcode": "IORING_OP_POLL_ADD", "fd": fd, "poll32_events": events, "user_data": user_data, **more}


# ------------------------------------------------------------------------------------------------------------- polls


def test_a_poll_completes_when_a_message_comes(task: Task, jobs: int) -> None:
    ring = setup(task)
    assert enter(task, ring, poll(jobs, 5)) == []
    waiting = wait(task, ring)
    task.mq_timedsend(jobs, b"x")
    assert (waiting.ret, completed(waiting)) == (0, [(5, 1)])
    assert enter(task, ring, poll(jobs, 6)) == [(6, 1)], "it is ready at once"


def test_a_poll_for_room_completes_when_a_message_goes(task: Task, jobs: int) -> None:
    ring = setup(task)
    task.mq_timedsend_batch(jobs, [(0, b"a"), (0, b"b")])
    assert enter(task, ring, poll(jobs, 5, "POLLOUT")) == []
    task.mq_timedreceive(jobs)
    assert enter(task, ring) == [(5, 4)]


def test_a_multishot_poll_goes_on_until_it_is_cancelled(task: Task, jobs: int) -> None:
    ring = setup(task)
    enter(task, ring, poll(jobs, 5, len=MULTI))
    for _ in range(2):
        task.mq_timedsend(jobs, b"x")
        entered = task.io_uring_enter(ring, flags=GETEVENTS)
        assert entered.out["cqes"] == [{"user_data": 5, "res": 1, "flags": 2}]
        task.mq_timedreceive(jobs)
    gone = enter(task, ring, {"opcode": "IORING_OP_POLL_REMOVE", "addr": 5, "user_data": 6})
    assert sorted(gone) == [(5, -ECANCELED), (6, 0)]


def test_what_polls_holds_the_file_open(kernel: usernel.Kernel, task: Task, jobs: int) -> None:
    ring = setup(task)
    enter(task, ring, poll(jobs, 5))
    task.close(jobs)
    assert task.mq_stat("jobs").out["files"] == 1
    other = kernel.fork()
    other.mq_timedsend(other.mq_open("jobs", "O_WRONLY"), b"x")
    assert enter(task, ring) == [(5, 1)]
    assert task.mq_stat("jobs").out["files"] == 1, "the other's"
    check(kernel.model)


def test_a_child_that_ends_is_seen_by_its_pidfd(kernel: usernel.Kernel, task: Task) -> None:
    ring, child = setup(task), task.child()
    enter(task, ring, poll(task.pidfd_open(child.pid), 5))
    task.kill(child.pid, 9)
    assert enter(task, ring) == [(5, 1)]


@pytest.mark.parametrize("fd", [99, -1])
def test_a_descriptor_that_is_not_open(task: Task, fd: int) -> None:
    assert enter(task, setup(task), poll(fd, 5)) == [(5, -EBADF)]


# ------------------------------------------------------------------------------------------------------------- times


def test_a_timeout_fires_at_its_time_and_not_before(kernel: usernel.Kernel, task: Task) -> None:
    ring = setup(task)
    assert enter(task, ring, timeout(SECOND, 5)) == []
    waiting = wait(task, ring)
    kernel.advance(SECOND - 1)
    assert not waiting.done
    kernel.advance(1)
    assert completed(waiting) == [(5, -ETIME)]
    assert kernel.model.next_deadline_in() is None


def test_timeouts_fire_in_the_order_of_their_times(kernel: usernel.Kernel, task: Task) -> None:
    ring = setup(task)
    enter(task, ring, *(timeout(seconds * SECOND, seconds) for seconds in (3, 1, 2)))
    kernel.advance(2 * SECOND)
    assert enter(task, ring) == [(1, -ETIME), (2, -ETIME)]
    gone = enter(task, ring, {"opcode": "IORING_OP_TIMEOUT_REMOVE", "addr": 3, "user_data": 9})
    assert sorted(gone) == [(3, -ECANCELED), (9, 0)]
    assert kernel.model.next_deadline_in() is None


def test_a_timeout_is_set_anew(kernel: usernel.Kernel, task: Task) -> None:
    ring = setup(task)
    update = {
        "opcode": "IORING_OP_TIMEOUT_REMOVE",
        "addr": 5,
        "ts_ns": 3 * SECOND,
        "timeout_flags": "IORING_TIMEOUT_UPDATE",
    }
    assert enter(task, ring, timeout(SECOND, 5), {**update, "user_data": 6}) == [(6, 0)]
    kernel.advance(3 * SECOND - 1)
    assert enter(task, ring) == []
    kernel.advance(1)
    assert enter(task, ring) == [(5, -ETIME)]


@pytest.mark.parametrize(("step", "fires"), [(-3, False), (0, True), (3, True)])
def test_a_timeout_of_the_time_of_day_follows_a_clock_that_is_set(
    kernel: usernel.Kernel, task: Task, step: int, fires: bool
):
    ring = setup(task)
    at = kernel.model.realtime_ns + 4 * SECOND
    flags = ["IORING_TIMEOUT_ABS", "IORING_TIMEOUT_REALTIME"]
    enter(task, ring, timeout(at, 5, timeout_flags=flags))
    kernel.advance(SECOND)
    kernel.set_realtime(kernel.model.realtime_ns + step * SECOND)
    assert enter(task, ring) == ([(5, -ETIME)] if step == 3 else [])
    kernel.advance(3 * SECOND)
    assert enter(task, ring) == ([(5, -ETIME)] if step == 0 else [])
    kernel.advance(3 * SECOND)
    assert enter(task, ring) == ([] if fires else [(5, -ETIME)])


def test_a_timeout_that_counts_completions(task: Task) -> None:
    ring = setup(task)
    assert enter(task, ring, timeout(SECOND, 5, off=2)) == []
    assert enter(task, ring, {**NOP, "user_data": 1}) == [(1, 0)]
    assert enter(task, ring, {**NOP, "user_data": 2}) == [(2, 0), (5, 0)]


def test_a_wait_ends_at_its_time(kernel: usernel.Kernel, task: Task) -> None:
    ring = setup(task)
    waiting = wait(task, ring, timeout=SHORT)
    kernel.advance(5 * SECOND - 1)
    assert not waiting.done
    kernel.advance(1)
    assert waiting.error is not None
    assert waiting.error.name == "ETIME"


def test_a_wait_that_has_something_ends_with_it(kernel: usernel.Kernel, task: Task) -> None:
    ring = setup(task)
    waiting = wait(task, ring, 2, sqes=[{**NOP, "user_data": 1}], timeout=SHORT)
    assert not waiting.done
    waiting.interrupt()
    assert (waiting.ret, completed(waiting)) == (1, [(1, 0)])
    alone = wait(task, ring)
    alone.interrupt()
    assert alone.error.name == "EINTR"


def test_a_signal_ends_a_wait(kernel: usernel.Kernel, task: Task) -> None:
    task.rt_sigaction(10, {"sa_handler": "SIG_CATCH"})
    waiting = wait(task, setup(task))
    kernel.fork().kill(task.pid, 10)
    assert waiting.error.name == "EINTR"


# ------------------------------------------------------------------------------------------------------------ chains


def test_a_chain_goes_on_when_its_time_has_come(kernel: usernel.Kernel, task: Task) -> None:
    ring = setup(task)
    link = {"flags": "IOSQE_IO_HARDLINK"}
    assert enter(task, ring, timeout(SECOND, 1, **link), {**NOP, "user_data": 2}) == []
    kernel.advance(SECOND)
    assert enter(task, ring) == [(1, -ETIME), (2, 0)]


def test_a_broken_chain_is_cancelled(kernel: usernel.Kernel, task: Task) -> None:
    ring = setup(task)
    enter(task, ring, timeout(SECOND, 1, flags="IOSQE_IO_LINK"), {**NOP, "user_data": 2})
    kernel.advance(SECOND)
    assert enter(task, ring) == [(1, -ETIME), (2, -ECANCELED)]


def test_a_link_timeout_ends_a_poll(kernel: usernel.Kernel, task: Task, jobs: int) -> None:
    ring = setup(task)
    link = {"opcode": "IORING_OP_LINK_TIMEOUT", "ts_ns": SECOND, "user_data": 2}
    enter(task, ring, poll(jobs, 1, flags="IOSQE_IO_LINK"), link)
    kernel.advance(SECOND)
    assert sorted(enter(task, ring)) == [(1, -ECANCELED), (2, -ETIME)]


# ------------------------------------------------------------------------------------------------- rings among rings


def test_a_ring_tells_another(kernel: usernel.Kernel, task: Task) -> None:
    here, there = setup(task), setup(task)
    waiting = wait(task, there)
    message = {"opcode": "IORING_OP_MSG_RING", "fd": there, "off": 77, "len": 5, "user_data": 1}
    assert enter(task, here, message) == [(1, 0)]
    assert completed(waiting) == [(77, 5)]


def test_a_ring_is_polled_by_poll_and_by_another_ring(kernel: usernel.Kernel, task: Task) -> None:
    here, there = setup(task), setup(task)
    polling = task.start("poll", [(there, "POLLIN")])
    enter(task, here, poll(there, 5, len=MULTI))
    enter(task, there, timeout(SECOND, 6))
    assert not polling.done
    kernel.advance(SECOND)
    assert polling.ret == 1
    assert [(user_data, res & 1) for user_data, res in enter(task, here)] == [(5, 1)]
    check(kernel.model)


def test_a_ring_that_polls_itself_ends_with_its_task(kernel: usernel.Kernel, task: Task) -> None:
    pidfd = task.pidfd_open(task.child().pid)
    ring, other = setup(task), setup(task, flags=["IORING_SETUP_SINGLE_ISSUER", "IORING_SETUP_DEFER_TASKRUN"])
    enter(task, ring, poll(ring, 1), poll(other, 2), timeout(SECOND, 3))
    enter(task, other, poll(ring, 1), timeout(SECOND, 2), poll(pidfd))
    kernel.init.kill(task.pid, 9)
    assert kernel.model.next_deadline_in() is None
    check(kernel.model)


def test_a_child_shares_the_ring(kernel: usernel.Kernel, task: Task) -> None:
    ring = setup(task)
    child = task.child()
    enter(child, ring, timeout(SECOND, 5))
    kernel.init.kill(child.pid, 9)
    kernel.advance(SECOND)
    assert enter(task, ring) == [(5, -ETIME)]


# -------------------------------------------------------------------------------------------------------------- ends


def test_closed_with_much_in_flight_it_lets_go_of_everything(kernel: usernel.Kernel, task: Task, jobs: int) -> None:
    ring = setup(task, 64, flags="IORING_SETUP_CQSIZE", cq_entries=64)
    task.io_uring_register(ring, "IORING_REGISTER_FILES", [jobs, -1])
    sqes = [
        poll(jobs, 1, len=MULTI),
        poll(0, 2, flags="IOSQE_FIXED_FILE"),
        timeout(SECOND, 3),
        timeout(SECOND, 4, off=9),
    ]
    enter(task, ring, *sqes * 8)
    enter(task, ring, poll(jobs, flags="IOSQE_IO_LINK"), NOP, {**NOP, "flags": "IOSQE_IO_DRAIN"}, NOP)
    assert task.io_uring_stat(ring).out["requests"] == 36
    check(kernel.model)
    task.close(ring)
    assert kernel.model.next_deadline_in() is None
    assert task.mq_stat("jobs").out["files"] == 1
    task.mq_timedsend(jobs, b"x")
    check(kernel.model)


def test_who_waits_holds_it_open(kernel: usernel.Kernel, task: Task) -> None:
    ring = setup(task)
    waiting = wait(task, ring, sqes=[timeout(SECOND, 5)])
    task.close(ring)
    kernel.advance(SECOND)
    assert completed(waiting) == [(5, -ETIME)]
    assert task.start("io_uring_enter", ring).error.name == "EBADF"


def test_completions_without_room_are_kept(task: Task) -> None:
    ring = setup(task, 2, flags="IORING_SETUP_CQSIZE", cq_entries=2)
    for number in range(3):
        task.io_uring_enter(ring, 0, sqes=[{**NOP, "user_data": 2 * number}, {**NOP, "user_data": 2 * number + 1}])
        assert task.start("io_uring_enter", ring, 2, hold=True).out is not None
    # Each of the calls above took what there was, and nobody has committed: now all are given back.
    for call in list(task._task.holding):
        task._kernel.model.abort(call)
    assert sorted(user_data for user_data, _ in enter(task, ring)) == list(range(6))


# ---------------------------------------------------------------------------------------------------- hold and abort


def test_what_a_caller_could_not_take_is_there_for_the_next(kernel: usernel.Kernel, task: Task) -> None:
    ring = setup(task)
    held = task.start("io_uring_enter", ring, sqes=[{**NOP, "user_data": 1}, {**NOP, "user_data": 2}], hold=True)
    assert enter(task, ring, {**NOP, "user_data": 3}) == [(3, 0)]
    waiting = wait(task, ring, 2)
    assert not waiting.done
    held.abort()
    assert completed(waiting) == [(1, 0), (2, 0)]
    kept = task.start("io_uring_enter", ring, sqes=[NOP], hold=True)
    assert kept.commit()
    assert enter(task, ring) == []
    check(kernel.model)


# --------------------------------------------------------------------------------------------------------- the calls


def test_what_is_no_ring(task: Task, jobs: int) -> None:
    for name in ("io_uring_enter", "io_uring_stat"):
        assert task.start(name, jobs).error.name == "EOPNOTSUPP"
        assert task.start(name, 99).error.name == "EBADF"
    assert task.start("io_uring_register", jobs, "IORING_REGISTER_PROBE").error.name == "EOPNOTSUPP"
    assert task.start("io_uring_enter", 99, flags=1 << 30).error.name == "EINVAL"


def test_a_task_has_as_many_rings_as_descriptors(task: Task) -> None:
    task.prlimit64(0, "RLIMIT_NOFILE", (2, 4096))
    assert [setup(task), setup(task)] == [0, 1]
    assert task.start("io_uring_setup", 1).error.name == "EMFILE"


def test_the_sqpoll_thread_takes_what_is_there(task: Task) -> None:
    ring = setup(task, flags="IORING_SETUP_SQPOLL")
    assert enter(task, ring, {**NOP, "user_data": 1}) == [(1, 0)]


def test_a_single_issuer_is_the_only_one(task: Task) -> None:
    ring = setup(task, flags="IORING_SETUP_SINGLE_ISSUER")
    assert task.child().start("io_uring_enter", ring, sqes=[NOP]).error.name == "EEXIST"
    assert enter(task, ring, NOP) == [(0, 0)]


def test_flags_of_several_names(task: Task) -> None:
    ring = setup(task)
    inject = {**NOP, "nop_flags": ["IORING_NOP_INJECT_RESULT", "IORING_NOP_TW"], "len": 7}
    assert enter(task, ring, inject, {**NOP, "rw_flags": 1, "len": 2**32 - 1}) in ([(0, 7), (0, -1)], [(0, -1), (0, 7)])
    assert enter(task, ring, {**NOP, "rw_flags": 1 << 20}) == [(0, -EINVAL)]


def test_a_wait_by_another_clock_ends_too(kernel: usernel.Kernel, task: Task) -> None:
    ring = setup(task)
    task.io_uring_register(ring, "IORING_REGISTER_CLOCK", {"clockid": 7})
    waiting = wait(task, ring, timeout=SHORT)
    kernel.advance(5 * SECOND)
    assert waiting.error.name == "ETIME"


# ---------------------------------------------------------------------------------------------------------- register


@pytest.mark.parametrize(
    ("opcode", "arg", "result"),
    [
        ("IORING_REGISTER_FILES", [0, -1], 0),
        ("IORING_REGISTER_FILES2", {"nr": 4, "flags": "IORING_RSRC_REGISTER_SPARSE"}, 0),
        ("IORING_REGISTER_FILES2", {"nr": 2, "data": [0, -1], "tags": [5, 0]}, 0),
        ("IORING_REGISTER_FILES2", {"nr": 2, "data": [0]}, "EFAULT"),
        ("IORING_REGISTER_FILES_UPDATE", {"offset": 0, "fds": [0]}, "ENXIO"),
        ("IORING_REGISTER_PERSONALITY", None, 1),
        ("IORING_REGISTER_PERSONALITY", 5, "EINVAL"),
        ("IORING_REGISTER_SYNC_CANCEL", {"addr": 5}, "ENOENT"),
        ("IORING_REGISTER_SYNC_CANCEL", {"addr": 5, "timeout": {"tv_sec": 0, "tv_nsec": 1}}, "ENOENT"),
        ("IORING_REGISTER_FILE_ALLOC_RANGE", {"off": 1, "len": 1}, "EINVAL"),
        ("IORING_REGISTER_RESTRICTIONS", [{"opcode": "IORING_RESTRICTION_SQE_OP", "sqe_op": 0}], "EBADFD"),
        ("IORING_REGISTER_RING_FDS", [1], "EINVAL"),
        ("IORING_REGISTER_FILES", {"no": "list"}, "EFAULT"),
        ("IORING_REGISTER_FILES", ["1"], "EFAULT"),
        ("IORING_UNREGISTER_PERSONALITY", None, "EINVAL"),
        ("IORING_UNREGISTER_FILES", None, "ENXIO"),
        (1 << 31, None, "EINVAL"),
    ],
)
def test_what_is_registered(task: Task, jobs: int, opcode: str | int, arg: Any, result: int | str) -> None:
    call = task.start("io_uring_register", setup(task), opcode, arg)
    assert (call.ret if call.error is None else call.error.name) == result


def test_files_are_replaced_and_let_go(kernel: usernel.Kernel, task: Task, jobs: int) -> None:
    ring = setup(task)
    task.io_uring_register(ring, "IORING_REGISTER_FILES2", {"nr": 2, "data": [jobs, -1], "tags": [77, 0]})
    update = {"offset": 0, "data": [-1, jobs]}
    assert task.io_uring_register(ring, "IORING_REGISTER_FILES_UPDATE2", update).ret == 2
    assert enter(task, ring) == [(77, 0)], "the tag of what was in the slot"
    task.io_uring_register(ring, "IORING_REGISTER_FILE_ALLOC_RANGE", {"off": 0, "len": 1})
    any_slot = {"opcode": "IORING_OP_FILES_UPDATE", "fds": [jobs], "off": 2**32 - 1, "user_data": 1}
    assert enter(task, ring, any_slot) == [(1, 1)]
    check(kernel.model)
    task.io_uring_register(ring, "IORING_UNREGISTER_FILES")
    assert task.mq_stat("jobs").out["files"] == 1
    check(kernel.model)


def test_a_ring_is_restricted_before_it_is_enabled(task: Task) -> None:
    ring = setup(task, flags="IORING_SETUP_R_DISABLED")
    rules = [
        {"opcode": "IORING_RESTRICTION_SQE_OP", "sqe_op": "IORING_OP_NOP"},
        {"opcode": "IORING_RESTRICTION_REGISTER_OP", "register_op": "IORING_REGISTER_PROBE"},
        {"opcode": "IORING_RESTRICTION_SQE_FLAGS_ALLOWED", "sqe_flags": ["IOSQE_IO_LINK"]},
    ]
    task.io_uring_register(ring, "IORING_REGISTER_RESTRICTIONS", rules)
    task.io_uring_register(ring, "IORING_REGISTER_ENABLE_RINGS")
    assert enter(task, ring, {**NOP, "flags": "IOSQE_IO_LINK"}, NOP) == [(0, 0), (0, 0)]
    assert enter(task, ring, {**NOP, "flags": "IOSQE_ASYNC"}) == [(0, -13)]
    assert enter(task, ring, timeout(SECOND)) == [(0, -13)]
    assert task.start("io_uring_register", ring, "IORING_REGISTER_PERSONALITY").error.name == "EACCES"
    assert len(task.io_uring_register(ring, "IORING_REGISTER_PROBE").out["ops"]) == 63
