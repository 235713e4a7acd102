"""A task that a test drives: every row of the table is a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from usernel.kernel.call import Call, Out
from usernel.kernel.task import Task as ModelTask
from usernel.syscalls.table import TABLE

from .call import CallHandle, WouldSleep
from .calls import Calls

if TYPE_CHECKING:
    from .kernel import Kernel


class Task(Calls):
    """A task of a ``Kernel``. ``p.msgget(key, flags)`` calls; ``p.start("msgrcv", q)`` starts one that may sleep."""

    def __init__(self, kernel: Kernel, task: ModelTask) -> None:
        self._kernel = kernel
        self._task = task

    @property
    def pid(self) -> int:
        """The task's pid."""
        return self._task.pid

    @property
    def exited(self) -> bool:
        """Whether it has ended."""
        return self._task.exited

    def stat(self) -> Out:
        """The task as ``/proc/[pid]`` shows it."""
        return self._task.stat()

    def start(self, name: str, /, *args: Any, hold: bool = False, **named: Any) -> CallHandle:
        """Start a call by its name; it may sleep. With ``hold`` a receive waits for ``commit`` or ``abort``."""
        row = TABLE[name]
        call = Call(self._task, name, row.act, row.bind(args, named), hold=hold, restart=row.restart)
        return CallHandle(self._kernel.model, self._kernel.submit(call))

    def call(self, name: str, /, *args: Any, **named: Any) -> Any:
        """Call by name. Returns the number, or a ``Return`` where the row hands something back; raises KernelError."""
        handle = self.start(name, *args, **named)
        if not handle.done:
            handle.interrupt()
            raise WouldSleep(f"{name} of task {self.pid} would sleep; start() it")
        result = handle.outcome()
        return result if TABLE[name].out is not None else result.ret

    def child(self, **how: Any) -> Task:
        """Fork, and drive the child."""
        return Task(self._kernel, self._kernel.model.child_of(self._task, self.call("fork", **how)))

    def __repr__(self) -> str:
        return f"<task {self.pid}>"
