"""How tasks are born, whom they may act as, and that nothing is left of one that ended."""

from __future__ import annotations

from typing import Any

import pytest

import usernel
from tests.conformance.targets.invariants import check
from usernel.kernel.error import KernelError
from usernel.kernel.ns.pid import PID_MAX, RESERVED_PIDS
from usernel.kernel.ptrace import may_act_as
from usernel.kernel.task import TASK_COMM_LEN

SECOND = 10**9
UNKILLABLE_PIDS = (1, 2)


@pytest.fixture
def kernel() -> usernel.Kernel:
    return usernel.Kernel()


def refused(task: usernel.sim.Task, **how: Any) -> str:
    """The errno that a fork ends with, or ``ok``."""
    try:
        task.child(**how)
    except KernelError as error:
        return error.name
    return "ok"


@pytest.mark.parametrize(
    ("caps", "how", "outcome"),
    [
        ([], {"uid": 1000, "gid": 1000}, "ok"),
        ([], {"uid": 1001}, "EPERM"),
        ([], {"gid": 1001}, "EPERM"),
        ([], {"groups": [5]}, "EPERM"),
        (["CAP_SETUID"], {"uid": 1001}, "ok"),
        (["CAP_SETUID"], {"gid": 1001}, "EPERM"),
        (["CAP_SETGID"], {"gid": 1001, "groups": [5]}, "ok"),
        (["CAP_SETGID"], {"uid": 1001}, "EPERM"),
        ([], {"unshare": "CLONE_NEWIPC"}, "EPERM"),
        (["CAP_SYS_ADMIN"], {"unshare": "CLONE_NEWIPC"}, "ok"),
        ([], {"unshare": "CLONE_NEWNET"}, "EPERM"),
        ([], {"unshare": "CLONE_NEWUSER"}, "ok"),
        ([], {"unshare": 0x400}, "EINVAL"),
        ([], {"ttl": 0}, "EINVAL"),
        ([], {"ttl": -1}, "EINVAL"),
        ([], {"pdeathsig": 65}, "EINVAL"),
    ],
)
def test_what_a_user_may_make_of_a_child(
    kernel: usernel.Kernel, caps: list[str], how: dict[str, Any], outcome: str
) -> None:
    user = kernel.fork(uid=1000, gid=1000, cap=caps)
    tasks, namespaces = len(kernel.model.tasks), len(kernel.model.ipc_namespaces)
    assert refused(user, **how) == outcome
    if outcome != "ok":
        assert (len(kernel.model.tasks), len(kernel.model.ipc_namespaces)) == (tasks, namespaces)
    check(kernel.model)


def test_leaving_root_drops_all_capabilities_unless_they_are_kept(kernel: usernel.Kernel) -> None:
    assert int(kernel.fork(uid=1000).stat()["cap_eff"], 16) == 0
    assert int(kernel.fork(uid=1000, cap=["CAP_KILL"]).stat()["cap_eff"], 16) == 1 << 5
    assert int(kernel.fork(gid=1000).stat()["cap_eff"], 16) == int(kernel.init.stat()["cap_eff"], 16)


def test_no_capability_is_gained_by_keeping_it(kernel: usernel.Kernel) -> None:
    user = kernel.fork(uid=1000, cap=["CAP_KILL"])
    assert int(user.child(cap=["CAP_SYS_ADMIN", "CAP_KILL"]).stat()["cap_eff"], 16) == 1 << 5


def test_rlimit_nproc_at_the_limit_and_one_past_it(kernel: usernel.Kernel) -> None:
    user = kernel.fork(uid=1000, gid=1000)
    user.prlimit64(0, "RLIMIT_NPROC", (3, 3))
    user.rt_sigaction("SIGCHLD", {"sa_handler": "SIG_IGN"})
    first = user.child()
    second = user.child()
    assert refused(user) == "EAGAIN"
    assert refused(kernel.init, uid=1000) == "ok", "root's own limit counts for what root makes"
    second.exit_group()
    kernel.init.kill(max(kernel.model.tasks), 9)
    assert refused(first) == "ok"


@pytest.mark.parametrize("cap", ["CAP_SYS_RESOURCE", "CAP_SYS_ADMIN"])
def test_rlimit_nproc_does_not_bind_who_may_exceed_it(kernel: usernel.Kernel, cap: str) -> None:
    user = kernel.fork(uid=1000, gid=1000, cap=[cap])
    user.prlimit64(0, "RLIMIT_NPROC", (1, 1))
    assert refused(user) == "ok"


def test_a_name_is_cut_at_its_limit(kernel: usernel.Kernel) -> None:
    most = TASK_COMM_LEN - 1
    assert kernel.fork(comm="x" * most).stat()["comm"] == "x" * most
    assert kernel.fork(comm="x" * (most + 1)).stat()["comm"] == "x" * most


def test_nothing_is_left_of_a_task_that_ended(kernel: usernel.Kernel) -> None:
    before = kernel.stat()
    task = kernel.fork(unshare="CLONE_NEWIPC", ttl=5)
    mqdes = task.mq_open("q", "O_CREAT | O_RDWR", 0o600)
    task.mq_notify(mqdes, {"sigev_notify": "SIGEV_THREAD"})
    msqid = task.msgget("IPC_PRIVATE", 0o600)
    task.msgsnd(msqid, 1, b"x")
    held = task.start("msgrcv", msqid, hold=True)
    asleep = [task.start("msgrcv", msqid), task.start("mq_timedreceive", mqdes), task.start("poll", [(mqdes, 1)], 9000)]
    task.exit_group(3)
    assert [call.error and call.error.name for call in (*asleep, held)] == ["EINTR"] * 4
    after = kernel.stat()
    assert {name: after[name] for name in before if name != "position"} == {
        name: before[name] for name in before if name != "position"
    }
    assert kernel.model.mq_charges == {}
    check(kernel.model)


def test_a_registration_ends_with_its_task(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    mqdes = task.mq_open("q", "O_CREAT | O_RDWR", 0o600)
    child = task.child()
    child.mq_notify(mqdes, {"sigev_notify": "SIGEV_NONE"})
    with pytest.raises(KernelError, match="registered"):
        task.mq_notify(mqdes, {"sigev_notify": "SIGEV_NONE"})
    child.exit_group()
    task.mq_notify(mqdes, {"sigev_notify": "SIGEV_NONE"})


def test_init_adopts_orphans_and_tells_those_who_asked(kernel: usernel.Kernel) -> None:
    parent = kernel.fork()
    orphan, doomed = parent.child(), parent.child(pdeathsig="SIGTERM")
    parent.exit_group()
    assert orphan.getppid() == 1
    assert doomed.exited
    check(kernel.model)


def test_a_daemon_is_inits_child_and_may_be_without_descriptors(kernel: usernel.Kernel) -> None:
    parent = kernel.fork()
    mqdes = parent.mq_open("q", "O_CREAT | O_RDWR", 0o600)
    child = parent.child(daemon=True, setsid=True, close_fds=True)
    assert (child.getppid(), child.stat()["pgid"], child.stat()["fds"]) == (1, child.pid, 0)
    with pytest.raises(KernelError) as error:
        child.close(mqdes)
    assert error.value.name == "EBADF"


@pytest.mark.parametrize(("ns", "exited"), [(2 * SECOND - 1, False), (2 * SECOND, True)])
def test_a_lease_ends_at_its_time_and_not_before(kernel: usernel.Kernel, ns: int, exited: bool) -> None:
    task = kernel.fork(ttl=2)
    kernel.advance(ns)
    assert task.exited is exited


def test_a_renewed_lease_counts_from_its_renewal(kernel: usernel.Kernel) -> None:
    task = kernel.fork(ttl=2)
    kernel.advance(2 * SECOND - 1)
    task.task_renew(1)
    kernel.advance(SECOND - 1)
    assert not task.exited
    kernel.advance(1)
    assert task.exited


def test_a_lease_may_be_cut_short(kernel: usernel.Kernel) -> None:
    task = kernel.fork(ttl=100)
    task.task_renew(1)
    kernel.advance(SECOND)
    assert task.exited


def test_what_has_no_lease_cannot_renew_it(kernel: usernel.Kernel) -> None:
    with pytest.raises(KernelError):
        kernel.fork().task_renew(1)


@pytest.mark.parametrize("pid", UNKILLABLE_PIDS)
@pytest.mark.parametrize("signo", ["SIGKILL", "SIGTERM", "SIGSTOP", "SIGUSR1"])
def test_no_signal_ends_the_first_two(kernel: usernel.Kernel, pid: int, signo: str) -> None:
    kernel.fork().kill(pid, signo)
    assert not kernel.task(pid).exited
    with pytest.raises(KernelError):
        kernel.task(pid).exit_group()
    assert not kernel.task(pid).exited


def test_the_first_two_can_catch_signals(kernel: usernel.Kernel) -> None:
    kernel.init.rt_sigaction("SIGUSR1", {"sa_handler": "SIG_CATCH"})
    kernel.fork().kill(1, "SIGUSR1")
    assert [type(output).__name__ for output in kernel.take_outputs()] == ["SignalDelivered"]


def test_who_may_act_as_whom(kernel: usernel.Kernel) -> None:
    user = kernel.fork(uid=1000, gid=1000)
    child = user.child()
    raised = kernel.fork(uid=1000, gid=1000, cap=["CAP_SYS_PTRACE"])
    group, other = kernel.fork(uid=1000, gid=1), kernel.fork(uid=1001, gid=1001)

    def may(actor: usernel.sim.Task, target: usernel.sim.Task) -> bool:
        return may_act_as(actor._task, target._task)

    assert may(user, user)
    assert may(user, child)
    assert may(child, user), "the same user"
    assert may(kernel.init, other)
    assert not may(user, other)
    assert not may(user, group), "another group"
    assert not may(user, kernel.init)
    assert may(raised, kernel.init)
    assert may(kernel.task(user.pid), child.child()), "a descendant"


def test_the_kernel_finds_who_may_be_acted_as(kernel: usernel.Kernel) -> None:
    user, other = kernel.fork(uid=1000, gid=1000), kernel.fork(uid=1001, gid=1001)
    assert kernel.model.task(user._task, user.pid) is user._task
    for pid, name in ((other.pid, "EPERM"), (99999, "ESRCH")):
        with pytest.raises(KernelError) as error:
            kernel.model.task(user._task, pid)
        assert error.value.name == name


def test_signals_reach_a_process_group_and_no_other(kernel: usernel.Kernel) -> None:
    leader = kernel.fork(setsid=True)
    member, apart = leader.child(), leader.child(setsid=True)
    leader.rt_sigaction("SIGTERM", {"sa_handler": "SIG_IGN"})
    leader.kill(0, "SIGTERM")
    assert member.exited
    assert not apart.exited
    kernel.init.kill(-apart.stat()["pgid"], "SIGTERM")
    assert apart.exited
    assert not leader.exited


def test_pids_begin_anew_behind_the_reserved_ones_and_pass_over_those_in_use(kernel: usernel.Kernel) -> None:
    kernel.init.sysctl("kernel.ns_last_pid", RESERVED_PIDS - 1)
    taken = kernel.fork()
    kernel.init.sysctl("kernel.ns_last_pid", PID_MAX - 2)
    assert [kernel.fork().pid for _ in range(3)] == [PID_MAX - 1, RESERVED_PIDS + 1, RESERVED_PIDS + 2]
    assert taken.pid == RESERVED_PIDS


def test_a_call_of_a_task_that_ended_is_refused(kernel: usernel.Kernel) -> None:
    task = kernel.fork()
    task.exit_group()
    with pytest.raises(KernelError) as error:
        task.getpid()
    assert error.value.name == "ESRCH"
