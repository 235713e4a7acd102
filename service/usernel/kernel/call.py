"""A call in flight: what it returned, or what it waits for. Blocking is data, never a Python frame.

An *attempt* at a call returns a ``Return``, raises ``KernelError``, or returns a ``Block``: the wait queues it sleeps
on, until when, and the *stage* that takes over when it is woken. What ran before the block is not run again; the
wake-up hands its outcome to the stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .error import KernelError

if TYPE_CHECKING:
    from .file import File
    from .kernel import Kernel
    from .task import Task
    from .wait import Sleepers

Out = dict[str, Any]
"""What a call hands back beside its number, by the names of the C structures' fields."""


class Return(NamedTuple):
    """A call's result: the number that the system call returns, and what it wrote through pointers."""

    ret: int
    out: Out | None = None


class Wake(Enum):
    """Why a sleeping call runs again, where its waker has nothing else to hand over."""

    WOKEN = auto()
    TIMED_OUT = auto()
    INTERRUPTED = auto()
    RESTART = auto()


class Clock(Enum):
    """Which clock a deadline is on. BOOTTIME goes on while the machine sleeps; the kernel's own never does."""

    REALTIME = auto()
    MONOTONIC = auto()
    BOOTTIME = auto()


class Restart(Enum):
    """What a signal's handler does to a sleeping call (the kernel's ERESTART codes).

    ``NOHAND``: EINTR, whatever the handler's flags. ``SYS``: started again under SA_RESTART.
    """

    NOHAND = auto()
    SYS = auto()


Stage = Callable[["Kernel", "Call", Any, Any], "Return | Block"]
"""What a woken call does, given the ``entry`` of its block and what the waker handed over."""


@dataclass(slots=True)
class Block:
    """The call cannot go on yet: sleep ``on`` these queues until ``until`` (ns on ``clock``), then run ``stage``.

    ``entry`` is what the queues know of the sleeper: the size a sender needs, the type a receiver wants. ``files`` are
    open files that stay open while it sleeps.
    """

    on: tuple[Sleepers, ...]
    stage: Stage
    entry: Any = None
    until: int | None = None
    clock: Clock = Clock.REALTIME
    files: tuple[File, ...] = ()


class Attempt(Protocol):
    """The function of a system call: its row in the table, as far as the kernel knows it."""

    def __call__(self, kernel: Kernel, call: Call, /, *args: Any) -> Return | Block:
        """Attempt the call."""


class Held(Protocol):
    """Messages that a receiver took and that have not left their queue yet."""

    @property
    def size(self) -> int:
        """How many bytes they have."""

    def commit(self, kernel: Kernel, pid: int) -> None:
        """They leave their queue, received by task ``pid``."""

    def abort(self, kernel: Kernel) -> None:
        """They go back to their places."""


class Call:
    """One call of one task: running, parked or done.

    Done, it has ``result`` or ``error``, and ``position``: the log position at its execution, which must be durable
    before the outcome leaves the process (0 where it tells of an ``ephemeral`` object alone). With ``hold`` a receive
    leaves its messages held (``held``) until ``Kernel.commit`` or ``Kernel.abort``.
    """

    __slots__ = (
        "args", "attempt", "block", "done", "ephemeral", "error", "held", "hold", "name", "position", "restart",
        "result", "task", "whose", "withheld",
    )  # fmt: skip

    def __init__(
        self,
        task: Task,
        name: str,
        attempt: Attempt,
        args: Sequence[Any],
        *,
        hold: bool = False,
        restart: Restart = Restart.NOHAND,
    ) -> None:
        self.task = task
        self.name = name
        self.attempt = attempt
        self.args = args
        self.hold = hold
        self.restart = restart
        self.done = False
        self.ephemeral = False
        self.block: Block | None = None
        self.result: Return | None = None
        self.error: KernelError | None = None
        self.held: Held | None = None
        self.position = 0
        self.withheld: Exception | None = None
        """Why the outcome may not be told, whatever it is: its position will never be durable."""
        self.whose: Any = None
        """Who waits for the outcome: the runtime's, never read here."""

    @property
    def parked(self) -> bool:
        """Whether the call sleeps."""
        return self.block is not None

    def outcome(self) -> Return:
        """The result of a call that is done; raises its ``KernelError``, or why it is withheld."""
        if self.withheld is not None:
            raise self.withheld
        if self.error is not None:
            raise self.error
        if self.result is None:
            raise RuntimeError(f"{self.name} is not done")
        return self.result

    def stat(self) -> Out:
        """The call as ``/proc/[pid]/syscall`` would show it."""
        state = "done" if self.done else "parked" if self.parked else "running"
        return {"call": self.name, "pid": self.task.pid, "state": state, "held": self.held is not None}
