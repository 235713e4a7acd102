"""A kernel of our own behind the programs, gone with the last of them.

It has no journal, so nothing waits to be durable, and no runtime stands between: what a trapped call costs is
mostly what is done around it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from usernel.abi.capability import CAP_FULL_SET
from usernel.abi.resource import RLIMIT_MSGQUEUE, RLIMIT_NOFILE
from usernel.abi.sched import CLONE_FILES, CLONE_NEWIPC
from usernel.abi.signal import NSIG, SIG_CATCH, UNBLOCKABLE
from usernel.kernel.call import Call
from usernel.kernel.fork import CloneArgs, Fork, copy_process
from usernel.kernel.ipc.mqueue_file import MqFile, mq_file
from usernel.kernel.ipc.mqueue_inode import MqInode
from usernel.kernel.kernel import Kernel
from usernel.kernel.ns.ipc import IpcNamespace
from usernel.kernel.ns.tree import get_ns
from usernel.kernel.nsproxy import commit_creds, switch
from usernel.kernel.signal import SigAction
from usernel.kernel.task import RLimit, Task
from usernel.syscalls.table import TABLE

from .backend import DESCRIPTORS, Handle, Identity, OnFill, OnOutput, OnServed

CAUGHT: Final = {signo: SigAction(SIG_CATCH) for signo in range(1, NSIG + 1) if signo not in UNBLOCKABLE}
"""Every signal is handled, by the program's own host; none ends or stops what stands for it here."""
HOLDING: Final = frozenset({"msgrcv", "mq_timedreceive"})
"""Calls that receive: what they have is held until the program has it."""
NSEC_PER_SEC: Final = 1_000_000_000


@dataclass(slots=True, eq=False)
class Embedded:
    """The programs' kernel; make it with ``begin``."""

    kernel: Kernel
    keeper: Task = field(init=False)
    """Whose table of descriptors all the others share: which process has which, the host knows."""
    on_output: OnOutput | None = None
    on_reconnect: Callable[[], Coroutine[Any, Any, None]] | None = None
    shared: bool = False
    _spaces: dict[int, IpcNamespace] = field(default_factory=dict)
    """Our IPC namespace for each of the host's, by its inode. They last as long as we do: nobody tells of an end."""
    _timer: asyncio.TimerHandle | None = None

    @classmethod
    def begin(cls) -> Embedded:
        """A kernel in which nothing is yet."""
        return cls(Kernel(time.time_ns(), time.monotonic_ns(), ephemeral=True))

    def __post_init__(self) -> None:
        how = Fork(comm="usernel-run", daemon=True, setsid=True)
        self.keeper = copy_process(self.kernel, self.kernel.init, CloneArgs(), how)
        self.keeper.rlimits[RLIMIT_NOFILE] = RLimit(DESCRIPTORS, DESCRIPTORS)

    # ---------------------------------------------------------------------------------------------------- processes

    def enter(self, who: Identity) -> Task:
        """A child of init with the process's pid, where that is free."""
        kernel = self.kernel
        numbers = () if who.pid in kernel.tasks else (who.pid,)
        how = Fork(comm=who.comm, daemon=True, setsid=True)
        task = copy_process(kernel, self.keeper, CloneArgs(CLONE_FILES, set_tid=numbers), how)
        task.signals.actions |= CAUGHT
        self.assume(task, who)
        return task

    def assume(self, actor: Task, who: Identity) -> None:
        """Take over what the host says of it."""
        self._move(actor, who)
        actor.umask, actor.rlimits[RLIMIT_MSGQUEUE] = who.umask, RLimit(who.mq_bytes, who.mq_bytes)
        (uid, euid, suid, fsuid), (gid, egid, sgid, fsgid) = who.uids, who.gids
        cred = replace(
            actor.cred, uid=uid, euid=euid, suid=suid, fsuid=fsuid, gid=gid, egid=egid, sgid=sgid, fsgid=fsgid,
            groups=tuple(sorted(who.groups)), cap_effective=who.cap_effective & CAP_FULL_SET,
            cap_permitted=who.cap_permitted & CAP_FULL_SET,
        )  # fmt: skip
        if cred != actor.cred:
            commit_creds(self.kernel, actor, cred)

    def _move(self, actor: Task, who: Identity) -> None:
        """Be in the IPC namespace that stands for the one that the process is in."""
        ns = self.kernel.init.nsproxy.ipc if who.initial else self._spaces.get(who.ipc)
        if ns is None:
            ns = self._spaces[who.ipc] = self._new_space(who)
        if ns is not actor.nsproxy.ipc:
            switch(self.kernel, actor, replace(actor.nsproxy, ipc=ns))

    def _new_space(self, who: Identity) -> IpcNamespace:
        maker = copy_process(self.kernel, self.kernel.init, CloneArgs(CLONE_NEWIPC), Fork(daemon=True))
        ns = maker.nsproxy.ipc
        ns.uid = who.uids[-1]  # who is seen in it first has made it, or is a child of who has
        get_ns(ns)
        self.kernel.exit(maker)
        return ns

    def renice(self, actor: Task, nice: int) -> None:
        """Take it over."""
        actor.nice = nice

    def leave(self, actor: Task) -> None:
        """End the task."""
        self._tell_time()
        self.kernel.exit(actor)
        self._pump()

    # -------------------------------------------------------------------------------------------------------- calls

    def submit(self, actor: Task | None, name: str, args: Sequence[Any], on_served: OnServed) -> Call:
        """Let a call in."""
        if args and type(args[0]) is Handle:
            args = (args[0].mqdes, *args[1:])
        row = TABLE[name]
        call = Call(actor or self.keeper, name, row.act, args, hold=name in HOLDING, restart=row.restart)
        call.whose = on_served
        self._tell_time()
        self.kernel.submit(call)
        self._pump()
        if not call.done:
            self._set_timer()
        return call

    def interrupt(self, served: Call) -> None:
        """A signal reached a sleeper."""
        self._tell_time()
        self.kernel.interrupt(served)
        self._pump()

    def give_up(self, served: Call) -> None:
        """Nobody waits for it any more."""
        served.whose = None
        self.interrupt(served)
        self.abort(served)

    def commit(self, served: Call) -> None:
        """The caller has what the call received."""
        self.kernel.commit(served)
        self._pump()

    def abort(self, served: Call) -> None:
        """It does not: the message goes back to its place."""
        self._tell_time()
        self.kernel.abort(served)
        self._pump()

    def fill(self, handle: Handle, then: OnFill) -> None:
        """As it is when what is held is received: it is held for no longer than its receiver's answer takes."""
        then(_fill(mq_file(self.keeper, handle.mqdes).inode))

    def seen(self, served: Call) -> tuple[int, int] | None:
        """As ``fill``."""
        file = self.keeper.fds.find(served.args[0])
        return _fill(file.inode) if isinstance(file, MqFile) else None

    def close_fd(self, fd: int) -> None:
        """Close it."""
        self.submit(None, "close", (fd,), _unheard)

    def _pump(self) -> None:
        """Hand on what the kernel has decided: what it says first, for a program hears a signal before its answer."""
        kernel = self.kernel
        kernel.take_facts()
        for _, output in kernel.take_outputs():
            actor = kernel.tasks.get(output.pid)
            if actor is not None and self.on_output is not None:
                self.on_output(actor, output)
        for call in kernel.take_finished():
            if call.whose is not None:
                call.whose(call)

    # --------------------------------------------------------------------------------------------------------- time

    def _tell_time(self) -> None:
        self.kernel.set_clocks(time.time_ns(), time.monotonic_ns())

    def _set_timer(self) -> None:
        left = self.kernel.next_deadline_in()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if left is not None:
            # At least once a second, so that a clock that is set is noticed.
            self._timer = asyncio.get_running_loop().call_later(min(left / NSEC_PER_SEC, 1), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.kernel.tick(time.time_ns(), time.monotonic_ns())
        self._pump()
        self._set_timer()

    async def close(self) -> None:
        """Nobody is left to be served."""
        if self._timer is not None:
            self._timer.cancel()


def _fill(inode: MqInode) -> tuple[int, int]:
    """Whoever sleeps with a message takes the place of one that is received."""
    return min(inode.visible + len(inode.senders), inode.maxmsg), inode.maxmsg


def _unheard(served: Any) -> None:
    """Nobody waits for this answer."""
