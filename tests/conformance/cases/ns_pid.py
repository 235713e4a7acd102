"""Pid namespaces: numbers, init and its death, who sees and signals whom."""

from __future__ import annotations

from ..linux import CLONE_NEWPID, CLONE_NEWUSER, SIGCHLD, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1
from ..scenario import World, case


@case
def numbers_start_at_one(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    c = b.fork("c")
    d = c.fork("d")
    for who in (b, c, d):
        who.getpid()
        who.getppid()
        a.proc_pid_read(who, "status")
    d.kill(1, 0)
    d.kill(2, 0)
    d.kill(4, 0)


@case
def a_task_has_a_number_in_each(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    c = b.child("c", CLONE_NEWPID | SIGCHLD)
    d = c.fork("d")
    for who in (b, c, d):
        a.proc_pid_read(who, "status")
    a.kill(d, 0)
    b.kill(d, 0)
    b.kill(3, 0)
    c.kill(2, 0)
    c.kill(3, 0)


@case
def the_outside_is_not_seen(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    c = a.child("c", CLONE_NEWPID | SIGCHLD)
    b.kill(a, 0)
    b.kill(c, 0)
    b.getppid()
    b.getpgrp()
    b.getsid(0)
    b.kill(0, 0)
    b.kill(-1, 0)
    b.pidfd_open(2, 0)
    b.prlimit64(2, 7)
    b.getpgid(2)


@case
def the_first_fork_after_unshare_is_init(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.unshare(CLONE_NEWPID)
    b.getpid()
    c = b.fork("c")
    d = b.fork("d")
    for who in (c, d):
        who.getpid()
        who.getppid()
    c.kill(d, 0)
    d.kill(b, 0)


@case
def no_more_children_when_init_is_gone(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.unshare(CLONE_NEWPID)
    c = b.fork("c")
    d = b.fork("d")
    c.exit()
    d.alive()
    b.clone(SIGCHLD)
    b.clone(CLONE_NEWPID | SIGCHLD)
    b.unshare(CLONE_NEWPID)
    b.proc_pid_read(0, "ns/pid")
    b.proc_pid_read(0, "ns/pid_for_children")


@case
def init_takes_all_with_it(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    c = b.fork("c")
    d = c.fork("d")
    e = d.child("e", CLONE_NEWPID | SIGCHLD)
    b.exit()
    for who in (b, c, d, e, a):
        who.alive()


@case
def killed_from_outside(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    c = b.fork("c")
    a.kill(b, SIGTERM)
    b.alive()
    a.kill(b, SIGKILL)
    b.alive()
    c.alive()


@case
def init_is_safe_from_inside(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    c = b.fork("c")
    for sig in (0, SIGTERM, SIGKILL, SIGSTOP, SIGUSR1):
        c.kill(1, sig)
        b.alive()
        b.kill(1, sig)
        b.alive()
    b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_CATCH"})
    b.rt_sigprocmask(0, [SIGUSR1])
    c.kill(1, SIGUSR1)
    b.rt_sigpending()
    b.rt_sigtimedwait([SIGUSR1], {"tv_sec": 0, "tv_nsec": 0})


@case
def blocked_signals_reach_init(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    c = b.fork("c")
    b.rt_sigprocmask(0, [SIGTERM])
    c.kill(1, SIGTERM)
    b.rt_sigpending()
    a.kill(b, SIGUSR1)
    b.alive()
    b.rt_sigtimedwait([SIGTERM], {"tv_sec": 0, "tv_nsec": 0})


@case
def a_sender_outside_has_no_number(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    c = b.fork("c")
    c.rt_sigprocmask(0, [SIGUSR1])
    a.kill(c, SIGUSR1)
    c.rt_sigtimedwait([SIGUSR1], {"tv_sec": 0, "tv_nsec": 0})
    b.kill(c, SIGUSR1)
    c.rt_sigtimedwait([SIGUSR1], {"tv_sec": 0, "tv_nsec": 0})
    a.rt_sigprocmask(0, [SIGUSR1])
    a.kill(a, SIGUSR1)
    a.rt_sigtimedwait([SIGUSR1], {"tv_sec": 0, "tv_nsec": 0})


@case
def all_but_init_and_oneself(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    c, d = b.fork("c"), b.fork("d")
    e = d.child("e", CLONE_NEWPID | SIGCHLD)
    for who in (b, c, d, e):
        who.rt_sigprocmask(0, [SIGUSR1])
    c.kill(-1, SIGUSR1)
    for who in (b, c, d, e):
        who.rt_sigpending()
    b.kill(-1, SIGKILL)
    for who in (a, b, c, d, e):
        who.alive()


@case
def orphans_go_to_init(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    c = b.fork("c")
    d = c.fork("d")
    c.exit()
    d.getppid()


@case
def orphans_of_an_outer_parent(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.unshare(CLONE_NEWPID)
    c = b.fork("c")
    d = b.fork("d")
    b.exit()
    c.getppid()
    d.getppid()
    c.exit()
    d.alive()


@case
def a_user_in_a_namespace_of_its_own(world: World) -> None:
    a = world.root
    b = a.fork("b", uid=1000, gid=1000)
    c = b.child("c", CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD)
    c.getpid()
    d = c.fork("d")
    d.getpid()
    d.kill(1, SIGKILL)
    c.alive()
    b.kill(c, SIGKILL)
    c.alive()
    d.alive()


@case
def the_last_number(world: World) -> None:
    a = world.root
    b = a.child("b", CLONE_NEWPID | SIGCHLD)
    b.sysctl("kernel.ns_last_pid", None)
    b.sysctl("kernel.ns_last_pid", 41)
    c = b.fork("c")
    c.getpid()
    b.sysctl("kernel.ns_last_pid", None)
    for value in (0, -1, 4194305):
        b.sysctl("kernel.ns_last_pid", value)
    d = a.fork("d", uid=1000, gid=1000)
    e = d.child("e", CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD)
    e.sysctl("kernel.ns_last_pid", 9)
    f = e.fork("f")
    f.getpid()
