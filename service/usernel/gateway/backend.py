"""Whose kernel serves the calls: what the supervisor needs of one, near (``embedded.py``) or far (``remote.py``)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from usernel.abi.capability import CAP_FULL_SET
from usernel.kernel.call import Restart, Return
from usernel.kernel.error import KernelError
from usernel.kernel.outputs import Output

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
    umask: int
    mq_bytes: int
    """``RLIMIT_MSGQUEUE``."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who the programs are in the kernel that serves them, when it is not who they are on their host.

    ``host_uid`` and ``host_gid`` are the ids that they start with there.
    """

    uid: int
    gid: int
    host_uid: int
    host_gid: int

    def seen(self, who: Identity) -> Identity:
        """A process of the host as it counts here: an id that it has changed there is what it was changed to.

        It is in no other groups, and has root's capabilities or none.
        """
        uids, gids = _four(who.uids, self.host_uid, self.uid), _four(who.gids, self.host_gid, self.gid)
        caps = 0 if self.uid else CAP_FULL_SET
        return replace(
            who, uids=uids, gids=gids,
            groups=() if self.host_gid in who.gids else who.groups,
            cap_effective=caps if who.uids[1] == self.host_uid else who.cap_effective,
            cap_permitted=caps if self.host_uid in who.uids[:3] else who.cap_permitted,
        )  # fmt: skip


def _four(ids: tuple[int, int, int, int], theirs: int, ours: int) -> tuple[int, int, int, int]:
    real, effective, saved, fs = (ours if number == theirs else number for number in ids)
    return real, effective, saved, fs


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
OnFill = Callable[[tuple[int, int] | None], None]
"""How many messages are to be received, and for how many there is place in all; None where nobody could say."""
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

    def renice(self, actor: Any, nice: int) -> None:
        """It has this nice value now: sleepers on a POSIX queue are served by it."""

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
        """Tell what is in an open POSIX queue."""

    def seen(self, served: Any) -> tuple[int, int] | None:
        """What was in the queue right behind a call, as for ``fill``, where ``fill`` itself comes too late to say."""

    def close_fd(self, fd: int) -> None:
        """Nobody has this descriptor any more; every actor shares one table of them."""

    def abort(self, served: Any) -> None:
        """It does not: the message goes back to its place."""

    async def close(self) -> None:
        """Nobody is left to be served."""
