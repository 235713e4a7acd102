"""What has ended and was not waited for, and whose children become whose."""

from __future__ import annotations

from ..linux import (
    POLLIN,
    PR_SET_CHILD_SUBREAPER,
    PRIO_PROCESS,
    RLIMIT_NOFILE,
    SIGCHLD,
    SIGKILL,
    SIGTERM,
)
from ..scenario import Task, World, case


def parent(task: Task) -> Task:
    """A task whose children wait for it when they have ended."""
    task.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    return task


def reaper(task: Task) -> Task:
    """A task that orphans below it go to."""
    parent(task).prctl(PR_SET_CHILD_SUBREAPER, 1)
    return task


@case
def zombie_is_still_there(world: World) -> None:
    a = parent(world.root)
    b = a.fork("b")
    b.setpgid(0, 0)
    b.exit()
    for signo in (0, SIGTERM, SIGKILL, 65):
        a.kill(b, signo)
    a.kill(-b, 0)
    a.tgkill(b, b, 0)
    a.rt_sigqueueinfo(b, 0, {"si_code": -1, "si_value": 0})
    a.getpgid(b)
    a.getsid(b)
    a.setpgid(b, b)
    a.setpgid(b, 0)
    a.getpriority(PRIO_PROCESS, b)
    a.setpriority(PRIO_PROCESS, b, 3)
    a.prlimit64(b, RLIMIT_NOFILE)
    a.capget(b)
    a.wait4(b, 0)
    a.kill(b, 0)
    a.kill(-b, 0)
    a.getpgid(b)
    a.getsid(b)
    a.capget(b)


@case
def zombie_of_another_user(world: World) -> None:
    a = parent(world.root)
    b = a.fork("b", uid=1000, gid=1000)
    c = a.fork("c", uid=1001, gid=1001)
    d = a.fork("d", uid=1000, gid=1000)
    b.exit()
    c.kill(b, 0)
    d.kill(b, 0)
    d.prlimit64(b, RLIMIT_NOFILE)
    c.prlimit64(b, RLIMIT_NOFILE)


@case
def pidfd_of_a_zombie(world: World) -> None:
    a = parent(world.root)
    b = a.fork("b")
    b.exit_group(3)
    fd = a.pidfd_open(b, 0).ret
    a.poll([{"fd": fd, "events": POLLIN}], 0)
    a.pidfd_send_signal(fd, 0)
    a.pidfd_getfd(fd, 0, 0)
    a.wait4(b, 0)
    a.poll([{"fd": fd, "events": POLLIN}], 0)
    a.pidfd_send_signal(fd, 0)
    a.pidfd_open(b, 0)


@case
def group_that_only_a_zombie_is_in(world: World) -> None:
    a = parent(world.root)
    b = a.fork("b")
    b.setpgid(0, 0)
    b.exit()
    c = a.fork("c")
    c.setpgid(0, b)
    c.getpgid(0)
    a.wait4(b, 0)
    a.kill(-b, 0)
    d = a.fork("d")
    d.setpgid(0, b)
    c.exit()
    a.wait4(-b, 0)
    a.kill(-b, 0)
    d.setpgid(0, b)
    d.getpgid(0)
    e = a.fork("e")
    e.setpgid(0, b)
