"""What keeps a namespace, and that nothing is left of one that nothing keeps."""

from __future__ import annotations

import pytest

import usernel
from tests.conformance.targets.invariants import check
from tests.kernel.shadow import Shadow
from usernel.kernel.error import KernelError

KINDS = "IPC UTS USER PID NET NS CGROUP TIME".split()


@pytest.fixture
def kernel() -> usernel.Kernel:
    return usernel.Kernel()


def count(kernel: usernel.Kernel) -> int:
    return len(kernel.model.ns_tree)


@pytest.mark.parametrize("kind", KINDS)
def test_a_namespace_ends_with_its_last_task(kernel: usernel.Kernel, kind: str) -> None:
    before = count(kernel)
    task = kernel.fork(unshare=f"CLONE_NEW{kind}")
    assert count(kernel) == before + 1
    task.exit_group()
    assert count(kernel) == before
    check(kernel.model)


@pytest.mark.parametrize("kind", KINDS)
def test_a_descriptor_keeps_it(kernel: usernel.Kernel, kind: str) -> None:
    before = count(kernel)
    task = kernel.fork(unshare=f"CLONE_NEW{kind}")
    holder = kernel.fork()
    name = "mnt" if kind == "NS" else kind.lower()
    fd = holder.proc_ns_open(task.pid, name)
    task.exit_group()
    assert count(kernel) == before + 1
    holder.close(fd)
    assert count(kernel) == before
    check(kernel.model)


def test_what_a_user_namespace_owns_keeps_it(kernel: usernel.Kernel) -> None:
    before = count(kernel)
    task = kernel.fork(unshare="CLONE_NEWUSER | CLONE_NEWIPC")
    holder = kernel.fork()
    fd = holder.proc_ns_open(task.pid, "ipc")
    task.exit_group()
    assert count(kernel) == before + 2
    holder.close(fd)
    assert count(kernel) == before


def test_a_pin_keeps_it_with_what_is_in_it_and_is_a_fact(kernel: usernel.Kernel) -> None:
    shadow = Shadow(kernel)
    before = count(kernel)
    task = kernel.fork(unshare="CLONE_NEWIPC")
    inum = task._task.nsproxy.ipc.inum
    task.msgsnd(task.msgget(7, 0o1600), 1, b"kept")
    kernel.init.ns_pin(inum, True)
    task.exit_group()
    assert count(kernel) == before + 1
    shadow.follow()
    guest = kernel.fork()
    guest.setns(guest.ns_open(inum))
    assert guest.msgrcv(guest.msgget(7)).out["data"] == b"kept"
    guest.exit_group()
    kernel.init.ns_pin(inum, False)
    assert count(kernel) == before
    shadow.follow()


def test_pinning_wants_the_capability_and_a_namespace_that_is_seen(kernel: usernel.Kernel) -> None:
    user = kernel.fork(uid=1000, unshare="CLONE_NEWUSER")
    theirs = kernel.fork(unshare="CLONE_NEWIPC")._task.nsproxy.ipc.inum
    plain = kernel.fork(uid=1001, cap=[])
    for task, errno in ((user, "ENOENT"), (plain, "EPERM")):
        with pytest.raises(KernelError) as refused:
            task.ns_pin(theirs, True)
        assert refused.value.name == errno


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_as_many_as_the_limit_and_one_more(kernel: usernel.Kernel, limit: int) -> None:
    kernel.init.sysctl("user.max_ipc_namespaces", limit)
    made = [kernel.fork(unshare="CLONE_NEWIPC") for _ in range(limit)]
    before = count(kernel)
    with pytest.raises(KernelError) as full:
        kernel.fork(unshare="CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWUSER")
    assert full.value.name == "ENOSPC"
    assert count(kernel) == before, "all or nothing"
    for task in made[:1]:
        task.exit_group()
        kernel.fork(unshare="CLONE_NEWIPC")
    check(kernel.model)


def test_nesting_ends_at_its_depth(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    for _ in range(33):
        task.unshare("CLONE_NEWUSER")
        task.proc_pid_write(0, "setgroups", "deny")
        task.proc_pid_write(0, "uid_map", "0 0 1")
        task.proc_pid_write(0, "gid_map", "0 0 1")
    with pytest.raises(KernelError) as deep:
        task.unshare("CLONE_NEWUSER")
    assert deep.value.name == "ENOSPC"
    task.exit_group()
    assert count(kernel) == 8


def test_inits_death_ends_everybody_below(kernel: usernel.Kernel) -> None:
    init = kernel.fork(unshare="CLONE_NEWPID")
    inner = init.child().child(unshare="CLONE_NEWPID").child()
    asleep = inner.start("wait4")
    init.exit_group()
    assert inner.exited
    assert asleep.done
    assert count(kernel) == 8
    check(kernel.model)


def test_a_pidfd_names_its_task_after_the_number_was_reused(kernel: usernel.Kernel) -> None:
    parent = kernel.fork()
    child = parent.child()
    pidfd = parent.pidfd_open(child.pid)
    child.exit_group()
    parent.wait4()
    parent.sysctl("kernel.ns_last_pid", child.pid - 1)
    assert parent.child().pid == child.pid
    with pytest.raises(KernelError) as gone:
        parent.pidfd_send_signal(pidfd, 9)
    assert gone.value.name == "ESRCH"
