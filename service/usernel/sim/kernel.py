"""The kernel that a test holds in its hands."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from usernel.abi.errno import Errno
from usernel.kernel import kernel as model
from usernel.kernel.call import Call, Out
from usernel.kernel.facts import Fact
from usernel.kernel.outputs import Output

from .faults import Faults
from .task import Task

EPOCH_NS = 1_600_000_000 * 1_000_000_000
"""Where CLOCK_REALTIME stands in a new kernel: some Sunday in 2020, and not 0, which in queues' times says never."""


class Kernel:
    """A kernel in process. Nothing happens in it but what a test does, and the same again from the same seed.

    ``model`` is the kernel itself, for tests that look inside.
    """

    def __init__(self, seed: int = 0, *, realtime_ns: int = EPOCH_NS) -> None:
        self.model = model.Kernel(realtime_ns, 0)
        self.random = Random(seed)  # noqa: S311 - replayed by its seed, which is the point
        self.faults = Faults(self.random)
        self._facts: list[Fact] = []
        self._outputs: list[Output] = []
        self.model.fault = self.faults
        self._collect()

    @property
    def init(self) -> Task:
        """Task 1."""
        return Task(self, self.model.init)

    def task(self, pid: int) -> Task:
        """The task of a pid. KeyError."""
        return Task(self, self.model.tasks[pid])

    def fork(self, **how: Any) -> Task:
        """A new task, child of init: ``fork(uid=1000, gid=1000, groups=[4], unshare="CLONE_NEWIPC")``."""
        return self.init.child(**how)

    def submit(self, call: Call) -> Call:
        """Let a call in."""
        self.model.submit(call)
        self._collect()
        return call

    def advance(self, ns: int) -> None:
        """Let time pass on both clocks; what falls due happens at its time, in order."""
        clocks = self.model.clocks
        end = clocks.monotonic_ns + ns
        while (left := self.model.next_deadline_in()) is not None and clocks.monotonic_ns + left <= end:
            self.model.tick(clocks.realtime_ns + left, clocks.monotonic_ns + left)
        left = end - clocks.monotonic_ns
        self.model.tick(clocks.realtime_ns + left, end)
        self._collect()

    def set_realtime(self, realtime_ns: int) -> None:
        """Set CLOCK_REALTIME, also back, as clock_settime(2) does."""
        self.model.tick(realtime_ns, self.model.monotonic_ns)
        self._collect()

    def fault(
        self, call: str, errno: str | Errno, *, after: int = 0, times: int | None = 1, chance: float = 1.0
    ) -> None:
        """Let a call end with an errno instead of running.

        ``after`` so many of its calls, ``times`` at most (None: for ever), each with a ``chance`` drawn from the seed.
        """
        self.faults.add(call, Errno[errno] if isinstance(errno, str) else errno, after, times, chance)

    def take_outputs(self) -> Sequence[Output]:
        """What left the kernel beside results since the last time: signals delivered, notifications, ends of tasks."""
        self._collect()
        outputs, self._outputs = self._outputs, []
        return outputs

    @property
    def facts(self) -> Sequence[Fact]:
        """Every fact since the beginning, in order."""
        self._collect()
        return self._facts

    def stat(self) -> Out:
        """How much there is of everything."""
        return dict(self.model.stat())

    def _collect(self) -> None:
        self._facts += self.model.take_facts()
        self._outputs += [output for _, output in self.model.take_outputs()]
        self.model.take_finished()
