"""``usernel run``: the program, its supervisor, and the process in front that stands for the program in its shell.

Three processes. *In front* is the one that was started: it waits, stops, goes on and ends exactly as the program does.
The *supervisor* is its child, and the parent of the *program*: it serves the calls, also of what the program leaves
running behind it, and ends with the last of those.
"""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import select
import signal
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Final

from usernel.abi.seccomp import AUDIT_ARCH
from usernel.abi.unistd import HOSTS, NUMBERS
from usernel_client.errors import ConnectionLost, ProtocolError

from . import msg
from .backend import Login
from .descriptors import Descriptors
from .embedded import Embedded
from .filter import program
from .helper_unsafe import Helpers
from .launch_unsafe import Launched, LaunchError, launch
from .mqueue import MqCalls
from .notify_unsafe import Listener, become_subreaper
from .proc import TARGETS, ProcFiles
from .remote import Remote
from .supervisor import Supervisor
from .trace import Trace

GC_THRESHOLD: Final = 50_000
"""Allocations between collections: what a call leaves behind is no garbage in cycles."""
STATUS: Final = struct.Struct("=i")
"""A wait status, as the supervisor tells it the process in front."""
FORWARDED: Final = (
    signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGWINCH, signal.SIGCONT,
)  # fmt: skip
"""Signals that reach the process in front alone, and are meant for the program."""
TERMINAL: Final = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
"""Signals that the terminal sends to all of them, and only the program acts on."""
SERVED: Final = (
    "msgget", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify",
    "mq_getsetattr",
)  # fmt: skip
"""Calls that our kernel serves."""
ON_THE_HOST: Final = ("semget", "shmget")
"""Calls that the host serves and that a program of queues may wonder about: it is told once."""
REFUSED: Final = 125
"""The exit status of a program that could not be started under the filter, as env(1) and docker(1) have it."""
HANDED_ON: Final = (
    "unshare", "setns", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid",
    "setfsgid", "capset",
)  # fmt: skip
"""Calls that the host serves, and after which a process is another to us."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to run and how: ``url`` None serves it by a kernel of its own, gone with the last process.

    ``task`` is the service's task as whose children the programs act, ``login`` who they are in its kernel. With
    ``proc`` they find their queues in ``/proc`` too.
    ``summary`` is called in the supervisor when the program has ended, with how many processes made calls.
    """

    command: Sequence[str]
    url: str | None
    token: str | None
    trace: Trace
    proc: bool
    summary: Callable[[Trace, int], None]
    task: int | None = None
    login: Login | None = None


def run(job: Job) -> int:
    """Run a command with its queue calls served by our kernel; its wait status, or that of a refusal told already."""
    reading, writing = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        os.close(reading)
        os._exit(_supervise(job, writing))
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        return _stand_in_front(told.fileno(), supervisor)


# ----------------------------------------------------------------------------------------------------------- in front


def _stand_in_front(told: int, supervisor: int) -> int:
    """Do as the program does, as the supervisor tells it; the status in which the program ended."""
    for signo in TERMINAL:
        signal.signal(signo, signal.SIG_IGN)
    for signo in FORWARDED:
        signal.signal(signo, lambda number, _: _forward(supervisor, number))
    while data := os.read(told, STATUS.size):
        (status,) = STATUS.unpack(data)
        if os.WIFSTOPPED(status):
            if not select.select([told], [], [], 0)[0]:  # else it goes on already
                os.kill(os.getpid(), signal.SIGSTOP)
        elif not os.WIFCONTINUED(status):
            return int(status)
    return int(os.waitpid(supervisor, 0)[1])


def _forward(supervisor: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(supervisor, number)


def end_as(status: int) -> int:
    """End this process as a child ended that has this wait status: by the same signal, or with the code returned."""
    if not os.WIFSIGNALED(status):
        return os.waitstatus_to_exitcode(status)
    signo = os.WTERMSIG(status)
    with suppress(OSError, ValueError):
        signal.signal(signo, signal.SIG_DFL)
    with suppress(ImportError):
        import resource  # noqa: PLC0415 - wanted only here: the core is the program's, not ours

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    os.kill(os.getpid(), signo)
    return 128 + signo


# ---------------------------------------------------------------------------------------------------- the supervisor


def _supervise(job: Job, told: int) -> int:
    become_subreaper()
    ignored = [signo for signo in TERMINAL if signal.signal(signo, signal.SIG_IGN) is signal.SIG_IGN]
    try:
        return _supervised(job, told, ignored)
    except (LaunchError, ConnectionLost, ProtocolError, OSError) as error:
        os.write(2, f"usernel: {error}\n".encode())
        return REFUSED


def _supervised(job: Job, told: int, ignored: Sequence[int]) -> int:
    machine = platform.machine()
    if machine not in AUDIT_ARCH:
        raise LaunchError(f"the system calls of {machine} are not known here, only those of {', '.join(AUDIT_ARCH)}")
    numbers = [_number(name, machine) for name in (*SERVED, *HANDED_ON, *ON_THE_HOST)]
    targets = TARGETS if job.proc else ()
    launched = launch(program(AUDIT_ARCH[machine], numbers), job.command, targets, ignored)
    for signo in FORWARDED:
        signal.signal(signo, lambda number, _: _forward(launched.pid, number))
    import uvloop  # noqa: PLC0415 - after the fork, which has to come before any loop

    return uvloop.run(_serve(launched, machine, job, told))


def _number(name: str, machine: str) -> int:
    number = {**NUMBERS, **HOSTS}[name][machine != "x86_64"]
    assert number is not None, name  # noqa: S101 - those that are trapped are there on both
    return number


async def _serve(launched: Launched, machine: str, job: Job, told: int) -> int:
    async with AsyncExitStack() as failed:
        failed.callback(launched.give_up)
        backend = await _backend(job)
        failed.push_async_callback(backend.close)
        await _login(backend, job.login)
        proc = ProcFiles(launched.files, backend) if job.proc else None
        supervisor = _supervisor(Listener(launched.listener), backend, machine, job, proc)
        failed.pop_all()
    ended = asyncio.Event()
    waiting = (launched.pid, told, asyncio.get_running_loop(), ended)
    threading.Thread(target=_wait, args=waiting, daemon=True, name="usernel-wait").start()
    launched.go()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    await ended.wait()
    job.summary(job.trace, supervisor.processes.seen)
    os.close(told)
    await supervisor.last_one_gone()
    supervisor.close()
    await backend.close()
    return 0


def _supervisor(
    listener: Listener, backend: Embedded | Remote, machine: str, job: Job, proc: ProcFiles | None
) -> Supervisor:
    """Whoever serves the calls, from now on."""
    descriptors, helpers = Descriptors(backend, listener), Helpers(listener.fd)
    trapped = (*msg.CALLS, *MqCalls(descriptors, helpers, backend).table())
    calls = {_number(call.name, machine): call for call in trapped}
    handed_on = {_number(name, machine): name for name in (*HANDED_ON, *ON_THE_HOST)}
    supervisor = Supervisor(listener, backend, calls, descriptors, helpers, handed_on, job.trace, proc)
    supervisor.processes.login = job.login
    asyncio.get_running_loop().add_reader(listener.fd, supervisor.on_readable)
    return supervisor


async def _backend(job: Job) -> Embedded | Remote:
    if job.url is None:
        return Embedded.begin()
    return await Remote.connect(job.url, job.token, job.task)


async def _login(backend: Embedded | Remote, login: Login | None) -> None:
    if login is not None and isinstance(backend, Remote):
        await backend.try_login(login)


def _wait(pid: int, told: int, loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Tell the process in front how the program stops, goes on and ends. In a thread, for waiting blocks."""
    front, lives = os.getppid(), True
    while lives:
        _, status = os.waitpid(pid, os.WUNTRACED | os.WCONTINUED)
        lives = os.WIFSTOPPED(status) or os.WIFCONTINUED(status)
        with suppress(BrokenPipeError):  # whoever stood in front was killed, and the program goes on
            os.write(told, STATUS.pack(status))
        if os.WIFCONTINUED(status) and os.getppid() == front:
            os.kill(front, signal.SIGCONT)
    loop.call_soon_threadsafe(ended.set)
