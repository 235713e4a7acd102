"""The processes that a case drives on the host, and the zygote they come from.

One world is: a process that is init of a fresh pid namespace (its death ends the world), and below it one worker a
task. A worker reads a call from its socket, makes it, and writes what came of it; while the call sleeps, the worker
does. It has one thread, so that a signal meets exactly the call that a case means.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from tests.conformance.linux import (
    CAPABILITIES,
    CLONE_FILES,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    CLONE_SIGHAND,
    CLONE_THREAD,
    CLONE_VM,
)
from tests.conformance.targets import native_namespaces_unsafe as namespaces
from tests.conformance.targets import native_processes_unsafe as processes
from tests.conformance.targets import native_syscalls_unsafe as host
from tests.conformance.targets.wire import receive, send

ROWS = host.ROWS | namespaces.ROWS | processes.ROWS
MQUEUE_MOUNT = next((path for path in ("/dev/mqueue", "/mnt", "/sys") if os.path.isdir(path)), "/")  # noqa: PTH112
RESTRICTED = (1 << 41) - 1 & ~(1 << CAPABILITIES["CAP_SYS_RESOURCE"])
"""Every capability but the one that many machines withhold, so that the same is asked everywhere."""
THREAD = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM
HANDLED_BY_PYTHON = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)
LIMITS = {
    resource.RLIMIT_NOFILE: (1024, 4096),
    resource.RLIMIT_MSGQUEUE: (819200, 819200),
    resource.RLIMIT_NICE: (0, 0),
    resource.RLIMIT_SIGPENDING: (4096, 4096),
}


def connect(address: str) -> socket.socket:
    """A stream to the driver, at a descriptor that no case reaches."""
    plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    plain.connect(address)
    high = fcntl.fcntl(plain.fileno(), fcntl.F_DUPFD_CLOEXEC, host.HIGH_FD)
    plain.close()
    return socket.socket(fileno=high)


class Worker:
    """One task of a world."""

    def __init__(self, address: str, stream: socket.socket | None = None) -> None:
        self.address = address
        self.stream = stream or self.hello()

    def hello(self) -> socket.socket:
        """A stream of its own."""
        self.stream = connect(self.address)
        send(self.stream, {"role": "task"})
        return self.stream

    def serve(self) -> None:
        while True:
            try:
                name, args = receive(self.stream)
            except EOFError:
                os._exit(0)
            reply = self.answer(name, args)
            if reply is not None:
                send(self.stream, reply)

    def answer(self, name: str, args: dict[str, Any]) -> dict[str, Any] | None:
        """What came of a call. None in a child that the call made."""
        try:
            if name == "fork":
                pid = self.fork(**args)
                return {"ret": pid} if pid else None
            if name in {"clone", "clone3"}:
                return self.clone(name, args)
            if name == "execve":
                self.execve(**args)
            if name == "exit_group":
                os._exit(args.get("status", 0))
            ret, out = ROWS[name](**args)
        except host.Refused as refused:
            return {"errno": errno.errorcode[refused.number]}
        except Exception:  # noqa: BLE001 - the driver says it, and fails
            return {"broken": traceback.format_exc()}
        return {"ret": ret} if out is None else {"ret": ret, "out": out}

    def clone(self, name: str, args: dict[str, Any]) -> dict[str, Any] | None:
        """A child of the raw call, with its own stream. A thread is one of Python's: it sleeps, and only counts."""
        flags = args["flags"] if name == "clone" else args["args"].get("flags", 0)
        if name == "clone3" and flags & THREAD == THREAD:
            return {"ret": sleeping_thread()}
        ret, out = namespaces.clone(**args) if name == "clone" else namespaces.clone3(**args)
        if ret:
            return {"ret": ret} if out is None else {"ret": ret, "out": out}
        if flags & CLONE_FILES:
            self.stream.detach()  # the parent's descriptor too
        else:
            self.stream.close()
        self.hello()
        return None

    def execve(self, path: str) -> None:
        """Become the program at a path. What can succeed is this one again, which keeps its stream and goes on."""
        ignored = [str(number) for number in HANDLED_BY_PYTHON if ignores(number)]
        self.stream.set_inheritable(True)
        try:
            again = [self.address, str(self.stream.fileno()), *ignored]
            processes.execve(path, [sys.executable, "-m", "tests.conformance.targets.native_worker_unsafe", *again])
        finally:
            self.stream.set_inheritable(False)

    def fork(self, **how: Any) -> int:
        """A child with its own stream, or the errno that kept it from becoming what it should be."""
        ready, report = os.pipe2(os.O_CLOEXEC)
        ready, report = move_up(ready), move_up(report)
        pid = os.fork()
        if pid:
            os.close(report)
            failure = os.read(ready, 8)
            os.close(ready)
            if failure:
                raise host.Refused(int(failure))
            return pid
        os.close(ready)
        try:
            self.become(**how)
        except (host.Refused, OSError) as error:
            os.write(report, str(error.number if isinstance(error, host.Refused) else error.errno).encode())
            os._exit(0)
        self.stream.close()
        self.hello()
        os.close(report)
        return 0

    def become(
        self,
        uid: int | None = None,
        gid: int | None = None,
        groups: list[int] | None = None,
        cap: list[str] | None = None,
        comm: str | None = None,
        unshare: int = 0,
    ) -> None:
        if unshare:
            namespaces.unshare(unshare)
        keep = host.capget()
        if cap is not None:
            keep &= sum(1 << CAPABILITIES[name] for name in cap)
            host.keep_capabilities(wanted=True)
        if groups is not None:
            os.setgroups(groups)
        if gid is not None:
            os.setresgid(gid, gid, gid)
        if uid is not None:
            os.setresuid(uid, uid, uid)
        if cap is not None:
            host.capset(keep)
            host.keep_capabilities(wanted=False)
        host.be_dumpable()
        if comm is not None:
            host.be_called(comm)


def ignores(number: int) -> bool:
    _, action = host.rt_sigaction(number)
    return action is not None and action["sa_handler"] == "SIG_IGN"


def sleeping_thread() -> int:
    """The id of a new thread that takes no signals."""
    before = signal.pthread_sigmask(signal.SIG_SETMASK, range(1, signal.NSIG))
    thread = threading.Thread(target=signal.pause, daemon=True)
    thread.start()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return thread.native_id or 0


def move_up(descriptor: int) -> int:
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, host.HIGH_FD)
    os.close(descriptor)
    return high


def run_in_order() -> None:
    """Let the tasks of this world run one at a time, in the order in which they are woken: SCHED_FIFO on one processor.

    Linux wakes several System V senders at once, and who gets the room is then up to the scheduler.
    """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def be_trapped(program: bytes, mounts: list[tuple[str, int]], stream: socket.socket) -> None:
    """Be under a seccomp filter, and send the driver the listener: who answers what is trapped is its affair."""
    from usernel.gateway.mount_unsafe import mount_new
    from usernel.gateway.notify_unsafe import install

    files = mount_new([(Path(path), mode) for path, mode in mounts]) if mounts else []
    listener = install(program)
    socket.send_fds(stream, [b"listener"], [listener, *files])
    for fd in (listener, *files):
        os.close(fd)


def init_of_world(address: str, order: dict[str, Any]) -> None:
    """Be pid 1: mount what shows the namespaces, make the first task, and clean up when the driver says so."""
    if order["in_order"]:
        run_in_order()
    host.be_called("python")
    host.cut_off_mounts()
    host.mount_in_namespace("proc", "/proc")
    host.mount_in_namespace("mqueue", MQUEUE_MOUNT)
    namespaces.sethostname("usernel")
    namespaces.setdomainname("(none)")
    stream = connect(address)
    send(stream, {"role": "init"})
    if order["trapped"]:
        be_trapped(order["trapped"], order["mounts"], stream)
    if os.fork() == 0:
        stream.close()
        for descriptor in range(3):
            os.close(descriptor)
        os.umask(0o022)
        for kind, limits in LIMITS.items():
            resource.setrlimit(kind, limits)
        os.setgroups([])
        host.capset(host.capget() & RESTRICTED)
        Worker(address).serve()
    receive(stream)  # the driver says that every worker is gone, or is gone itself
    for name in os.listdir(MQUEUE_MOUNT):  # noqa: PTH208 - plain names
        host.mq_unlink(name)
    send(stream, {"done": True})
    os._exit(0)


def zygote(address: str) -> None:
    """Make a world whenever asked, until the driver closes the stream."""
    for number in range(1, 65):
        try:
            host.rt_sigaction(number, {"sa_handler": "SIG_DFL"})
        except host.Refused:
            continue  # SIGKILL, SIGSTOP, and the two that libc keeps for itself
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    host.rt_sigaction(signal.SIGCHLD, {"sa_handler": "SIG_DFL", "sa_flags": 2})  # SA_NOCLDWAIT: nobody to wait for
    stream = connect(address)
    send(stream, {"role": "zygote"})
    while True:
        try:
            order = receive(stream)
        except EOFError:
            return
        if os.fork() == 0:
            stream.close()
            launch(address, order)


def launch(address: str, order: dict[str, Any]) -> None:
    """Go into the world's namespaces and leave its init there.

    What is trapped stays in the pid namespace of its supervisor, whose signals could not say who sent them otherwise;
    and in its IPC namespace where it finds files that show that.
    """
    own_pids = 0 if order["trapped"] else CLONE_NEWPID
    own_ipc = 0 if order["mounts"] else CLONE_NEWIPC
    namespaces.unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | own_pids | own_ipc)
    if os.fork() == 0:
        os.setsid()
        try:
            init_of_world(address, order)
        except EOFError:
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a world that cannot be made is reported to whoever runs the zygote
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    os._exit(0)


def resume(address: str, stream: int, *ignored: str) -> None:
    """Go on as a worker that has become this program. Its signals are as the kernel left them, not as Python wants."""
    for number in HANDLED_BY_PYTHON:
        host.rt_sigaction(number, {"sa_handler": "SIG_IGN" if str(int(number)) in ignored else "SIG_DFL"})
    worker = Worker(address, socket.socket(fileno=stream))
    worker.stream.set_inheritable(False)
    send(worker.stream, {"ret": 0})
    worker.serve()


if __name__ == "__main__":
    if sys.argv[2:]:
        resume(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
    else:
        zygote(sys.argv[1])
