"""Pid namespaces, and the numbers that a process has in each (``pid_namespaces(7)``, ``kernel/pid.c``)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final

from usernel.abi.capability import CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN
from usernel.abi.errno import Errno
from usernel.abi.sched import CLONE_NEWPID

from ..error import KernelError
from ..wait import WaitQueue
from .namespace import Namespace, Sysctl

if TYPE_CHECKING:
    from ..cred import Cred
    from ..facts import NamespaceCreated
    from ..task import Task
    from .user import UserNamespace

PID_MAX: Final = 4194304
RESERVED_PIDS: Final = 300


class PidNamespace(Namespace):
    """A pid namespace. ``child_reaper`` is its init; ``adding`` is over once that has ended."""

    kind = CLONE_NEWPID
    SYSCTLS: ClassVar[Mapping[str, Sysctl]] = {
        "kernel.ns_last_pid": Sysctl("last_pid", 0, PID_MAX - 1, CAP_CHECKPOINT_RESTORE | CAP_SYS_ADMIN),
    }

    def __init__(self, fact: NamespaceCreated, owner: UserNamespace | None, above: PidNamespace | None) -> None:
        super().__init__(fact, owner)
        self.above = above
        self.level: int = above.level + 1 if above else 0
        self.pids: dict[int, Pid] = {}
        self._ascending: list[int] = []
        self.last_pid = 0
        self.child_reaper: Task | None = None
        self.adding = True

    @property
    def parent(self) -> PidNamespace | None:
        """The pid namespace whose tasks see those of this one."""
        return self.above

    def within(self, ancestor: PidNamespace) -> bool:
        """Whether it is another pid namespace, or lies below it."""
        ns: PidNamespace | None = self
        while ns is not None and ns.level > ancestor.level:
            ns = ns.above
        return ns is ancestor

    def chain(self) -> list[PidNamespace]:
        """From the initial one down to this."""
        return [*(self.above.chain() if self.above else ()), self]

    def free_number(self) -> int:
        """The next number that nobody has, cyclic. EAGAIN where there is none."""
        least = RESERVED_PIDS if self.last_pid >= RESERVED_PIDS else 1
        for number in range(self.last_pid + 1, PID_MAX):
            if number not in self.pids:
                return number
        for number in range(least, self.last_pid + 1):
            if number not in self.pids:
                return number
        raise KernelError(Errno.EAGAIN, "every pid is taken")

    def add(self, number: int, pid: Pid) -> None:
        """A number is taken."""
        self.pids[number] = pid
        insort(self._ascending, number)

    def remove(self, number: int) -> None:
        """A number is free."""
        del self.pids[number]
        del self._ascending[bisect_left(self._ascending, number)]

    def page(self, after: int, limit: int) -> list[Task]:
        """Up to ``limit`` tasks with numbers above ``after``, ascending."""
        start = bisect_right(self._ascending, after)
        listed = (self.pids[self._ascending[index]].task for index in range(start, len(self._ascending)))
        return list(islice((task for task in listed if task is not None), limit))

    def durable(self) -> dict[str, Any]:
        """Its place in the tree; processes end with the service."""
        shown = super().durable()
        return {**shown, "sysctls": {}, "parent": self.above.inum if self.above else None}

    def stat(self) -> dict[str, Any]:
        """And its depth, its processes, its init."""
        reaper = self.child_reaper.pid if self.child_reaper else None
        return {**super().stat(), "level": self.level, "pids": len(self.pids), "child_reaper": reaper}


class Pid:
    """``struct pid``: what a process, group or session is called in each pid namespace that sees it.

    It keeps its numbers as long as anything is ``attached``: a task, or a group or session called after it. ``task`` is
    the task of these numbers until it is reaped. ``group_members`` are the leaders of the processes in the process
    group called after it, ``pollers`` sleep until it ends.
    """

    __slots__ = ("attached", "exit_code", "group_members", "numbers", "pollers", "task")

    def __init__(self, numbers: Sequence[tuple[PidNamespace, int]]) -> None:
        self.numbers = tuple(numbers)
        self.attached = 0
        self.task: Task | None = None
        self.exit_code: int | None = None
        self.group_members: dict[Task, None] = {}
        self.pollers = WaitQueue()
        for ns, number in self.numbers:
            ns.add(number, self)

    @property
    def ns(self) -> PidNamespace:
        """The pid namespace that it was made in (``ns_of_pid``)."""
        return self.numbers[-1][0]

    @property
    def nr(self) -> int:
        """Its number in the initial pid namespace (``pid_nr``)."""
        return self.numbers[0][1]

    def nr_in(self, ns: PidNamespace) -> int:
        """Its number in a pid namespace, 0 where that does not see it (``pid_nr_ns``)."""
        if ns.level < len(self.numbers) and self.numbers[ns.level][0] is ns:
            return self.numbers[ns.level][1]
        return 0

    @property
    def is_child_reaper(self) -> bool:
        """Whether it is number 1 of its namespace."""
        return self.numbers[-1][1] == 1

    def attach(self) -> Pid:
        """Something more is called after it."""
        self.attached += 1
        return self

    def detach(self) -> None:
        """Something is not any more; with the last its numbers are free (``free_pid``)."""
        self.attached -= 1
        if not self.attached:
            for ns, number in self.numbers:
                ns.remove(number)


def choose_numbers(cred: Cred, ns: PidNamespace, set_tid: Sequence[int], *, fresh: bool) -> list[int]:
    """Numbers for a new task in a pid namespace and all above it, the innermost first; ``set_tid`` names some.

    ``fresh``: it will be born in a namespace that is still to be made below ``ns``. EINVAL, EPERM and EEXIST for
    ``set_tid``; EAGAIN; ENOMEM where the namespace's init has ended. Nothing is taken yet.
    """
    if len(set_tid) > ns.level + 1 + fresh:
        raise KernelError(Errno.EINVAL, f"{len(set_tid)} numbers for {ns.level + 1 + fresh} pid namespaces")
    wanted = list(set_tid)
    numbers: list[int] = []
    if fresh:
        if wanted and wanted.pop(0) != 1:
            raise KernelError(Errno.EINVAL, "the first of a pid namespace is number 1")
        numbers.append(1)
    numbers += [
        _chosen(cred, level, wanted.pop(0)) if wanted else level.free_number() for level in reversed(ns.chain())
    ]
    if not ns.adding:
        raise KernelError(Errno.ENOMEM, "the init of the pid namespace has ended")
    return numbers


def alloc_pid(ns: PidNamespace, numbers: Sequence[int], chosen: int) -> Pid:
    """Take the numbers that were chosen; those that the caller named (``chosen`` of them) move no cursor."""
    levels = list(zip(reversed(ns.chain()), numbers, strict=True))
    for level, number in levels[chosen:]:
        level.last_pid = number
    return Pid(levels[::-1])


def _chosen(cred: Cred, ns: PidNamespace, number: int) -> int:
    if not 1 <= number < PID_MAX:
        raise KernelError(Errno.EINVAL, f"{number} is no pid")
    if number != 1 and ns.child_reaper is None:
        raise KernelError(Errno.EINVAL, "the first of a pid namespace is number 1")
    if not (cred.ns_capable(ns.user_ns, CAP_CHECKPOINT_RESTORE) or cred.ns_capable(ns.user_ns, CAP_SYS_ADMIN)):
        raise KernelError(Errno.EPERM, "choosing a pid wants CAP_CHECKPOINT_RESTORE")
    if number in ns.pids:
        raise KernelError(Errno.EEXIST, f"pid {number} is taken")
    return number
