"""execve(2): what a process keeps when it becomes another program, and what it loses.

The program is this machine's Python, which is at ``/proc/self/exe`` of a task on the host. Who is not root can start it
only with CAP_DAC_READ_SEARCH, which has to be ambient to last.
"""

from __future__ import annotations

from ..linux import (
    CAPABILITIES,
    CLONE_FILES,
    F_GETFD,
    F_GETFL,
    F_SETFD,
    F_SETFL,
    O_CREAT,
    O_NONBLOCK,
    O_RDWR,
    PR_CAP_AMBIENT,
    PR_CAP_AMBIENT_IS_SET,
    PR_CAP_AMBIENT_RAISE,
    PR_CAPBSET_DROP,
    PR_CAPBSET_READ,
    PR_GET_CHILD_SUBREAPER,
    PR_GET_DUMPABLE,
    PR_GET_KEEPCAPS,
    PR_GET_NAME,
    PR_GET_NO_NEW_PRIVS,
    PR_GET_PDEATHSIG,
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    PR_SET_KEEPCAPS,
    PR_SET_NAME,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    PRIO_PROCESS,
    RLIMIT_NOFILE,
    SIG_BLOCK,
    SIGCHLD,
    SIGPIPE,
    SIGTERM,
    SIGUSR1,
    SIGUSR2,
)
from ..scenario import Task, World, case

PROGRAM = "/proc/self/exe"
ALWAYS = ["CAP_DAC_READ_SEARCH"]
READ, KILL, SETUID = (1 << CAPABILITIES[f"CAP_{name}"] for name in ("DAC_READ_SEARCH", "KILL", "SETUID"))
ONE = {"mq_maxmsg": 2, "mq_msgsize": 8}


def user(root: Task, name: str = "b", *caps: str) -> Task:
    """A user with some capabilities, who can start the program."""
    task = root.fork(name, uid=1000, gid=1000, cap=[*ALWAYS, *caps])
    able = READ | sum(1 << CAPABILITIES[cap] for cap in caps)
    task.capset(able, able, READ)
    task.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAPABILITIES["CAP_DAC_READ_SEARCH"])
    return task


@case
def paths_that_are_none(world: World) -> None:
    b = world.root.fork("b")
    b.prctl(PR_SET_NAME, "before")
    b.execve("")
    b.execve("x" * 4096)
    b.execve("/" * 5000)
    b.prctl(PR_GET_NAME)


@case
def name_is_the_paths_last_part(world: World) -> None:
    b = world.root.fork("b")
    b.prctl(PR_SET_NAME, "before")
    for path in (PROGRAM, "/proc/../proc/self/./exe", "//proc//self//exe"):
        b.execve(path)
        b.prctl(PR_GET_NAME)
    b.proc_pid_read(0, "comm")


@case
def process_is_the_same(world: World) -> None:
    a = world.root
    a.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL"})
    b = a.fork("b")
    fd = a.pidfd_open(b, 0).ret
    b.setpgid(0, 0)
    c = b.fork("c")
    b.execve(PROGRAM)
    b.getpid()
    b.getppid()
    b.getpgid(0)
    b.getsid(0)
    c.getppid()
    a.pidfd_send_signal(fd, 0)
    b.exit_group(3)
    a.wait4(b, 0)


@case
def child_that_became_a_program_is_not_moved(world: World) -> None:
    a = world.root
    b = a.fork("b")
    a.setpgid(b, b)
    b.execve(PROGRAM)
    a.setpgid(b, b)
    a.setpgid(b, 0)
    b.setpgid(0, a)
    a.setpgid(0, 0)
    b.setpgid(0, a)
    c = b.fork("c")
    b.setpgid(c, c)


@case
def descriptors_are_closed_unless_they_are_to_stay(world: World) -> None:
    b = world.root.fork("b")
    for fd in range(4):
        b.mq_open(f"q{fd}", O_CREAT | O_RDWR, 0o600, ONE)
    b.fcntl(1, F_SETFD, 0)
    b.fcntl(1, F_SETFL, O_NONBLOCK)
    b.dup2(2, 7)
    b.mq_timedsend(7, b"kept")
    b.execve(PROGRAM)
    for fd in (0, 1, 2, 3, 7):
        b.fcntl(fd, F_GETFD, 0)
        b.fcntl(fd, F_GETFL, 0)
    b.mq_timedreceive(7, 8)
    b.mq_open("q0", O_RDWR)


@case
def registration_goes_with_its_descriptor(world: World) -> None:
    a = world.root
    b = a.fork("b")
    a.mq_open("q", O_CREAT | O_RDWR, 0o600, ONE)
    for kept in (True, False):
        b.mq_open("q", O_RDWR)
        b.fcntl(0, F_SETFD, 0 if kept else 1)
        b.mq_notify(0, {"sigev_notify": 1})
        b.execve(PROGRAM)
        a.mq_notify(0, {"sigev_notify": 1})
        a.mq_notify(0, None)
        b.close(0)


@case
def a_shared_table_is_parted(world: World) -> None:
    a = world.root
    a.mq_open("q", O_CREAT | O_RDWR, 0o600, ONE)
    a.dup(0)
    b = a.child("b", CLONE_FILES | SIGCHLD)
    b.execve(PROGRAM)
    for task in (a, b):
        task.fcntl(0, F_GETFD, 0)
        task.fcntl(1, F_GETFD, 0)
    b.close(1)
    a.fcntl(1, F_GETFD, 0)


@case
def caught_signals_are_as_by_default_again(world: World) -> None:
    b = world.root.fork("b")
    b.rt_sigaction(SIGUSR1, {"sa_handler": "SIG_CATCH", "sa_flags": 0x10000000})
    b.rt_sigaction(SIGUSR2, {"sa_handler": "SIG_IGN"})
    b.rt_sigaction(SIGPIPE, {"sa_handler": "SIG_IGN"})
    b.rt_sigaction(SIGCHLD, {"sa_handler": "SIG_DFL", "sa_flags": 2})
    b.execve(PROGRAM)
    for signo in (SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD):
        b.rt_sigaction(signo)


@case
def blocked_and_pending_signals_stay(world: World) -> None:
    a = world.root
    b = a.fork("b")
    b.rt_sigprocmask(SIG_BLOCK, [SIGUSR1, SIGUSR2])
    a.rt_sigqueueinfo(b, SIGUSR1, {"si_code": -1, "si_value": 4})
    b.execve(PROGRAM)
    b.rt_sigprocmask(SIG_BLOCK, None)
    b.rt_sigpending()
    b.rt_sigtimedwait([SIGUSR1], {"tv_sec": 0, "tv_nsec": 0})


@case
def limits_and_priority_stay(world: World) -> None:
    b = world.root.fork("b")
    b.umask(0o27)
    b.setpriority(PRIO_PROCESS, 0, 4)
    b.prlimit64(0, RLIMIT_NOFILE, {"rlim_cur": 1000, "rlim_max": 2000})
    b.execve(PROGRAM)
    b.umask(0)
    b.getpriority(PRIO_PROCESS, 0)
    b.prlimit64(0, RLIMIT_NOFILE)


@case
def switches_that_stay_and_go(world: World) -> None:
    b = world.root.fork("b")
    for option, value in (
        (PR_SET_PDEATHSIG, SIGTERM), (PR_SET_DUMPABLE, 0), (PR_SET_KEEPCAPS, 1), (PR_SET_CHILD_SUBREAPER, 1),
        (PR_SET_NO_NEW_PRIVS, 1),
    ):  # fmt: skip
        b.prctl(option, value)
    b.execve(PROGRAM)
    for option in (
        PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_GET_KEEPCAPS, PR_GET_CHILD_SUBREAPER, PR_GET_NO_NEW_PRIVS,
    ):  # fmt: skip
        b.prctl(option)


@case
def root_is_given_every_capability(world: World) -> None:
    b = world.root.fork("b", cap=["CAP_KILL"])
    b.execve(PROGRAM)
    b.capget(0)
    c = world.root.fork("c", cap=["CAP_SETPCAP"])
    c.prctl(PR_CAPBSET_DROP, CAPABILITIES["CAP_KILL"])
    c.execve(PROGRAM)
    c.capget(0)
    c.prctl(PR_CAPBSET_READ, CAPABILITIES["CAP_KILL"])


@case
def root_keeps_what_is_inheritable_beyond_the_bounding_set(world: World) -> None:
    b = world.root.fork("b", cap=["CAP_SETPCAP", "CAP_KILL"])
    setpcap = 1 << CAPABILITIES["CAP_SETPCAP"]
    b.capset(setpcap | KILL, setpcap | KILL, KILL)
    b.prctl(PR_CAPBSET_DROP, CAPABILITIES["CAP_KILL"])
    b.execve(PROGRAM)
    b.capget(0)


@case
def a_user_keeps_only_the_ambient_ones(world: World) -> None:
    b = user(world.root, "b", "CAP_KILL", "CAP_SETUID")
    b.capset(READ | KILL, READ | KILL | SETUID, READ | KILL)
    b.execve(PROGRAM)
    b.capget(0)
    for name in ("CAP_KILL", "CAP_DAC_READ_SEARCH"):
        b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAPABILITIES[name])
    b.prctl(PR_GET_DUMPABLE)


@case
def ids_stay_and_the_saved_one_follows(world: World) -> None:
    b = user(world.root, "b", "CAP_SETUID", "CAP_SETGID")
    b.setresgid(1001, 1002, 1003)
    b.setresuid(1001, 1002, 1003)
    b.execve(PROGRAM)
    b.getresuid()
    b.getresgid()
    b.setfsuid(-1)
    b.setfsgid(-1)
    b.capget(0)
    b.prctl(PR_GET_DUMPABLE)


@case
def real_root_alone_is_given_what_is_permitted(world: World) -> None:
    b = world.root.fork("b")
    b.capset(READ | SETUID, READ | SETUID, READ)
    b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAPABILITIES["CAP_DAC_READ_SEARCH"])
    b.prctl(PR_SET_KEEPCAPS, 1)
    b.setresuid(0, 1000, 1000)
    b.capget(0)
    b.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAPABILITIES["CAP_DAC_READ_SEARCH"])
    b.execve(PROGRAM)
    b.capget(0)
    b.getresuid()


@case
def effective_root_alone_is_given_all(world: World) -> None:
    b = world.root.fork("b")
    b.setresuid(1000, 0, 1000)
    b.execve(PROGRAM)
    b.capget(0)
    b.getresuid()
    b.prctl(PR_GET_DUMPABLE)
