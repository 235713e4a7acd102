"""Limits at the limit and one past it, those that the cases of conformance/ do not reach.

msgmax, msgmnb, msgmni, msg_max, msgsize_max, queues_max, RLIMIT_MSGQUEUE, RLIMIT_NOFILE of descriptors,
RLIMIT_SIGPENDING, NAME_MAX and MQ_PRIO_MAX are compared with Linux there; RLIMIT_NPROC stands in test_tasks.
"""

from __future__ import annotations

from typing import Any

import pytest

import usernel
from usernel.abi.ipc import IPCMNI
from usernel.kernel.error import KernelError
from usernel.syscalls.msg import LIST_LIMIT

LISTS: dict[str, dict[str, Any]] = {
    "msg_list": {},
    "msg_peek": {"msqid": 0},
    "mq_list": {},
    "mq_peek": {"mqdes": 0},
    "task_list": {},
}


@pytest.fixture
def task() -> usernel.sim.Task:
    """A task with more than a page of everything."""
    task = usernel.Kernel().fork()
    task.prlimit64(0, "RLIMIT_MSGQUEUE", (2**40, 2**40))
    task.prlimit64(0, "RLIMIT_NOFILE", (4096, 4096))
    task.mq_open("full", "O_CREAT | O_RDWR", 0o600, (LIST_LIMIT + 1, 1))
    task.mq_timedsend_batch(0, [(0, b"")] * (LIST_LIMIT + 1))
    task.msgsnd_batch(task.msgget(1, 0o1600), [(1, b"")] * (LIST_LIMIT + 1))
    for number in range(LIST_LIMIT):
        task.msgget("IPC_PRIVATE", 0o600)
        task.mq_open(f"q{number}", "O_CREAT | O_RDWR", 0o600, (1, 1))
        task.close(1)
        task.child()
    return task


def errno_of(task: usernel.sim.Task, name: str, /, *args: Any, **named: Any) -> str:
    """The errno that a call ends with, or ``ok``."""
    error = task.start(name, *args, **named).error
    return error.name if error else "ok"


def test_a_page_at_its_limits_and_past_them_and_then_the_rest(task: usernel.sim.Task) -> None:
    for name, args in LISTS.items():
        for limit in (-1, 0, LIST_LIMIT + 1):
            assert errno_of(task, name, **args, limit=limit) == "EINVAL"
        first = task.call(name, **args, limit=LIST_LIMIT)
        assert first.ret == LIST_LIMIT
        assert first.out["next"] is not None
        rest = task.call(name, **args, limit=LIST_LIMIT, after=first.out["next"])
        assert rest.out["next"] is None
        listed = [*next(iter(first.out.values())), *next(iter(rest.out.values()))]
        one_by_one, after = [], {}
        for _ in range(3):
            page = task.call(name, **args, limit=1, **after)
            one_by_one += next(iter(page.out.values()))
            after = {"after": page.out["next"]}
        assert listed[:3] == one_by_one
        assert len(listed) >= LIST_LIMIT + 1


def test_a_page_that_just_holds_all_is_the_last(task: usernel.sim.Task) -> None:
    there = task.msg_list(-1, LIST_LIMIT).ret + 1
    assert there == LIST_LIMIT + 1
    task.msgctl(0, "IPC_RMID")
    page = task.msg_list(-1, LIST_LIMIT)
    assert (page.ret, page.out["next"]) == (LIST_LIMIT, None)


@pytest.mark.parametrize(("count", "outcome"), [(4, "ok"), (5, "EINVAL")])
def test_poll_takes_as_many_descriptors_as_may_be_open(count: int, outcome: str) -> None:
    task = usernel.Kernel().fork()
    task.prlimit64(0, "RLIMIT_NOFILE", (4, 4))
    assert errno_of(task, "poll", [(-1, 1)] * count, 0) == outcome


@pytest.mark.parametrize(("most", "outcome"), [(1024 * 1024, "ok"), (1024 * 1024 + 1, "EPERM")])
def test_rlimit_nofile_goes_up_to_nr_open(most: int, outcome: str) -> None:
    assert errno_of(usernel.Kernel().fork(), "prlimit64", 0, "RLIMIT_NOFILE", (1, most)) == outcome


def test_a_namespace_has_as_many_ids_as_an_id_has_indices() -> None:
    kernel = usernel.Kernel()
    task = kernel.fork()
    task.sysctl("kernel.msgmni", IPCMNI)
    ids = kernel.model.init.nsproxy.ipc.msg_ids
    task.sysctl("kernel.msg_next_id", IPCMNI - 1)
    assert task.msgget("IPC_PRIVATE", 0o600) == IPCMNI - 1
    one = next(iter(ids.by_index.values()))
    ids.by_index.update(dict.fromkeys(range(IPCMNI - 2), one))  # all but one, made in no time
    assert errno_of(task, "msgget", "IPC_PRIVATE", 0o600) == "ok"
    assert ids.in_use == IPCMNI
    assert errno_of(task, "msgget", "IPC_PRIVATE", 0o600) == "ENOSPC"


def test_next_id_behind_the_last_free_index_finds_a_free_one_or_says_enospc() -> None:
    task = usernel.Kernel().fork()
    last = IPCMNI - 1
    for _ in range(2):
        task.sysctl("kernel.msg_next_id", last)
        outcome = errno_of(task, "msgget", "IPC_PRIVATE", 0o600)
    assert outcome == "ENOSPC"


def test_no_limit_is_the_largest_one() -> None:
    task = usernel.Kernel().fork()
    assert errno_of(task, "sysctl", "fs.mqueue.queues_max", -1) == "ok"
    with pytest.raises(KernelError):
        task.sysctl("fs.mqueue.queues_max", 2**31)
