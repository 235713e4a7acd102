"""The user's side of a ring: a small liburing. Nothing here knows what is below the system calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex

from usernel.abi import io_uring as abi
from usernel.abi.io_uring_op import IORING_OP_FIXED_FD_INSTALL, IORING_OP_OPENAT, IORING_OP_OPENAT2
from usernel.abi.io_uring_struct import IO_URING_PARAMS, SQE128_SIZE

from . import spelling
from .entries import NAMES, Cqe, pack, unpack
from .syscalls import RingMemory

if TYPE_CHECKING:
    from .program import Program

WORDS = "sq_entries cq_entries flags sq_thread_cpu sq_thread_idle features wq_fd resv0 resv1 resv2"
PARAMS = (
    *WORDS.split(),
    *(f"sq_off.{name}" for name in "head tail ring_mask ring_entries flags dropped array resv1 user_addr".split()),
    *(f"cq_off.{name}" for name in "head tail ring_mask ring_entries overflow cqes flags resv1 user_addr".split()),
)
OPENERS = {IORING_OP_OPENAT, IORING_OP_OPENAT2, IORING_OP_FIXED_FD_INSTALL}
"""Whose result is a descriptor, where no slot of the table was asked for."""
UNSHOWN = {"user_data", "flags", "fd"}
"""What a step does not show of the fields: in another place, or different from machine to machine."""
UINT = 0xFFFFFFFF


class Ring:
    """A ring of a program. All that it does leaves an entry in the program's trace."""

    def __init__(self, u: Program, fd: int, params: bytearray, memory: RingMemory) -> None:
        self.u, self.fd = u, fd
        self.params = dict(zip(PARAMS, IO_URING_PARAMS.unpack(params), strict=True))
        self.flags: int = self.params["flags"]
        self.enter_flags = abi.IORING_ENTER_REGISTERED_RING if self.flags & abi.IORING_SETUP_REGISTERED_FD_ONLY else 0
        """What is or-ed to the flags of every enter."""
        self._views = [memory.rings, memory.sqes]
        self.sqes = memory.sqes
        self.rings = memory.rings
        self._words = self._view(memory.rings[: len(memory.rings) // 4 * 4].cast("I"))
        self._mixed = bool(self.flags & abi.IORING_SETUP_CQE_MIXED)
        self._cqe_size = 32 if self.flags & abi.IORING_SETUP_CQE32 else 16
        start = self.params["cq_off.cqes"]
        self._cqes = self._view(memory.rings[start : start + self._cqe_size * self.params["cq_entries"]])
        self._tail = self.word("sq_off.tail")
        self._next = 1
        self._prepared: list[str] = []
        self._opens: set[int] = set()

    def _view(self, view: memoryview) -> memoryview:
        self._views.append(view)
        return view

    # the shared memory

    def word(self, offset: str) -> int:
        """What stands in shared memory at an offset of the parameters: ``sq_off.flags``, ``cq_off.tail``, ..."""
        return self._words[self.params[offset] // 4]

    def set_word(self, offset: str, value: int) -> None:
        """Write it."""
        self._words[self.params[offset] // 4] = value & UINT

    def words(self, *offsets: str) -> None:
        """Note what stands there."""
        self.u.note(**{name: self.word(name) for name in offsets})

    def sq_flags(self) -> list[str | int]:
        """Note the flags of the submission queue: CQ_OVERFLOW, NEED_WAKEUP, TASKRUN."""
        found = spelling.sq_flags(self.word("sq_off.flags"))
        self.u.note(sq_flags=found)
        return found

    # submission

    def prep(self, opcode: int, *, index: int | None = None, command: bytes = b"", **fields: SupportsIndex) -> int:
        """Write the next entry, without telling the kernel; returns its user_data.

        Fields by their uapi names. ``index`` is what is written into the queue's array in place of the entry's own
        index; ``command`` the second half of an entry of 128 bytes.
        """
        entries = self.params["sq_entries"]
        assert (self._tail - self.word("sq_off.head")) & UINT < entries, "the submission queue is full"
        user_data = int(fields.setdefault("user_data", self._next))  # type: ignore[call-overload]
        self._next += 1
        size = SQE128_SIZE if self.flags & abi.IORING_SETUP_SQE128 else 64
        slot = self._tail % entries
        packed = (pack({"opcode": opcode, **fields}) + command).ljust(size, b"\0")
        self.sqes[slot * size : (slot + 1) * size] = packed
        if not self.flags & abi.IORING_SETUP_NO_SQARRAY:
            self._words[self.params["sq_off.array"] // 4 + slot] = slot if index is None else index & UINT
        self._tail = (self._tail + 1) & UINT
        given = {NAMES.get(name, name): value for name, value in fields.items()}
        (self._opens.add if opcode in OPENERS and not given.get("splice_fd_in") else self._opens.discard)(user_data)
        self._prepared.append(spelling.entry(opcode, user_data, int(fields.get("flags", 0))))  # type: ignore[call-overload]
        return user_data

    def flush(self) -> int:
        """Show the kernel what was prepared; how many entries it has not taken yet."""
        self.set_word("sq_off.tail", self._tail)
        return (self._tail - self.word("sq_off.head")) & UINT

    def wakeup(self) -> int:
        """The flag that an enter needs where the polling thread sleeps: IORING_ENTER_SQ_WAKEUP."""
        asleep = self.word("sq_off.flags") & abi.IORING_SQ_NEED_WAKEUP
        return abi.IORING_ENTER_SQ_WAKEUP if asleep else 0

    def enter(
        self,
        to_submit: int | None = None,
        min_complete: int = 0,
        flags: int = 0,
        arg: SupportsIndex = 0,
        argsz: int = 0,
        fd: int | None = None,
    ) -> int:
        """io_uring_enter(2), of all that was prepared unless ``to_submit`` says how many. A negative errno fails."""
        waiting = self.flush()
        submitted = waiting if to_submit is None else to_submit
        step: dict[str, Any] = {"enter": submitted}
        if min_complete:
            step["min_complete"] = min_complete
        if flags:
            step["flags"] = spelling.enter_flags(flags)
        if self._prepared:
            step["sqes"] = self._prepared
            self._prepared = []
        ret = self._enter(submitted, min_complete, flags, arg, argsz, fd)
        self.u.trace(step | {"ret": spelling.result(ret)})
        return ret

    def _enter(
        self, submit: int, complete: int, flags: int, arg: SupportsIndex = 0, argsz: int = 0, fd: int | None = None
    ) -> int:
        return self.u.syscalls.io_uring_enter(
            self.fd if fd is None else fd, submit, complete, flags | self.enter_flags, arg.__index__(), argsz
        )

    def submit(self, wait: int = 0, flags: int = 0) -> int:
        """Enter with all that was prepared, and wait for so many completions."""
        return self.enter(None, wait, flags | (abi.IORING_ENTER_GETEVENTS if wait else 0))

    # completion

    def _there(self) -> list[Cqe]:
        head = self.word("cq_off.head")
        count = (self.word("cq_off.tail") - head) & UINT
        there = unpack(self._cqes, slot_size=self._cqe_size, head=head, count=count, mixed=self._mixed)
        return list(there)

    def peek(self) -> list[Cqe]:
        """The completions that are there, left where they are and out of the trace."""
        return self._there()

    def reap(self, count: int | None = None, *, ordered: bool = True) -> list[Cqe]:
        """Take completions: all that are there, or the next ``count``, which are waited for (IORING_ENTER_GETEVENTS).

        An errno of the wait ends it and is traced. ``ordered=False``: Linux leaves their order open, so it is theirs.
        """
        step: dict[str, Any] = {}
        there = self._there()
        while count is not None and len(there) < count and "errno" not in step:
            slots = sum(cqe.slots for cqe in there)
            ret = self._enter(0, slots + count - len(there), abi.IORING_ENTER_GETEVENTS | self.wakeup())
            if ret < 0:
                step["errno"] = spelling.result(ret)
            there = self._there()
        taken = self._take(count)
        if not ordered:
            taken.sort(key=lambda cqe: (cqe.user_data, cqe.res, cqe.flags))
        self.u.trace({"reap": [self._spell(cqe) for cqe in taken], **step})
        return taken

    def _take(self, count: int | None) -> list[Cqe]:
        taken = self._there()[:count]
        self.set_word("cq_off.head", self.word("cq_off.head") + sum(cqe.slots for cqe in taken))
        return taken

    def _spell(self, cqe: Cqe) -> list[Any]:
        res = "fd" if cqe.user_data in self._opens and cqe.res >= 0 else spelling.result(cqe.res)
        spelled = [cqe.user_data, res, spelling.cqe_flags(cqe.flags)]
        return spelled if cqe.extra is None else [*spelled, list(cqe.extra)]

    def do(self, opcode: int, note: str = "", **fields: SupportsIndex) -> Cqe:
        """One request from its entry to its completion, as one step of the trace; for what does not wait for others.

        The step shows the fields that are numbers, but for descriptors; ``note`` says what else tells it apart.
        """
        user_data = self.prep(opcode, **fields)
        step: dict[str, Any] = {"do": self._prepared.pop()}
        step |= {name: value for name, value in fields.items() if isinstance(value, int) and name not in UNSHOWN}
        if note:
            step["note"] = note
        ret = self._enter(self.flush(), 1, abi.IORING_ENTER_GETEVENTS)
        if ret != 1:
            step["ret"] = spelling.result(ret)
        taken = self._take(None)
        spelled = [self._spell(cqe) for cqe in taken]
        self.u.trace(step | ({"cqe": spelled[0]} if len(spelled) == 1 else {"cqes": spelled}))
        return next(cqe for cqe in taken if cqe.user_data == user_data & (1 << 64) - 1)

    # registration and the end

    def register(self, opcode: int, arg: SupportsIndex = 0, nr_args: int = 0, fd: int | None = None) -> int:
        """io_uring_register(2). A negative errno fails."""
        at = abi.IORING_REGISTER_USE_REGISTERED_RING if self.enter_flags else 0
        ret = self.u.syscalls.io_uring_register(
            self.fd if fd is None else fd, opcode | at, arg.__index__(), nr_args & UINT
        )
        self.u.trace({"register": spelling.register_opcode(opcode), "nr": nr_args, "ret": spelling.result(ret)})
        return ret

    def close(self) -> int:
        """Close the ring and give up its memory."""
        for view in reversed(self._views):
            view.release()
        ret = self.u.syscalls.close(self.fd)
        self.u.trace({"close": "ring", "ret": spelling.result(ret)})
        return ret
