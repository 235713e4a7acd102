"""The asyncio client."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Self

from .caller import Caller
from .calls import Calls
from .connection import Connection
from .flags import Durability, Flags, listed
from .io_uring import Ring
from .mq import PosixQueue
from .msg import MessageQueue
from .protocol import Result

DEFAULT_URL = "http://127.0.0.1:8470"


class Actor:
    """What a task can do: open queues and rings, make any call, fork."""

    def __init__(self) -> None:
        self._caller: Caller | None = None

    @property
    def caller(self) -> Caller:
        """Who makes the calls. RuntimeError before the client is connected."""
        if self._caller is None:
            raise RuntimeError("the client is not connected: use `async with Client(url) as c`")
        return self._caller

    @property
    def calls(self) -> Calls:
        """Every system call of the service's table as a typed method."""
        return Calls(self.caller)

    async def call(self, name: str, /, **args: Any) -> Result:
        """Any system call by its name, with arguments by theirs. KernelError, ProtocolError, ConnectionLost."""
        return await self.caller.result(name, args)

    async def msgget(
        self, key: int | str, flags: Flags = 0, *, mode: int = 0, durability: Durability = None
    ) -> MessageQueue:
        """msgget(2): the queue of a key (a number, ``"0x4d2"``, ``"IPC_PRIVATE"``), made with IPC_CREAT.

        ``durability`` of a new queue: ``"durable"`` or ``"ephemeral"``; None as its namespace says.
        """
        args = {"key": key, "msgflg": listed(flags, mode), "durability": durability}
        return MessageQueue(self.caller, (await self.caller.reply("msgget", args)).ret)

    def msg(self, msqid: int) -> MessageQueue:
        """The System V queue of an id."""
        return MessageQueue(self.caller, msqid)

    async def mq_open(
        self, name: str, flags: Flags = "O_RDWR", *, mode: int = 0o600, attr: dict[str, int] | None = None,
        durability: Durability = None,
    ) -> PosixQueue:  # fmt: skip
        """mq_open(3); a leading slash may stand or not. ``attr`` (``mq_maxmsg``, ``mq_msgsize``) is for a new queue.

        So is ``durability``: ``"durable"`` or ``"ephemeral"``; None as its namespace says.
        """
        plain = name.removeprefix("/")
        args = {"name": plain, "oflag": listed(flags), "mode": mode, "attr": attr, "durability": durability}
        return PosixQueue(self.caller, plain, (await self.caller.reply("mq_open", args)).ret)

    async def mq_unlink(self, name: str) -> None:
        """mq_unlink(3)."""
        await self.caller.reply("mq_unlink", {"name": name.removeprefix("/")})

    async def io_uring(self, entries: int, flags: Flags = 0, *, cq_entries: int | None = None) -> Ring:
        """io_uring_setup(2): a ring; ``cq_entries`` asks for IORING_SETUP_CQSIZE."""
        more = () if cq_entries is None else ("IORING_SETUP_CQSIZE",)
        params = {"flags": listed(flags, *more), "cq_entries": cq_entries or 0}
        made = await self.caller.result("io_uring_setup", {"entries": entries, "params": params})
        return Ring(self.caller, made.ret, made.out or {})

    async def fork(self, *, lease: str | None = "connection", **how: Any) -> Task:
        """fork(2): a child, by default gone with this connection; ``lease=None`` leaves it to its ``ttl`` or DELETE.

        ``how``: ``uid gid groups cap comm unshare ttl`` as the ``fork`` row takes them.
        """
        if lease == "connection":
            how.setdefault("pdeathsig", "SIGKILL")
        pid = (await self.caller.reply("fork", how)).ret
        return Task(Caller(self.caller.connection, pid))

    async def unshare(self, flags: Flags) -> None:
        """unshare(2): move to new namespaces, ``"CLONE_NEWIPC | CLONE_NEWUTS"``."""
        await self.caller.reply("unshare", {"flags": listed(flags)})

    async def setns(self, target: Task | int, flags: Flags = 0) -> None:
        """setns(2): enter the namespaces of a task that ``flags`` name, or the one of an inode number."""
        name, args = ("ns_open", {"inum": target}) if isinstance(target, int) else ("pidfd_open", {"pid": target.pid})
        fd = (await self.caller.reply(name, args)).ret
        try:
            await self.caller.reply("setns", {"fd": fd, "nstype": listed(flags)})
        finally:
            await self.caller.reply("close", {"fd": fd})

    async def ns(self) -> dict[str, str]:
        """The links of ``/proc/[pid]/ns``: ``{"ipc": "ipc:[4026531839]", ...}``."""
        shown = await self.caller.out("task_stat", {})
        return {name: link for name, link in shown["ns"].items() if link is not None}

    async def namespaces(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The namespaces that this task may see, of one kind (``"ipc"``) or all."""
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = await self.caller.out("ns_list", {"type": kind, "after": after, "limit": 1000})
            found += page["namespaces"]
            after = page["next"]
        return found

    async def waitpid(self, pid: int = -1, options: Flags = 0) -> tuple[int, int]:
        """wait4(2): wait for a child to end, and reap it. Its pid and status, for ``os.waitstatus_to_exitcode``."""
        result = await self.caller.result("wait4", {"pid": pid, "options": listed(options)})
        return result.ret, int((result.out or {}).get("status", 0))

    async def kill(self, pid: int, sig: int | str = "SIGTERM") -> None:
        """kill(2)."""
        await self.caller.reply("kill", {"pid": pid, "sig": sig})

    def task(self, pid: int) -> Task:
        """Another task, to act as: the caller's own, a descendant, or one that it could ptrace. ESRCH, EPERM later."""
        return Task(Caller(self.caller.connection, pid))

    async def sysctl(self, name: str, value: int | None = None) -> int:
        """Read (or write) a limit of the IPC namespace: ``kernel.msgmnb``, ``fs.mqueue.msg_max``."""
        shown = await self.caller.out("sysctl", {"name": name, "value": value})
        return int(shown["value"])


class Task(Actor):
    """Another task, that this connection acts as."""

    def __init__(self, caller: Caller) -> None:
        super().__init__()
        self._caller = caller

    @property
    def pid(self) -> int:
        """Its pid."""
        return self.caller.pid or 0

    def __repr__(self) -> str:
        return f"<task {self.pid}>"


class Client(Actor):
    """A connection to a service: ``async with Client("http://127.0.0.1:8470", token=...) as c``.

    ``url`` (http, https, unix:///path) and ``token`` default to USERNEL_URL and USERNEL_TOKEN. It acts as a task of its
    own, which ends with the connection. It does not reconnect by itself: what was under way when a connection is lost
    is in doubt, and only the program knows what to do then.
    """

    def __init__(self, url: str | None = None, *, token: str | None = None) -> None:
        super().__init__()
        self.url = url or os.environ.get("USERNEL_URL") or DEFAULT_URL
        self._token = token or os.environ.get("USERNEL_TOKEN")

    async def connect(self) -> Self:
        """Connect. ConnectionLost, ProtocolError."""
        self._caller = Caller(await Connection.open(self.url, self._token), None)
        return self

    async def close(self) -> None:
        """Disconnect; what sleeps is given up."""
        if self._caller is not None:
            caller, self._caller = self._caller, None
            await caller.connection.close()

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
