"""The kernel in process as a target: its clock stands still unless a case waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import usernel
from tests.kernel.shadow import Shadow
from usernel.kernel import kernel as model
from usernel.sim import CallHandle
from usernel.sim.task import Task
from usernel.syscalls.table import TABLE

from ..linux import CAPABILITIES, CLONE_NEWIPC, CLONE_NEWPID
from ..scenario import NOBODY
from .invariants import check

DIED = {"died": True}
RESTRICTED = sorted(set(range(41)) - {CAPABILITIES["CAP_SYS_RESOURCE"]})
STEP_NS = 1_000_000
UPTIME_NS = 10**13
"""How long the kernel has run: as on any host, some hours."""
UNWAITED = {"sa_handler": "SIG_DFL", "sa_flags": ["SA_NOCLDWAIT"]}
"""What a world's tasks do with SIGCHLD, as on the host: nobody waits for their children."""


def timespec(ns: int) -> dict[str, int]:
    """``struct timespec`` of so many nanoseconds."""
    return {"tv_sec": ns // 10**9, "tv_nsec": ns % 10**9}


def resolve(args: dict[str, Any], now_ns: int) -> dict[str, Any]:
    """Arguments with times from now made into times."""
    resolved = dict(args)
    for name, base in (("abs_timeout", now_ns), ("timeout", 0)):
        value = resolved.get(name)
        if isinstance(value, dict) and "after_ns" in value:
            resolved[name] = timespec(base + value["after_ns"])
    return resolved


def adopted(kernel: model.Kernel, by: model.Task, number: int) -> model.Task:
    """The task that another has just made, by its number there."""
    found = kernel.find_task(by, number)
    assert found is not None
    return found


def number_of(task: model.Task, by: model.Task) -> int:
    """What a task is called in the pid namespace of another; a number of nobody where it is not seen there."""
    return task.thread_pid.nr_in(by.thread_pid.ns) or NOBODY


class KernelWorld:
    """The driver of one world: namespaces of a kernel of its own. Keys are pids in the initial pid namespace."""

    def __init__(self) -> None:
        self.kernel = usernel.Kernel(seed=0, realtime_ns=time.time_ns() - UPTIME_NS)
        self.kernel.advance(UPTIME_NS)
        self._shadow = Shadow(self.kernel)
        init = self.kernel.fork(unshare=CLONE_NEWIPC | CLONE_NEWPID, setsid=True, comm="python")
        init.rt_sigaction("SIGCHLD", UNWAITED)
        root = init.child(cap=RESTRICTED)
        root.prctl("PR_CAPBSET_DROP", CAPABILITIES["CAP_SYS_RESOURCE"])
        self.root = root.pid
        self._tasks = {self.root: root}
        self._calls: dict[int, CallHandle] = {}
        self._answers: dict[int, dict[str, Any]] = {}

    def adopt(self, by: int, number: int) -> int:
        """Take over a task that another has just made, which calls it by this number."""
        found = adopted(self.kernel.model, self._tasks[by]._task, number)
        self._tasks[found.pid] = Task(self.kernel, found)
        return found.pid

    def number(self, key: int, by: int) -> int:
        """What a task is called in the pid namespace of another."""
        return number_of(self._tasks[key]._task, self._tasks[by]._task)

    def begin(self, pid: int, name: str, args: dict[str, Any]) -> None:
        """Start a call."""
        self._answers.pop(pid, None)
        self._calls.pop(pid, None)
        task = self._tasks[pid]
        if task.exited:
            self._answers[pid] = DIED
            return
        self._calls[pid] = task.start(name, **resolve(args, self.kernel.model.realtime_ns))
        self._look()

    def _look(self) -> None:
        for pid, call in self._calls.items():
            if pid not in self._answers and call.done:
                self._answers[pid] = DIED if self._tasks[pid].exited else answer(call)
        check(self.kernel.model)
        self._shadow.follow()

    def answer(self, pid: int) -> dict[str, Any] | None:
        """What a task's last call has come to, None while it sleeps."""
        return self._answers.get(pid)

    def wait(self, pid: int, seconds: float) -> None:
        """Let time pass, as far as the next deadline each time, until a task's call has returned."""
        end = self.kernel.model.monotonic_ns + int(seconds * 10**9)
        while pid not in self._answers and (left := end - self.kernel.model.monotonic_ns) > 0:
            due = self.kernel.model.next_deadline_in()
            self.kernel.advance(left if due is None else max(STEP_NS, min(due, left)))
            self._look()

    def alive(self, pid: int) -> bool:
        """Whether a task has not ended."""
        return not self._tasks[pid].exited


def answer(call: CallHandle) -> dict[str, Any]:
    """What a call came to; an errno has to be one that its row admits."""
    if call.error is None:
        result = call.outcome()
        return {"ret": result.ret} if result.out is None else {"ret": result.ret, "out": result.out}
    row = TABLE[call._call.name]
    assert call.error.errno in row.errnos, f"{row.name} answered {call.error.name}, which its row does not list"
    return {"errno": call.error.name}


@contextmanager
def world() -> Iterator[KernelWorld]:
    """A fresh world."""
    yield KernelWorld()
