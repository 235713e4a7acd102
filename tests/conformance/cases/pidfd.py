"""pidfd_open(2) and what a pidfd tells: of whom, until when, and that it goes on naming its task."""

from __future__ import annotations

from ..linux import (
    CLONE_PIDFD,
    F_GETFD,
    F_GETFL,
    F_SETFL,
    INT_MIN,
    O_NONBLOCK,
    P_PIDFD,
    PIDFD_INFO_CGROUPID,
    PIDFD_INFO_CREDS,
    PIDFD_INFO_EXIT,
    PIDFD_INFO_PID,
    PIDFD_NONBLOCK,
    PIDFD_THREAD,
    POLLIN,
    POLLOUT,
    SIGCHLD,
    SIGKILL,
    SIGTERM,
    WEXITED,
)
from ..scenario import NOBODY, Task, World, case


def parent(world: World) -> Task:
    """The root, whose children wait for it when they have ended."""
    world.root.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    return world.root


def looking(fd: int) -> list[dict[str, int]]:
    """What poll(2) is asked of one descriptor."""
    return [{"fd": fd, "events": POLLIN | POLLOUT}]


@case
def flags_and_numbers(world: World) -> None:
    a = world.root
    b = a.fork("b")
    for flags in (0, PIDFD_NONBLOCK, PIDFD_THREAD, PIDFD_NONBLOCK | PIDFD_THREAD, 1, 0o2000000, -1):
        a.pidfd_open(b, flags)
    for pid in (0, -1, INT_MIN, NOBODY):
        a.pidfd_open(pid, 0)
        a.pidfd_open(pid, 1)
    a.pidfd_open(a, 0)


@case
def descriptor_of_a_pidfd(world: World) -> None:
    a = world.root
    b = a.fork("b")
    for flags in (0, PIDFD_NONBLOCK, PIDFD_THREAD):
        fd = a.pidfd_open(b, flags).ret
        a.fcntl(fd, F_GETFD, 0)
        a.fcntl(fd, F_GETFL, 0)
    a.fcntl(0, F_SETFL, O_NONBLOCK)
    a.waitid(P_PIDFD, 0, WEXITED)
    a.read(0, 8)
    a.mq_getsetattr(0)


@case
def anybody_may_open_one(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    fd = b.pidfd_open(a, 0).ret
    b.poll(looking(fd), 0)
    b.pidfd_send_signal(fd, 0)


@case
def descriptors_run_out(world: World) -> None:
    a = world.root
    a.prlimit64(0, 7, {"rlim_cur": 1, "rlim_max": 10})
    a.pidfd_open(a, 0)
    a.pidfd_open(a, 0)
    a.pidfd_open(NOBODY, 0)
    a.clone(CLONE_PIDFD | SIGCHLD)


@case
def it_is_readable_when_the_task_has_ended(world: World) -> None:
    a = parent(world)
    b = a.fork("b")
    for flags in (0, PIDFD_THREAD):
        a.poll(looking(a.pidfd_open(b, flags).ret), 0)
    waiting = a.start.poll(looking(0), -1)
    b.exit()
    waiting.result()
    a.poll(looking(1), 0)
    a.waitid(P_PIDFD, 0, WEXITED)
    for fd in (0, 1):
        a.poll(looking(fd), 0)


@case
def it_is_readable_when_nobody_waits(world: World) -> None:
    a = world.root
    b = a.fork("b")
    fd = a.pidfd_open(b, 0).ret
    b.exit()
    a.poll(looking(fd), 0)


@case
def opening_what_has_ended(world: World) -> None:
    a = parent(world)
    b, c = a.fork("b"), a.fork("c")
    b.exit()
    for flags in (0, PIDFD_THREAD):
        c.poll(looking(c.pidfd_open(b, flags).ret), 0)
    a.wait4(b, 0)
    for flags in (0, PIDFD_THREAD):
        c.pidfd_open(b, flags)


@case
def pidfd_of_clone(world: World) -> None:
    a = parent(world)
    b = a.child("b", CLONE_PIDFD | SIGCHLD)
    a.fcntl(0, F_GETFD, 0)
    a.fcntl(0, F_GETFL, 0)
    b.fcntl(0, F_GETFD, 0)
    a.pidfd_send_signal(0, SIGTERM)
    b.alive()
    a.waitid(P_PIDFD, 0, WEXITED)


@case
def pidfd_of_clone3(world: World) -> None:
    a = parent(world)
    b = a.child3("b", flags=CLONE_PIDFD, exit_signal=SIGCHLD)
    a.pidfd_send_signal(0, SIGKILL)
    b.alive()
    a.poll(looking(0), 0)


@case
def child_has_the_same_pidfd(world: World) -> None:
    a = parent(world)
    b = a.fork("b")
    a.pidfd_open(b, 0)
    c = a.child("c")
    c.pidfd_send_signal(0, SIGTERM)
    c.poll(looking(0), 0)
    c.waitid(P_PIDFD, 0, WEXITED)
    a.waitid(P_PIDFD, 0, WEXITED)


@case
def it_names_its_task_after_the_number_was_reused(world: World) -> None:
    a = parent(world)
    b = a.fork("b")
    old = a.pidfd_open(b, 0).ret
    b.exit()
    a.clone3({"set_tid": [b], "exit_signal": SIGCHLD})
    a.wait4(b, 0)
    c = a.child3("c", set_tid=[b], exit_signal=SIGCHLD)
    new = a.pidfd_open(c, 0).ret
    a.kill(b, 0)
    a.pidfd_send_signal(old, SIGKILL)
    a.pidfd_send_signal(new, 0)
    c.alive()
    a.waitid(P_PIDFD, old, WEXITED)
    a.pidfd_getfd(old, 0, 0)
    a.poll(looking(old), 0)
    a.poll(looking(new), 0)
    a.pidfd_send_signal(new, SIGKILL)
    a.waitid(P_PIDFD, new, WEXITED)


@case
def what_it_tells(world: World) -> None:
    a = parent(world)
    b = a.fork("b", uid=1000, gid=2000, cap=["CAP_SETUID", "CAP_SETGID"])
    b.setresgid(2001, 2002, 2003)
    b.setresuid(1001, 1002, 1003)
    fd = a.pidfd_open(b, 0).ret
    everything = PIDFD_INFO_PID | PIDFD_INFO_CREDS | PIDFD_INFO_CGROUPID | PIDFD_INFO_EXIT
    for mask in (0, PIDFD_INFO_PID, PIDFD_INFO_CREDS, PIDFD_INFO_CGROUPID, PIDFD_INFO_EXIT, everything, 1 << 20):
        a.ioctl(fd, "PIDFD_GET_INFO", mask)
    b.exit_group(7)
    a.ioctl(fd, "PIDFD_GET_INFO", 0)
    a.ioctl(fd, "PIDFD_GET_INFO", everything)
    a.wait4(b, 0)
    for mask in (0, PIDFD_INFO_PID, PIDFD_INFO_EXIT, everything):
        a.ioctl(fd, "PIDFD_GET_INFO", mask)


@case
def it_tells_how_a_killed_one_ended(world: World) -> None:
    a = parent(world)
    b = a.fork("b")
    fd = a.pidfd_open(b, 0).ret
    thread = a.pidfd_open(b, PIDFD_THREAD).ret
    a.kill(b, SIGTERM)
    late = a.pidfd_open(b, 0).ret
    a.wait4(b, 0)
    for each in (fd, thread, late):
        a.ioctl(each, "PIDFD_GET_INFO", PIDFD_INFO_EXIT)


@case
def it_tells_any_user(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    b.ioctl(b.pidfd_open(a, 0).ret, "PIDFD_GET_INFO", PIDFD_INFO_CREDS)
    b.ioctl(b.mq_open("q", 0o102, 0o600).ret, "PIDFD_GET_INFO", 0)
    b.ioctl(99, "PIDFD_GET_INFO", 0)


@case
def ids_in_it_follow_the_task(world: World) -> None:
    a = world.root
    b = a.fork("b")
    fd = a.pidfd_open(b, 0).ret
    b.setresuid(1000, 1001, 1002)
    a.ioctl(fd, "PIDFD_GET_INFO", PIDFD_INFO_CREDS)
    c = b.fork("c")
    b.exit()
    a.ioctl(a.pidfd_open(c, 0).ret, "PIDFD_GET_INFO", PIDFD_INFO_PID)
