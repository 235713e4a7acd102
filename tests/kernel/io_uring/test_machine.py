"""Random lives of requests: linked, drained, limited, cancelled, in every order, on a simulated environment.

Whatever happens, each submission comes to its completions and no others, in the order that links and drains demand,
and nothing is left of a ring that is idle, or has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from usernel.abi.errno import Errno
from usernel.abi.io_uring import (
    IORING_CQE_F_MORE,
    IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_SINGLE_ISSUER,
    IORING_SETUP_SUBMIT_ALL,
    IOSQE_ASYNC,
    IOSQE_CQE_SKIP_SUCCESS,
    IOSQE_FIXED_FILE,
    IOSQE_IO_DRAIN,
    IOSQE_IO_HARDLINK,
    IOSQE_IO_LINK,
)
from usernel.abi.io_uring_op import (
    IORING_ASYNC_CANCEL_ALL,
    IORING_ASYNC_CANCEL_ANY,
    IORING_ASYNC_CANCEL_FD,
    IORING_ASYNC_CANCEL_OP,
    IORING_ASYNC_CANCEL_USERDATA,
    IORING_LINK_TIMEOUT_UPDATE,
    IORING_NOP_INJECT_RESULT,
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_FSYNC,
    IORING_OP_LINK_TIMEOUT,
    IORING_OP_NOP,
    IORING_OP_POLL_ADD,
    IORING_OP_POLL_REMOVE,
    IORING_OP_READ,
    IORING_OP_TIMEOUT,
    IORING_OP_TIMEOUT_REMOVE,
    IORING_POLL_ADD_MULTI,
    IORING_POLL_UPDATE_EVENTS,
    IORING_TIMEOUT_ETIME_SUCCESS,
    IORING_TIMEOUT_MULTISHOT,
    IORING_TIMEOUT_UPDATE,
)
from usernel.abi.poll import POLLHUP, POLLIN, POLLOUT
from usernel.kernel.io_uring.cancel import SyncCancel, sync_cancel
from usernel.kernel.io_uring.enter import enter
from usernel.kernel.io_uring.sqe import Cqe, Nanoseconds, Sqe

from .sim_port import Ring, SimPort

MS = 10**6
PIPES = (5, 6)
DISK = 7
LINKS = IOSQE_IO_LINK | IOSQE_IO_HARDLINK
TIMEOUT_FLAGS = (0, IORING_TIMEOUT_ETIME_SUCCESS, IORING_TIMEOUT_MULTISHOT)
CANCEL_FLAGS = (
    IORING_ASYNC_CANCEL_ANY, IORING_ASYNC_CANCEL_FD, IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL,
    IORING_ASYNC_CANCEL_OP, IORING_ASYNC_CANCEL_OP | IORING_ASYNC_CANCEL_ALL,
    IORING_ASYNC_CANCEL_OP | IORING_ASYNC_CANCEL_USERDATA,
)  # fmt: skip
MULTISHOT = {IORING_OP_POLL_ADD, IORING_OP_TIMEOUT}
TARGETED = {
    IORING_OP_ASYNC_CANCEL: {IORING_OP_READ, IORING_OP_FSYNC, IORING_OP_POLL_ADD, IORING_OP_TIMEOUT},
    IORING_OP_TIMEOUT_REMOVE: {IORING_OP_TIMEOUT, IORING_OP_LINK_TIMEOUT},
    IORING_OP_POLL_REMOVE: {IORING_OP_POLL_ADD},
}
"""What they are for; their ``addr`` says the how manieth of these from the end is meant."""

TIMES = [Nanoseconds(ns) for ns in (0, MS, MS, 3 * MS, 100 * MS)]
EVENTS = (POLLIN, POLLOUT, POLLIN | POLLOUT)


def read(fd: int, flags: int = 0) -> Sqe:
    return Sqe(IORING_OP_READ, flags, fd=fd, addr=bytearray(2), len=2)


def timeout(ns: Nanoseconds, off: int, flags: int) -> Sqe:
    return Sqe(IORING_OP_TIMEOUT, off=off, addr=ns, len=1, rw_flags=flags)


def cancel(ago: int, flags: int, fd: int = PIPES[0]) -> Sqe:
    return Sqe(IORING_OP_ASYNC_CANCEL, addr=ago, fd=fd, len=IORING_OP_READ, rw_flags=flags)


NOPS = [Sqe(IORING_OP_NOP, len=res, rw_flags=IORING_NOP_INJECT_RESULT) for res in (0, 0, 3, 2**32 - 5)]
POLLS = [
    Sqe(IORING_OP_POLL_ADD, fd=fd, len=multi, rw_flags=events)
    for fd in PIPES for events in EVENTS for multi in (0, IORING_POLL_ADD_MULTI)
]  # fmt: skip
READS = [read(fd) for fd in (*PIPES, *PIPES, DISK)] + [read(slot, IOSQE_FIXED_FILE) for slot in (0, 0, 1)]
FSYNCS = [Sqe(IORING_OP_FSYNC, fd=DISK)] * 3
TIMEOUTS = [timeout(ns, off, flags) for ns in TIMES for off in (0, 0, 1, 2) for flags in TIMEOUT_FLAGS]
CANCELS = [cancel(ago, flags) for ago in (1, 2, 3, 5) for flags in (0, IORING_ASYNC_CANCEL_ALL)] + [
    cancel(1, flags, fd) for fd in PIPES for flags in CANCEL_FLAGS
]
REMOVALS = [
    Sqe(IORING_OP_TIMEOUT_REMOVE, addr=ago, off=Nanoseconds(MS), rw_flags=flags)
    for ago in (1, 2, 3) for flags in (0, IORING_TIMEOUT_UPDATE, IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE)
] + [Sqe(IORING_OP_POLL_REMOVE, addr=ago) for ago in (1, 2, 3)] + [
    Sqe(IORING_OP_POLL_REMOVE, addr=ago, len=IORING_POLL_UPDATE_EVENTS, rw_flags=events)
    for ago in (1, 2, 3) for events in EVENTS
]  # fmt: skip
WRONG = [Sqe(IORING_OP_NOP, rw_flags=1 << 30), Sqe(200), Sqe(IORING_OP_POLL_ADD, fd=PIPES[0], off=1)]
LIMITS = [Sqe(IORING_OP_LINK_TIMEOUT, addr=ns, len=1) for ns in TIMES]
KINDS = [NOPS, NOPS, POLLS, POLLS, READS, READS, FSYNCS, FSYNCS, TIMEOUTS, TIMEOUTS, CANCELS, CANCELS, REMOVALS]
FLAGS = (0, 0, 0, 0, 0, IOSQE_IO_DRAIN, IOSQE_ASYNC, IOSQE_CQE_SKIP_SUCCESS)
MORE = (0, 0, IOSQE_IO_LINK, IOSQE_IO_LINK, IOSQE_IO_HARDLINK)

Step = tuple[Sqe, int, int, Sqe | None]
"""An entry, its flags, those of its link, and what limits its time."""


def steps() -> st.SearchStrategy[Step]:
    """Any step, out of few choices: most of the time is to go into the ring, not into drawing it."""
    kinds = st.sampled_from([sqe for kind in KINDS for sqe in kind[:: -(-len(kind) // 12)]] + WRONG)
    limited = st.sampled_from([None] * 12 + LIMITS)
    return st.tuples(kinds, st.sampled_from(FLAGS), st.sampled_from(MORE), limited)


@dataclass(eq=False)
class Submitted:
    """One submission that was taken."""

    sqe: Sqe
    chain: list[Submitted]
    told: list[Cqe]
    ended: int | None = None
    """At which of all completions it ended."""
    began: int | None = None

    @property
    def may_be_silent(self) -> bool:
        """Whether it, or what it was linked to, was to leave out success."""
        at = self.chain.index(self)
        return any(one.sqe.flags & IOSQE_CQE_SKIP_SUCCESS for one in self.chain[: at + 1])


class Requests(RuleBasedStateMachine):
    """One ring, its files, its workers, its clock."""

    @initialize(
        setup=st.sampled_from([0, IORING_SETUP_SUBMIT_ALL, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN]),
        entries=st.sampled_from([2, 16]),
        without=st.sampled_from([IOSQE_IO_DRAIN, IOSQE_CQE_SKIP_SUCCESS]),
        closes=st.booleans(),
    )
    def begin(self, setup: int, entries: int, without: int, closes: bool) -> None:
        self.port = SimPort()
        self.files = [self.port.open(fd, regular=fd == DISK, can_poll=fd != DISK) for fd in (*PIPES, DISK)]
        self.ring = Ring(self.port, entries, setup)
        self.ring.ctx.file_table.register([PIPES[0], -1], 2)
        self.without = without
        """A ring that leaves out completions drains no more, so that each ring does but one of both."""
        self.closes = closes
        self.made: list[Sqe] = []
        self.taken: list[Submitted] = []
        self.count = 0

    @rule(batch=st.lists(steps(), min_size=1, max_size=6))
    def submit(self, batch: list[Step]) -> None:
        for sqe, flags, more, limit in batch:
            self.make(sqe, flags & ~self.without | (IOSQE_IO_LINK if limit else more))
            if limit is not None:
                self.make(limit, more)
        waiting = list(self.ring.rings.sq)
        taken = enter(self.ring.ctx, len(waiting), 0, 0)
        assert isinstance(taken, int)
        assert len(self.ring.rings.sq) == len(waiting) - taken
        self.note(waiting[:taken])

    def make(self, sqe: Sqe, flags: int) -> None:
        if sqe.opcode in TARGETED:
            sqe = sqe._replace(addr=self.target(sqe))
        self.made.append(sqe._replace(flags=sqe.flags | flags, user_data=len(self.made)))
        self.ring.rings.sq.append(self.made[-1])

    def target(self, sqe: Sqe) -> int:
        """One that may be in flight, of the kind that is wanted; if there is none, whatever was made that long ago."""
        wanted = TARGETED[sqe.opcode]
        ended = {one.sqe.user_data for one in self.taken if one.ended is not None}
        likely = [made.user_data for made in self.made if made.opcode in wanted and made.user_data not in ended]
        return likely[-sqe.addr] if len(likely) >= sqe.addr else max(len(self.made) - sqe.addr, 0)

    def note(self, sqes: list[Sqe]) -> None:
        """These were taken, and make these chains."""
        chain: list[Submitted] = []
        for sqe in sqes:
            chain.append(Submitted(sqe, chain, []))
            self.taken.append(chain[-1])
            if not sqe.flags & LINKS:
                chain = []

    @rule(at=st.integers(0, 1), data=st.sampled_from([b"x", b"xyz"]))
    def write(self, at: int, data: bytes) -> None:
        self.files[at].write(data)

    @rule(at=st.integers(0, 1), mask=st.sampled_from([0, POLLOUT, POLLHUP]))
    def become(self, at: int, mask: int) -> None:
        self.files[at].become(mask)

    @rule(ns=st.sampled_from([0, MS, 50 * MS]))
    def advance(self, ns: int) -> None:
        self.port.advance(ns)

    @precondition(lambda self: self.port.queued)
    @rule(at=st.integers(0, 7))
    def work(self, at: int) -> None:
        self.port.begin(at % len(self.port.queued))

    @precondition(lambda self: self.port.running)
    @rule(at=st.integers(0, 7), result=st.sampled_from([0, 2, -Errno.EINTR, -Errno.EIO]))
    def finish(self, at: int, result: int) -> None:
        self.port.finish(result, at % len(self.port.running))

    @rule(slot=st.integers(0, 1), fd=st.sampled_from([*PIPES, -1]))
    def register(self, slot: int, fd: int) -> None:
        self.ring.ctx.file_table.update(slot, [fd], 1)

    @rule()
    def reap(self) -> None:
        self.ring.ctx.run_task_work()
        while cqes := self.ring.reap():
            for cqe in cqes:
                self.tell(cqe)
            self.ring.ctx.flush_overflow()

    def tell(self, cqe: Cqe) -> None:
        """A completion: of a request that was taken, and has not ended."""
        self.count += 1
        one = self.taken[cqe.user_data]
        assert one.sqe.user_data == cqe.user_data
        assert one.ended is None, f"{one} is told of after its end: {cqe}"
        if cqe.flags & IORING_CQE_F_MORE:
            assert one.sqe.opcode in MULTISHOT
        else:
            one.ended = self.count
        one.began = one.began or self.count
        one.told.append(cqe)

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "ring"):
            return
        ctx = self.ring.ctx
        assert 0 <= ctx.nr_drained <= ctx.allocated
        for file in self.files:
            assert file.refs >= 1
        assert {req for req in ctx.inflight if req.poll is not None and req.poll.armed} == set(self.port.armed)

    def teardown(self) -> None:
        if not hasattr(self, "ring"):
            return
        if not self.closes:
            self.settle()
            self.check()
        self.ring.ctx.close()
        while self.port.running:
            self.port.finish(-Errno.EINTR)
        assert self.ring.idle()
        assert not self.port.armed
        assert not self.port.timers
        assert not self.port.queued
        assert [file.refs for file in self.files] == [1, 1, 1], "somebody holds a file"

    def settle(self) -> None:
        """Cancel what is in flight until nothing is."""
        for _ in range(200):
            ret = sync_cancel(self.ring.ctx, (0, 0, IORING_ASYNC_CANCEL_ANY, -1, -1, 0, bytes(7), 0, 0, 0))
            assert not isinstance(ret, SyncCancel)
            while self.port.running:
                self.port.finish(0)
            self.reap()
            if self.ring.idle():
                return
        raise AssertionError(f"these never end: {self.ring.ctx.stat()}")

    def check(self) -> None:
        """All have ended, in order."""
        for one in self.taken:
            assert one.ended is not None or one.may_be_silent, f"{one.sqe} was never told of"
        for at, one in enumerate(self.taken):
            self.check_chain(one)
            if one.chain[0] is one and self.drains(one.chain):
                before = [other.ended for other in self.taken[:at] if other.ended is not None]
                after = [other.began for other in self.taken[at + len(one.chain) :] if self.waits_its_turn(other)]
                assert all(ended < one.began for ended in before), f"{one.sqe} did not wait for what came before"
                assert all(began > one.ended for began in after), f"{one.sqe} was not waited for"

    def check_chain(self, one: Submitted) -> None:
        told = [other for other in one.chain if other.sqe.opcode != IORING_OP_LINK_TIMEOUT and other.ended is not None]
        for earlier, later in pairwise(told):
            assert earlier.ended < later.began, f"{later.sqe} came before {earlier.sqe}"  # type: ignore[operator]

    def refused(self, chain: list[Submitted]) -> bool:
        """Whether one of a chain was wrong: then none of it is done, and nothing waited for."""
        errors = {-Errno.EINVAL, -Errno.EOPNOTSUPP}
        return any(cqe.res in errors for one in chain for cqe in one.told) or not all(one.told for one in chain)

    def drains(self, chain: list[Submitted]) -> bool:
        return any(one.sqe.flags & IOSQE_IO_DRAIN for one in chain) and not self.refused(chain)

    def waits_its_turn(self, one: Submitted) -> bool:
        return one.began is not None and not self.refused(one.chain)


Requests.TestCase.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestRequests = Requests.TestCase
