"""Whose kernel serves the calls: the port of the supervisor, and its embedded side."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Protocol

from usernel.abi.capability import CAP_FULL_SET
from usernel.abi.resource import RLIMIT_NOFILE
from usernel.abi.sched import CLONE_FILES, CLONE_NEWIPC
from usernel.abi.signal import NSIG, SIG_CATCH, UNBLOCKABLE
from usernel.kernel.call import Call, Restart, Return
from usernel.kernel.error import KernelError
from usernel.kernel.fork import CloneArgs, Fork, copy_process
from usernel.kernel.ipc.mqueue_file import mq_file
from usernel.kernel.nsproxy import commit_creds, switch
from usernel.kernel.outputs import Output
from usernel.kernel.signal import SigAction
from usernel.kernel.task import RLimit, Task
from usernel.runtime import Runtime
from usernel.syscalls.table import TABLE

CAUGHT: Final = {signo: SigAction(SIG_CATCH) for signo in range(1, NSIG + 1) if signo not in UNBLOCKABLE}
"""Every signal is handled, by the program's own host; none ends or stops what stands for it here."""
DESCRIPTORS: Final = 1 << 20
"""Most descriptors in the kernel for all programs together; what each may have, its own host decides."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a process is on its host: what ``/proc/PID/status`` tells, and where its capabilities count.

    ``uids`` and ``gids`` are the real, effective, saved and file system ids; ``ipc`` the inode of its IPC namespace,
    ``initial`` whether that is the one in which it all began.
    """

    pid: int
    comm: str
    uids: tuple[int, int, int, int]
    gids: tuple[int, int, int, int]
    groups: tuple[int, ...]
    cap_effective: int
    cap_permitted: int
    ipc: int
    initial: bool


class Served(Protocol):
    """A call that was let in. When it is done it has ``result`` or ``error``; what it received is still held."""

    @property
    def done(self) -> bool:
        """Whether it is over."""

    @property
    def error(self) -> KernelError | None:
        """How it failed."""

    @property
    def result(self) -> Return | None:
        """What it returned."""

    @property
    def held(self) -> object:
        """Whether what it received waits to be committed or aborted."""

    @property
    def restart(self) -> Restart:
        """What a signal's handler does to it while it sleeps."""


@dataclass(slots=True, eq=False)
class Handle:
    """A descriptor in the kernel of an open POSIX queue, for one access mode; its number may change when it is lost."""

    mqdes: int
    nonblock: bool


OnServed = Callable[[Served], None]
OnFill = Callable[[tuple[bool, bool] | None], None]
"""Whether a queue has a message to be received, and whether it is full; None where that could not be found out."""
OnOutput = Callable[[Any, Output], None]
"""Something reaches what acts for a program, and is meant for that."""


class Backend(Protocol):
    """A kernel, near or far. Everything is told by callback, on the event loop, also before ``submit`` returns."""

    on_output: OnOutput | None
    on_reconnect: Callable[[], Coroutine[Any, Any, None]] | None
    shared: bool
    """Whether others than the programs here use the same queues."""

    def enter(self, who: Identity) -> Any:
        """A process calls for the first time: what acts for it from now on."""

    def assume(self, actor: Any, who: Identity) -> None:
        """It has other credentials now, or is in another IPC namespace."""

    def leave(self, actor: Any) -> None:
        """It has ended: its calls are interrupted, and what it held goes back."""

    def submit(self, actor: Any, name: str, args: Sequence[Any], on_served: OnServed) -> Served:
        """Let a call in; None acts for us, in the namespaces in which it all began."""

    def interrupt(self, served: Any) -> None:
        """A signal reached a sleeper."""

    def give_up(self, served: Any) -> None:
        """Nobody waits for it any more."""

    def commit(self, served: Any) -> None:
        """The caller has what the call received."""

    def fill(self, handle: Handle, then: OnFill) -> None:
        """Tell whether an open POSIX queue has a message to be received, and whether it is full."""

    def close_fd(self, fd: int) -> None:
        """Nobody has this descriptor any more; every actor shares one table of them."""

    def abort(self, served: Any) -> None:
        """It does not: the message goes back to its place."""

    async def close(self) -> None:
        """Nobody is left to be served."""


@dataclass(slots=True, eq=False)
class Embedded:
    """A kernel of our own, gone with the last process."""

    runtime: Runtime
    keeper: Task = field(init=False)
    """Whose table of descriptors all the others share: which process has which, the host knows."""
    on_output: OnOutput | None = None
    on_reconnect: Callable[[], Coroutine[Any, Any, None]] | None = None
    shared: bool = False
    _members: dict[int, dict[Task, None]] = field(default_factory=dict)
    """The tasks that stand for the members of each IPC namespace of the host, by its inode."""
    _ipc_of: dict[Task, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kernel = self.runtime.kernel
        how = Fork(comm="usernel-run", daemon=True, setsid=True)
        self.keeper = copy_process(kernel, kernel.init, CloneArgs(), how)
        self.keeper.rlimits[RLIMIT_NOFILE] = RLimit(DESCRIPTORS, DESCRIPTORS)

    def enter(self, who: Identity) -> Task:
        """A child of init with the process's pid, where that is free."""
        kernel = self.runtime.kernel
        unshare = 0 if who.initial or self._members.get(who.ipc) else CLONE_NEWIPC
        numbers = () if who.pid in kernel.tasks else (who.pid,)
        how = Fork(comm=who.comm, daemon=True, setsid=True)
        task = copy_process(kernel, self.keeper, CloneArgs(unshare | CLONE_FILES, set_tid=numbers), how)
        task.signals.actions |= CAUGHT
        self.runtime.streams.subscribe(task.pid, partial(self._heard, task))
        self._join(task, who.ipc)
        self.assume(task, who)
        return task

    def _heard(self, task: Task, output: Output) -> None:
        if self.on_output is not None:
            self.on_output(task, output)

    def assume(self, actor: Task, who: Identity) -> None:
        """Take over what the host says of it."""
        kernel = self.runtime.kernel
        if self._ipc_of[actor] != who.ipc:
            if not self._members.get(who.ipc) and not who.initial:
                TABLE["unshare"].act(kernel, Call(actor, "unshare", TABLE["unshare"].act, ()), CLONE_NEWIPC)
            elif who.initial:
                switch(kernel, actor, replace(actor.nsproxy, ipc=kernel.init.nsproxy.ipc))
            self._join(actor, who.ipc)
        (uid, euid, suid, fsuid), (gid, egid, sgid, fsgid) = who.uids, who.gids
        cred = replace(
            actor.cred, uid=uid, euid=euid, suid=suid, fsuid=fsuid, gid=gid, egid=egid, sgid=sgid, fsgid=fsgid,
            groups=tuple(sorted(who.groups)), cap_effective=who.cap_effective & CAP_FULL_SET,
            cap_permitted=who.cap_permitted & CAP_FULL_SET,
        )  # fmt: skip
        if cred != actor.cred:
            commit_creds(kernel, actor, cred)

    def _join(self, task: Task, ipc: int) -> None:
        """Stand among those in an IPC namespace of the host, and so in the one of ours that they are in."""
        self._forget(task)
        members = self._members.setdefault(ipc, {})
        neighbour = next(iter(members), None)
        if neighbour is not None and neighbour.nsproxy.ipc is not task.nsproxy.ipc:
            switch(self.runtime.kernel, task, replace(task.nsproxy, ipc=neighbour.nsproxy.ipc))
        members[task] = None
        self._ipc_of[task] = ipc

    def _forget(self, task: Task) -> None:
        ipc = self._ipc_of.pop(task, None)
        if ipc is not None:
            del self._members[ipc][task]
            if not self._members[ipc]:
                del self._members[ipc]

    def leave(self, actor: Task) -> None:
        """End the task."""
        self._forget(actor)
        self.runtime.exit(actor)

    def submit(self, actor: Task | None, name: str, args: Sequence[Any], on_served: OnServed) -> Call:
        """Let a call in."""
        if args and isinstance(args[0], Handle):
            args = (args[0].mqdes, *args[1:])
        return self.runtime.submit(actor or self.keeper, TABLE[name], args, on_served, hold=True)

    def interrupt(self, served: Call) -> None:
        """A signal reached a sleeper."""
        self.runtime.interrupt(served)

    def give_up(self, served: Call) -> None:
        """Nobody waits for it any more."""
        self.runtime.give_up(served)

    def commit(self, served: Call) -> None:
        """The caller has what the call received."""
        self.runtime.commit(served)

    def fill(self, handle: Handle, then: OnFill) -> None:
        """As it is this moment."""
        inode = mq_file(self.keeper, handle.mqdes).inode
        then((bool(inode.visible), inode.full))

    def close_fd(self, fd: int) -> None:
        """Close it."""
        self.runtime.submit(self.keeper, TABLE["close"], [fd], _unheard)

    def abort(self, served: Call) -> None:
        """It does not: the message goes back to its place."""
        self.runtime.abort(served)

    async def close(self) -> None:
        """Nobody is left to be served."""
        self.runtime.close()


def _unheard(served: Any) -> None:
    """Nobody waits for this answer."""
