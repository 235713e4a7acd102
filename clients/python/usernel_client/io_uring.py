"""Rings: submissions and completions as values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from .caller import Caller
from .errors import KernelError
from .protocol import Reply, Result, plain_out

GETEVENTS: Final = "IORING_ENTER_GETEVENTS"


class Cqe(NamedTuple):
    """A completion: whose it is, its result (below 0 an errno), its flags by their names."""

    user_data: int
    res: int
    flags: list[int | str]


class Entered(NamedTuple):
    """What ``enter`` came to: how many submissions were taken, and what has completed."""

    submitted: int
    cqes: list[Cqe]


def _cqes(reply: Reply) -> list[Cqe]:
    return [Cqe(**cqe) for cqe in plain_out(reply.out)["cqes"]]


def _timespec(wait: float | None) -> dict[str, int] | None:
    if wait is None:
        return None
    seconds, nanoseconds = divmod(round(wait * 1e9), 10**9)
    return {"tv_sec": seconds, "tv_nsec": nanoseconds}


class Ring:
    """An open ring, of a descriptor. It ends with its last descriptor, or with its task.

    Submissions are mappings by liburing's names: ``{"opcode": "IORING_OP_NOP", "user_data": 1}``.
    """

    def __init__(self, caller: Caller, fd: int, made: Mapping[str, Any]) -> None:
        self._caller = caller
        self.fd = fd
        self.sq_entries = int(made["sq_entries"])
        self.cq_entries = int(made["cq_entries"])
        self.features: list[int | str] = list(made["features"])
        self._kept: list[Cqe] = []
        self._cancelled = False
        """Whether a call was, whose answer may still bring completions."""

    async def enter(
        self, sqes: Sequence[Mapping[str, Any]] = (), *, min_complete: int = 0, wait: float | None = None
    ) -> Entered:
        """io_uring_enter(2): submit, wait for ``min_complete`` completions, ``wait`` seconds at most, and take all.

        A wait in vain returns with what there is. Cancelled, it takes no completion; those that were on their way
        already are kept for the next ``enter`` of this object.
        """
        if self._cancelled:
            await self._caller.reply("getpid", {})  # answered behind the calls that were interrupted before it
            self._cancelled = False
        kept, self._kept = self._kept, []
        least = max(0, min_complete - len(kept))
        args = {
            "fd": self.fd, "sqes": list(sqes), "flags": GETEVENTS, "min_complete": least, "timeout": _timespec(wait),
        }  # fmt: skip
        try:
            reply = await self._caller.reply("io_uring_enter", args, orphan=self._keep)
        except BaseException as error:
            if isinstance(error, KernelError) and error.name == "ETIME":
                return Entered(0, kept)
            self._cancelled = not isinstance(error, KernelError)
            self._kept[:0] = kept
            raise
        return Entered(reply.ret, kept + _cqes(reply))

    def _keep(self, reply: Reply) -> None:
        self._kept += _cqes(reply)

    async def __aiter__(self) -> AsyncIterator[Cqe]:
        """Completions as they come, without end."""
        while True:
            self._kept[:0] = (await self.enter(min_complete=1)).cqes
            while self._kept:
                yield self._kept.pop(0)

    async def register(self, opcode: int | str, arg: Any = None, nr_args: int | None = None) -> Result:
        """io_uring_register(2): what it returned, and what it handed back."""
        args = {"fd": self.fd, "opcode": opcode, "arg": arg, "nr_args": nr_args}
        return await self._caller.result("io_uring_register", args)

    async def stat(self) -> dict[str, Any]:
        """The ring as /proc/[pid]/fdinfo shows it."""
        return await self._caller.out("io_uring_stat", {"fd": self.fd})

    async def close(self) -> None:
        """close(2)."""
        await self._caller.reply("close", {"fd": self.fd})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<ring {self.fd}>"
