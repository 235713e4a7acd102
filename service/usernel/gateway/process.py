"""Who calls: the host's processes, each with what acts for it in the kernel that serves them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from usernel.abi.resource import RLIM_INFINITY
from usernel.abi.signal import SIGKILL
from usernel.kernel.error import KernelError

from .backend import Backend, Identity, Login
from .notify_unsafe import Memory

PROC: Final = Path("/proc")


@dataclass(slots=True, eq=False)
class Process:
    """One process of the host; ``actor`` acts for it in the kernel."""

    pid: int
    pidfd: int
    actor: Any
    memory: Memory
    stale: bool = False
    """Whether a call that changes its credentials or namespaces went through since they were read."""
    asking: int = 0
    """The notification of its that is looked at."""


class Processes:
    """Every process that has made a trapped call and lives."""

    def __init__(self, backend: Backend, on_end: Callable[[Process], None]) -> None:
        self._backend = backend
        self._on_end = on_end
        self._by_pid: dict[int, Process] = {}
        self._leaders: dict[int, Process] = {}
        """By thread id, for those alone whose id cannot become another's without our being told: the leaders."""
        self._initial_ipc = _inode("self", "ipc")
        self._initial_user = _inode("self", "user")
        self._kept: dict[int, int] = {}
        """Descriptors of the IPC namespaces that were seen, by inode."""
        self.seen = 0
        self.login: Login | None = None

    def __len__(self) -> int:
        return len(self._by_pid)

    def of(self, tid: int, *, afresh: bool = False) -> Process | None:
        """The process of a thread, as it is now; None where it is gone.

        ``afresh``: also with its umask and limits, which change without our being told.
        """
        process = self._leaders.get(tid)
        try:
            if process is None:
                process = self._found(tid)
            if process.stale or afresh:
                process.stale = False
                self._backend.assume(process.actor, self._identity(process.pid, read_status(process.pid)))
        except (FileNotFoundError, ProcessLookupError, KeyError):
            return None
        return process

    def _found(self, tid: int) -> Process:
        status = read_status(tid)
        pid = int(status["Tgid"])
        process = self._by_pid.get(pid)
        if process is None:
            process = self._by_pid[pid] = self._enter(pid, status)
        if tid == pid:
            self._leaders[tid] = process
        return process

    def _enter(self, pid: int, status: Mapping[str, str]) -> Process:
        pidfd = os.pidfd_open(pid)
        try:
            actor = self._backend.enter(self._identity(pid, status))
        except (OSError, KernelError):
            os.close(pidfd)
            raise
        asyncio.get_running_loop().add_reader(pidfd, self._ended, pid)
        self.seen += 1
        return Process(pid, pidfd, actor, Memory(pid))

    def _identity(self, pid: int, status: Mapping[str, str]) -> Identity:
        """What the host says of a process; its capabilities only where they count in the user namespace we are in."""
        here = _inode(pid, "user") == self._initial_user
        effective, permitted = (int(status[name], 16) if here else 0 for name in ("CapEff", "CapPrm"))
        ipc = self._ipc(pid)
        who = Identity(
            pid, status["Name"], _four(status["Uid"]), _four(status["Gid"]),
            tuple(map(int, status["Groups"].split())), effective, permitted, ipc, ipc == self._initial_ipc,
            int(status["Umask"], 8), limit(pid, "Max msgqueue size"),
        )  # fmt: skip
        return who if self.login is None else self.login.seen(who)

    def _ipc(self, pid: int) -> int:
        """The inode of a process's IPC namespace. That is kept while we live, so that no other gets its number."""
        ipc = _inode(pid, "ipc")
        if ipc != self._initial_ipc and ipc not in self._kept:
            self._kept[ipc] = os.open(PROC / str(pid) / "ns" / "ipc", os.O_RDONLY | os.O_CLOEXEC)
        return ipc

    def of_actor(self, actor: Any) -> Process | None:
        """The process that something acts for."""
        return next((process for process in self._by_pid.values() if process.actor is actor), None)

    def _ended(self, pid: int) -> None:
        process = self._by_pid.pop(pid)
        self._leaders.pop(pid, None)
        asyncio.get_running_loop().remove_reader(process.pidfd)
        self._on_end(process)
        os.close(process.pidfd)
        self._backend.leave(process.actor)


def _four(line: str) -> tuple[int, int, int, int]:
    real, effective, saved, fs = map(int, line.split())
    return real, effective, saved, fs


def read_status(pid: int | str) -> dict[str, str]:
    """The lines of ``/proc/PID/status``. FileNotFoundError or ProcessLookupError where it is gone."""
    lines = (PROC / str(pid) / "status").read_text("utf-8", "replace").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def limit(pid: int, name: str) -> int:
    """A soft limit of a process, as ``/proc/PID/limits`` calls it. As ``read_status``."""
    lines = (PROC / str(pid) / "limits").read_text("utf-8").splitlines()
    soft = next(line.removeprefix(name).split()[0] for line in lines if line.startswith(name))
    return RLIM_INFINITY if soft == "unlimited" else int(soft)


def is_full(pid: int) -> bool:
    """Whether a process has no room for another descriptor."""
    try:
        most = limit(pid, "Max open files")
        return sum(int(fd.name) < most for fd in (PROC / str(pid) / "fd").iterdir()) >= most
    except OSError:
        return False  # gone, or not to be looked into


def _inode(pid: int | str, kind: str) -> int:
    return (PROC / str(pid) / "ns" / kind).stat().st_ino


def is_dying(tid: int) -> bool:
    """Whether a thread is gone, or will be when it next runs: SIGKILL waits for it, as for all that cannot live on."""
    try:
        status = (PROC / str(tid) / "status").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True
    _, _, pending = status.partition(b"\nSigPnd:\t")
    return not pending or bool(int(pending[:16], 16) >> (SIGKILL - 1) & 1)


def signal_pending(tid: int) -> bool:
    """Whether a thread has a signal that it does not block. As ``read_status``."""
    status = read_status(tid)
    pending = int(status["SigPnd"], 16) | int(status["ShdPnd"], 16)
    return bool(pending & ~int(status["SigBlk"], 16))
