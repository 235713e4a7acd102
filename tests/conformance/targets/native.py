"""Linux itself as a target: worlds of processes in fresh namespaces, driven over sockets."""

from __future__ import annotations

import fcntl
import functools
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..linux import IOCTLS
from ..scenario import NOBODY
from .native_numbers import NUMBERS
from .wire import receive, send

PATIENCE_S = 20
LOCK = Path(tempfile.gettempdir()) / "usernel-conformance.lock"
DIED = {"died": True}
PF_EXITING = 4


class Process:
    """A worker of a world, as the driver sees it. ``answer`` is what its call in flight has come to."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self.host_pid = peer_pid(stream)
        self.numbers = numbers(self.host_pid)
        self.pidns = next(iter(self.numbers))
        self.call: str | None = None
        self.answer: dict[str, Any] | None = None
        self.dead = False
        self._handle = os.pidfd_open(self.host_pid)
        self._syscall = os.open(f"/proc/{self.host_pid}/syscall", os.O_RDONLY | os.O_CLOEXEC)
        self._stat = os.open(f"/proc/{self.host_pid}/stat", os.O_RDONLY | os.O_CLOEXEC)

    def begin(self, name: str, args: dict[str, Any]) -> None:
        self.call, self.answer = name, None
        if self.dead:
            self.answer = DIED
        else:
            send(self.stream, (name, args))

    def settle(self) -> bool:
        """Wait until it sleeps in its call or for the next one. Whether anything happened meanwhile."""
        if self.dead:
            return False
        happened = False
        deadline = time.monotonic() + PATIENCE_S
        pause = 0.0
        while time.monotonic() < deadline:
            if readable(self.stream, pause):
                self._take()
                happened = True
                if self.dead:
                    return True
            elif self._sleeps():
                return happened
            else:
                happened, pause = True, 0.0002
        raise AssertionError(f"the host's {self.call} neither returned nor slept in {PATIENCE_S} s")

    def wait(self, seconds: float) -> None:
        """Give its call in flight this long to return."""
        if not self.dead and self.answer is None and readable(self.stream, seconds):
            self._take()

    def signal(self, signo: int) -> None:
        """Signal it, if it is still there."""
        try:
            signal.pidfd_send_signal(self._handle, signo)
        except ProcessLookupError:
            pass

    def gone(self) -> None:
        """Wait until it has ended, and given up what it had open."""
        if not readable(self._handle, PATIENCE_S):
            raise AssertionError(f"process {self.host_pid} does not end")
        while self._runs():  # what nobody waits for is still to be reaped by it
            time.sleep(0)

    def _runs(self) -> bool:
        try:
            return os.pread(self._syscall, 32, 0).startswith(b"running")
        except OSError:
            return False

    def close(self) -> None:
        """Forget it; it has to be gone. What is open of it would keep its pid namespace from ending."""
        self.stream.close()
        for descriptor in (self._handle, self._syscall, self._stat):
            os.close(descriptor)

    def _take(self) -> None:
        try:
            self.answer = receive(self.stream)
        except EOFError:
            self.gone()
            self.close()
            self.dead = True
            if self.answer is None:
                self.answer = DIED
        if "broken" in (self.answer or {}):
            raise AssertionError(f"the worker could not make the call {self.call}:\n{self.answer}")

    def _sleeps(self) -> bool:
        inside = "recvfrom" if self.answer is not None or self.call is None else self.call
        if inside not in NUMBERS:
            return False
        try:
            if os.pread(self._syscall, 32, 0).partition(b" ")[0] != b"%d" % NUMBERS[inside]:
                return False
            state, *_, flags = os.pread(self._stat, 256, 0).rpartition(b") ")[2].split()[:7]
            return state in (b"S", b"T") and not int(flags) & PF_EXITING
        except OSError:
            return False


def peer_pid(stream: socket.socket) -> int:
    credentials = stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[:4], sys.byteorder)


def numbers(host_pid: int) -> dict[int, int]:
    """What a process is called in each pid namespace that sees it, by the namespace's id: the innermost first."""
    status = Path(f"/proc/{host_pid}/status").read_text(encoding="utf-8")
    inwards = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
    namespace = os.open(f"/proc/{host_pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    found: dict[int, int] = {}
    for number in reversed(inwards):
        found[namespace_id(namespace)] = int(number)
        if len(found) < len(inwards):
            parent = fcntl.ioctl(namespace, IOCTLS["NS_GET_PARENT"])
            os.close(namespace)
            namespace = parent
    os.close(namespace)
    return found


def namespace_id(descriptor: int) -> int:
    """A namespace's id, which is never used again; its inode number where the kernel is too old to have one."""
    try:
        return int.from_bytes(fcntl.ioctl(descriptor, IOCTLS["NS_GET_ID"], bytes(8)), sys.byteorder)
    except OSError:
        return os.fstat(descriptor).st_ino


class NativeWorld:
    """The driver of one world: what a case's scenario asks of every target."""

    real_time = True

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._processes: dict[int, Process] = {}
        self._init = self._hub.accept("init")
        self._begun(self._init.stream)
        self.root = self._adopt()

    def _begun(self, init: socket.socket) -> None:
        """The world is there, and its first task waits for nothing more than this to return."""

    def _accepted(self) -> Process:
        return self._hub.accept("task")

    def _adopt(self) -> int:
        process = self._accepted()
        self._processes[process.host_pid] = process
        process.settle()
        return process.host_pid

    def adopt(self, by: int, number: int) -> int:
        """Take over a task that another has just made, which calls it by this number."""
        key = self._adopt()
        if self.number(key, by) != number:
            raise AssertionError(f"another task than {number} has come up")
        self.settle()
        return key

    def number(self, key: int, by: int) -> int:
        """What a task is called in the pid namespace of another."""
        return self._processes[key].numbers.get(self._processes[by].pidns, NOBODY)

    def begin(self, key: int, name: str, args: dict[str, Any]) -> None:
        """Start a call. When this returns, it and all that it woke have returned or sleep."""
        process = self._processes[key]
        if name.startswith("proc_") and args.get("pid"):
            args = args | {"pid": self._in_proc(process, args["pid"])}
        process.begin(name, args)
        process.settle()
        self.settle()

    def _in_proc(self, by: Process, number: int) -> int:
        # The proc that a worker sees is the world's, wherever it is itself.
        world = self._init.pidns
        if by.pidns == world:
            return number
        seen = [other for other in self._processes.values() if other.numbers.get(by.pidns) == number]
        return seen[-1].numbers[world] if seen else NOBODY

    def settle(self) -> None:
        """Let everything that can run do so: two rounds in a row in which every process was found asleep."""
        calm = 0
        while calm < 2:
            moved = [process.settle() for process in self._processes.values()]
            calm = 0 if any(moved) else calm + 1

    def answer(self, key: int) -> dict[str, Any] | None:
        """What a task's call in flight has come to, None while it sleeps."""
        return self._processes[key].answer

    def wait(self, key: int, seconds: float) -> None:
        """Let time pass until a task's call has returned, this long at most."""
        self._processes[key].wait(seconds)
        self.settle()

    def alive(self, key: int) -> bool:
        """Whether a task has not ended."""
        return not self._processes[key].dead

    def close(self) -> None:
        """End the world: its tasks first, so that what they have open is closed, then what is left of its queues."""
        living = [process for process in self._processes.values() if not process.dead]
        for process in living:
            if process.call is not None and process.answer is None:
                process.signal(signal.SIGKILL)
            process.signal(signal.SIGCONT)  # who is stopped does not see the end of its stream
            process.stream.shutdown(socket.SHUT_RDWR)
        for process in living:
            process.gone()
            process.close()
        send(self._init.stream, "finish")
        try:
            receive(self._init.stream)
        except EOFError:
            pass
        self._init.gone()
        self._init.close()


def readable(source: socket.socket | int, seconds: float) -> bool:
    """Wait this long at most until there is something to read."""
    poller = select.poll()
    poller.register(source, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


class Hub:
    """The zygote, and the socket that the processes of its worlds call."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="usernel-conformance-")
        Path(self._directory.name).chmod(0o711)
        address = f"{self._directory.name}/hub"  # a path: an abstract name is seen in its own net namespace alone
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(address)
        Path(address).chmod(0o777)
        self._listener.listen(64)
        self._listener.settimeout(PATIENCE_S)
        command = [sys.executable, "-m", "tests.conformance.targets.native_worker_unsafe", address]
        root = Path(__file__).resolve().parents[3]
        self._zygote = subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL)
        self._voice = self.accept("zygote")

    def accept(self, role: str, kind: Callable[[socket.socket], Process] = Process) -> Process:
        """The next process to call, which has to be one of this role."""
        stream, _ = self._listener.accept()
        hello = receive(stream)
        if hello["role"] != role:
            raise AssertionError(f"{hello['role']} called instead of {role}")
        return kind(stream)

    def order(self, *, in_order: bool, trapped: bytes = b"", mounts: Sequence[tuple[str, str]] = ()) -> None:
        """Ask for a world; with ``trapped`` its tasks are under that seccomp filter, and find files over others."""
        send(self._voice.stream, {"in_order": in_order, "trapped": trapped, "mounts": list(mounts)})

    def close(self) -> None:
        """End the zygote."""
        self._voice.close()
        self._listener.close()
        self._zygote.wait(PATIENCE_S)
        self._directory.cleanup()


@contextmanager
def hub() -> Iterator[Hub]:
    """A zygote for as many worlds as wanted."""
    made = Hub()
    try:
        yield made
    finally:
        made.close()


@contextmanager
def world(made: Hub, *, in_order: bool = True) -> Iterator[NativeWorld]:
    """A fresh world. ``in_order``: its tasks run in the order in which they are woken, and their nice values, which
    POSIX queues look at, count for nothing.
    """
    with alone():
        made.order(in_order=in_order)
        driver = NativeWorld(made)
        try:
            yield driver
        finally:
            driver.close()


@contextmanager
def alone() -> Iterator[None]:
    """Be the only one with a world: RLIMIT_MSGQUEUE counts a user's queues over all namespaces."""
    with LOCK.open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@functools.cache
def refusal() -> str:
    """Why this machine cannot answer; empty where it can."""
    if sys.platform != "linux":
        return f"this is {sys.platform}"
    if not NUMBERS:
        return f"the system call numbers of {os.uname().machine} are not known"
    if os.geteuid() != 0:
        return "this is not root"
    try:
        with hub() as made, world(made) as driver:
            driver.begin(driver.root, "msgget", {"key": 0, "msgflg": 0o600})
            return "" if driver.answer(driver.root) == {"ret": 0} else "its first queue is not number 0"
    except (OSError, AssertionError, EOFError) as error:
        return f"no fresh namespaces ({error})"
