"""io_uring_register(2): arguments, and what is neither buffers, files nor eventfds (``io_uring/register.c``).

What is expected is what Linux 6.18 answers.
"""

from __future__ import annotations

from typing import Any

import pytest

from usernel.abi import io_uring as abi
from usernel.abi.io_uring import (
    IO_RINGFD_REG_MAX,
    IORING_MAX_RESTRICTIONS,
    IORING_REGISTER_CLOCK,
    IORING_REGISTER_ENABLE_RINGS,
    IORING_REGISTER_FILES,
    IORING_REGISTER_IOWQ_AFF,
    IORING_REGISTER_IOWQ_MAX_WORKERS,
    IORING_REGISTER_PERSONALITY,
    IORING_REGISTER_PROBE,
    IORING_REGISTER_RESTRICTIONS,
    IORING_REGISTER_RING_FDS,
    IORING_REGISTER_SYNC_CANCEL,
    IORING_REGISTER_USE_REGISTERED_RING,
    IORING_RESTRICTION_REGISTER_OP,
    IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
    IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
    IORING_RESTRICTION_SQE_OP,
    IORING_SETUP_R_DISABLED,
    IORING_SETUP_SINGLE_ISSUER,
    IORING_SETUP_SQPOLL,
    IORING_UNREGISTER_IOWQ_AFF,
    IORING_UNREGISTER_PERSONALITY,
    IORING_UNREGISTER_RING_FDS,
    IOSQE_ASYNC,
    IOSQE_IO_DRAIN,
    IOSQE_IO_HARDLINK,
)
from usernel.abi.io_uring_op import (
    IORING_OP_FSYNC,
    IORING_OP_LAST,
    IORING_OP_NOP,
    IORING_OP_READ,
    IORING_OP_READV,
    IORING_OP_SENDMSG,
)
from usernel.abi.io_uring_struct import IO_URING_PROBE, IO_URING_PROBE_OP, IO_URING_RESTRICTION, IO_URING_RSRC_UPDATE
from usernel.kernel.call import Clock
from usernel.kernel.error import KernelError
from usernel.kernel.io_uring.cancel import SyncCancel
from usernel.kernel.io_uring.enter import enter
from usernel.kernel.io_uring.register import REGISTER_OPS, split_opcode
from usernel.kernel.io_uring.ringfd import find_ring
from usernel.kernel.io_uring.sqe import Sqe

from .registering import call
from .sim_port import Ring

FILE, RING, REGULAR = 5, 6, 7
ANY = 0xFFFFFFFF
NOP = Sqe(IORING_OP_NOP)


@pytest.fixture
def ring() -> Ring:
    ring = Ring()
    ring.port.open(FILE)
    ring.port.open(RING, ring=ring.ctx)
    ring.port.open(REGULAR, regular=True, can_poll=False)
    return ring


def disabled(flags: int = 0) -> Ring:
    ring = Ring(flags=flags | IORING_SETUP_R_DISABLED)
    ring.ctx.submitter = None
    return ring


# ---------------------------------------------------------------------------------------------------------- arguments


def test_every_opcode_with_no_arguments(ring: Ring) -> None:
    answers = {opcode: call(ring, opcode) for opcode in range(abi.IORING_REGISTER_LAST)}
    special = {
        abi.IORING_REGISTER_BUFFERS: "EFAULT", abi.IORING_UNREGISTER_BUFFERS: "ENXIO",
        abi.IORING_REGISTER_FILES: "EFAULT", abi.IORING_UNREGISTER_FILES: "ENXIO",
        abi.IORING_UNREGISTER_EVENTFD: "ENXIO", abi.IORING_REGISTER_PERSONALITY: 1,
        abi.IORING_REGISTER_RESTRICTIONS: "EBADFD", abi.IORING_REGISTER_ENABLE_RINGS: "EBADFD",
        abi.IORING_UNREGISTER_IOWQ_AFF: 0,
    }  # fmt: skip
    assert answers == {opcode: special.get(opcode, "EINVAL") for opcode in answers}


def test_what_wants_no_arguments_takes_none(ring: Ring) -> None:
    rows = [opcode for opcode, row in REGISTER_OPS.items() if row.arg is False]
    assert [call(ring, opcode, 16) for opcode in rows] == ["EINVAL"] * len(rows)
    rows.remove(IORING_UNREGISTER_PERSONALITY)
    assert [call(ring, opcode, None, 1) for opcode in rows] == ["EINVAL"] * len(rows)


def test_what_wants_an_argument_reads_it(ring: Ring) -> None:
    counts = {opcode: row.nr_args[-1] for opcode, row in REGISTER_OPS.items() if row.arg and row.nr_args is not None}
    assert {opcode: call(ring, opcode, 0, count) for opcode, count in counts.items()} == dict.fromkeys(counts, "EINVAL")
    assert {opcode: call(ring, opcode, 16, count) for opcode, count in counts.items()} == dict.fromkeys(
        counts, "EFAULT"
    )


def test_the_opcode_is_looked_at_before_the_ring(ring: Ring) -> None:
    assert split_opcode(3, 5) == (3, False)
    assert split_opcode(3 | IORING_REGISTER_USE_REGISTERED_RING, 5) == (3, True)
    for opcode, fd in ((abi.IORING_REGISTER_LAST, 5), (-1, 5), (3, -1), (3, 0xFFFFFFFF)):
        with pytest.raises(KernelError) as raised:
            split_opcode(opcode, fd)
        assert raised.value.name == "EINVAL"


def test_only_the_issuer_registers(ring: Ring) -> None:
    ring.port.caller = "another"
    assert call(ring, IORING_REGISTER_PERSONALITY) == "EEXIST"
    assert call(ring, abi.IORING_REGISTER_NAPI) == "EEXIST"


def test_who_enables_a_ring_is_its_issuer() -> None:
    ring = disabled(IORING_SETUP_SINGLE_ISSUER)
    assert call(ring, IORING_REGISTER_PERSONALITY) == 1
    ring.port.caller = "another"
    assert call(ring, IORING_REGISTER_PERSONALITY) == 2
    assert call(ring, IORING_REGISTER_ENABLE_RINGS) == 0
    assert call(ring, IORING_REGISTER_ENABLE_RINGS) == "EBADFD"
    assert ring.do(NOP) == 0
    ring.port.caller = "caller"
    assert call(ring, IORING_REGISTER_PERSONALITY) == "EEXIST"


def test_a_ring_is_used_once_it_is_enabled() -> None:
    ring = disabled(IORING_SETUP_SQPOLL)
    ring.rings.sq.append(NOP)
    with pytest.raises(KernelError) as raised:
        enter(ring.ctx, 1, 0, 0)
    assert raised.value.name == "EBADFD"
    assert ring.reap() == []
    assert call(ring, IORING_REGISTER_ENABLE_RINGS) == 0
    assert ring.results() == [(0, 0)]


# -------------------------------------------------------------------------------------------------------------- probe


def test_a_probe_tells_which_opcodes_there_are(ring: Ring) -> None:
    memory = bytearray(IO_URING_PROBE.size + 256 * IO_URING_PROBE_OP.size)
    assert call(ring, IORING_REGISTER_PROBE, memory, 256) == 0
    assert IO_URING_PROBE.unpack_from(memory)[:2] == (IORING_OP_LAST - 1, IORING_OP_LAST)
    ops = [IO_URING_PROBE_OP.unpack_from(memory, IO_URING_PROBE.size + 8 * at) for at in range(IORING_OP_LAST)]
    assert ops == [(at, 0, int(at in ring.ctx.ops), 0) for at in range(IORING_OP_LAST)]
    assert (ops[IORING_OP_READ][2], ops[IORING_OP_SENDMSG][2]) == (1, 0)
    assert not any(memory[IO_URING_PROBE.size + 8 * IORING_OP_LAST :])


def test_a_probe_of_fewer_opcodes(ring: Ring) -> None:
    memory = bytearray(IO_URING_PROBE.size + 3 * IO_URING_PROBE_OP.size)
    assert call(ring, IORING_REGISTER_PROBE, memory, 4) == "EFAULT"
    assert call(ring, IORING_REGISTER_PROBE, memory, 3) == 0
    assert IO_URING_PROBE.unpack_from(memory)[:2] == (IORING_OP_LAST - 1, 3)
    assert call(ring, IORING_REGISTER_PROBE, bytearray(16), 0) == 0
    found: list[Any] = []
    assert call(ring, IORING_REGISTER_PROBE, found, 3) == 0
    assert found == [(0, 1), (1, 1), (2, 1)]


def test_a_probe_begins_as_zeros(ring: Ring) -> None:
    memory = bytearray(IO_URING_PROBE.size + 256 * IO_URING_PROBE_OP.size)
    memory[-1] = 1
    assert call(ring, IORING_REGISTER_PROBE, memory, 257) == "EINVAL"
    assert call(ring, IORING_REGISTER_PROBE, memory, 256) == 0
    assert call(ring, IORING_REGISTER_PROBE, memory, 256) == "EINVAL"


# ------------------------------------------------------------------------------------------------------ personalities


def test_personalities_are_numbered_in_turn(ring: Ring) -> None:
    assert [call(ring, IORING_REGISTER_PERSONALITY) for _ in range(3)] == [1, 2, 3]
    assert [call(ring, IORING_UNREGISTER_PERSONALITY, None, 2) for _ in range(2)] == [0, "EINVAL"]
    assert call(ring, IORING_REGISTER_PERSONALITY) == 4
    assert [ring.do(NOP._replace(personality=number)) for number in (2, 4, 0)] == ["EINVAL", 0, 0]


def test_there_are_65536_personalities(ring: Ring) -> None:
    ring.ctx.personalities.update(dict.fromkeys(range(1, 65535), "somebody"))
    ring.ctx.next_personality = 65535
    assert [call(ring, IORING_REGISTER_PERSONALITY) for _ in range(3)] == [65535, 0, "EBUSY"]
    for number in (65535, 5, 65000):
        assert call(ring, IORING_UNREGISTER_PERSONALITY, None, number) == 0
    assert [call(ring, IORING_REGISTER_PERSONALITY) for _ in range(4)] == [5, 65000, 65535, "EBUSY"]


# ------------------------------------------------------------------------------------------------------- restrictions


def restrict(ring: Ring, *restrictions: tuple[int, int], count: int | None = None) -> Any:
    given = list(restrictions)
    return call(ring, IORING_REGISTER_RESTRICTIONS, given, len(given) if count is None else count)


def test_restrictions_are_set_once_and_before_the_ring_is_enabled(ring: Ring) -> None:
    assert restrict(ring, (IORING_RESTRICTION_SQE_OP, 0)) == "EBADFD"
    ring = disabled()
    assert restrict(ring, (IORING_RESTRICTION_SQE_OP, 0)) == 0
    assert restrict(ring, (IORING_RESTRICTION_SQE_OP, 0)) == "EBUSY"


def test_wrong_restrictions_set_none() -> None:
    ring = disabled()
    last = abi.IORING_REGISTER_LAST
    assert restrict(ring, (IORING_RESTRICTION_REGISTER_OP, last)) == "EINVAL"
    assert restrict(ring, (IORING_RESTRICTION_SQE_OP, IORING_OP_LAST)) == "EINVAL"
    assert restrict(ring, (abi.IORING_RESTRICTION_LAST, 0)) == "EINVAL"
    assert call(ring, IORING_REGISTER_RESTRICTIONS, 0, 1) == "EINVAL"
    assert call(ring, IORING_REGISTER_RESTRICTIONS, 16, 1) == "EFAULT"
    assert restrict(ring, *[(IORING_RESTRICTION_SQE_OP, 0)] * (IORING_MAX_RESTRICTIONS + 1)) == "EINVAL"
    assert ring.ctx.restrictions is None
    assert restrict(ring, *[(IORING_RESTRICTION_SQE_OP, 0)] * IORING_MAX_RESTRICTIONS) == 0


def test_restrictions_hold_from_when_the_ring_is_enabled() -> None:
    ring = disabled()
    at = ring.port.memory.put(
        IO_URING_RESTRICTION.pack(IORING_RESTRICTION_REGISTER_OP, IORING_REGISTER_ENABLE_RINGS, 9, 9, 9, 9)
    )
    assert call(ring, IORING_REGISTER_RESTRICTIONS, at, 1) == 0
    assert call(ring, IORING_REGISTER_PERSONALITY) == 1
    assert call(ring, IORING_REGISTER_ENABLE_RINGS) == 0
    assert call(ring, IORING_REGISTER_ENABLE_RINGS) == "EBADFD"
    assert call(ring, IORING_REGISTER_PERSONALITY) == "EACCES"
    assert call(ring, abi.IORING_REGISTER_NAPI) == "EACCES"
    assert ring.do(NOP) == "EACCES"


def test_no_restrictions_at_all_allow_nothing() -> None:
    ring = disabled()
    assert restrict(ring) == 0
    assert call(ring, IORING_REGISTER_ENABLE_RINGS) == 0
    assert (ring.do(NOP), call(ring, IORING_REGISTER_PERSONALITY)) == ("EACCES", "EACCES")


def test_flags_may_be_restricted() -> None:
    ring = disabled()
    flags = [
        (IORING_RESTRICTION_SQE_FLAGS_ALLOWED, IOSQE_ASYNC),
        (IORING_RESTRICTION_SQE_FLAGS_REQUIRED, IOSQE_IO_DRAIN),
    ]
    assert restrict(ring, (IORING_RESTRICTION_SQE_OP, IORING_OP_NOP), *flags) == 0
    assert call(ring, IORING_REGISTER_ENABLE_RINGS) == 0
    for given, result in (
        (0, "EACCES"), (IOSQE_IO_DRAIN, 0), (IOSQE_IO_DRAIN | IOSQE_ASYNC, 0),
        (IOSQE_IO_DRAIN | IOSQE_IO_HARDLINK, "EACCES"), (IOSQE_ASYNC, "EACCES"),
    ):  # fmt: skip
        ring.submit(NOP._replace(flags=given))
        ring.ctx.run_task_work()
        assert [spelled for _, spelled in ring.results()] == [result]
    assert ring.do(Sqe(IORING_OP_READV, IOSQE_IO_DRAIN)) == "EACCES"


# --------------------------------------------------------------------------------------------- clocks, workers, cancel


def test_the_clock_of_waits(ring: Ring) -> None:
    assert call(ring, IORING_REGISTER_CLOCK, (7,)) == 0
    assert ring.ctx.clock is Clock.BOOTTIME
    assert [call(ring, IORING_REGISTER_CLOCK, (clock,)) for clock in (0, 2)] == ["EINVAL", "EINVAL"]
    assert call(ring, IORING_REGISTER_CLOCK, (1, 0, 0, 1)) == "EINVAL"
    assert call(ring, IORING_REGISTER_CLOCK, (1,), 1) == "EINVAL"
    assert ring.ctx.clock is Clock.BOOTTIME
    assert call(ring, IORING_REGISTER_CLOCK, (1,)) == 0
    assert ring.ctx.clock is Clock.MONOTONIC


def test_how_many_workers_there_may_be(ring: Ring) -> None:
    def workers(*counts: int) -> Any:
        given = list(counts)
        answer = call(ring, IORING_REGISTER_IOWQ_MAX_WORKERS, given, 2)
        return given if answer == 0 else answer

    assert [workers(0, 0), workers(3, 0), workers(0, 5), workers(0, 0)] == [[4, 100], [4, 100], [3, 100], [3, 5]]
    assert [workers(1 << 31, 0), workers(0, 1 << 31)] == ["EINVAL", "EINVAL"]
    most = (1 << 31) - 1
    assert [workers(most, most), workers(0, 0)] == [[3, 5], [most, most]]
    assert [call(ring, IORING_REGISTER_IOWQ_MAX_WORKERS, [0, 0], count) for count in (0, 1, 3)] == ["EINVAL"] * 3


def test_where_workers_run(ring: Ring) -> None:
    assert call(ring, IORING_REGISTER_IOWQ_AFF, b"\1", 1) == 0
    assert ring.port.cpus == b"\1"
    assert call(ring, IORING_REGISTER_IOWQ_AFF, b"\4", 1) == "EINVAL"
    assert [call(ring, IORING_REGISTER_IOWQ_AFF, b"\1", 2), call(ring, IORING_REGISTER_IOWQ_AFF, b"\1", 0)] == [
        "EFAULT",
        "EINVAL",
    ]
    assert call(ring, IORING_REGISTER_IOWQ_AFF, bytes(1024), 1 << 20) == 0
    assert call(ring, IORING_UNREGISTER_IOWQ_AFF) == 0
    assert ring.port.cpus is None


def test_a_request_is_cancelled_at_once(ring: Ring) -> None:
    sync = (7, 0, 0, -1, -1, 0, bytes(7))
    assert call(ring, IORING_REGISTER_SYNC_CANCEL, (*sync, 0, 0, 0), 1) == "ENOENT"
    ring.submit(Sqe(IORING_OP_READ, fd=FILE, addr=bytearray(8), len=8, user_data=7))
    assert call(ring, IORING_REGISTER_SYNC_CANCEL, (*sync, 0, 0, 0), 1) == 0
    assert ring.results() == [(7, "ECANCELED")]


def test_a_running_request_is_waited_for(ring: Ring) -> None:
    ring.submit(Sqe(IORING_OP_FSYNC, fd=REGULAR, user_data=7))
    ring.port.begin()
    waits = call(ring, IORING_REGISTER_SYNC_CANCEL, (7, 0, 0, -1, -1, 0, bytes(7), 0, 0, 0), 1)
    assert isinstance(waits, SyncCancel)
    assert waits.check() is None
    ring.port.finish(-4)
    assert waits.check() == 0


# -------------------------------------------------------------------------------------------------- registered rings


def registered(
    ring: Ring, *rings: tuple[int, int, int], opcode: int = IORING_REGISTER_RING_FDS
) -> tuple[Any, list[int]]:
    """What it answers, and the indices that then stand in the array."""
    given = list(rings)
    return call(ring, opcode, given, len(given)), [offset for offset, _, _ in given]


def test_a_thread_registers_rings(ring: Ring) -> None:
    assert registered(ring, (3, 0, RING)) == (1, [3])
    assert registered(ring, (3, 0, RING)) == ("EBUSY", [3])
    assert registered(ring, (ANY, 0, RING), (ANY, 0, RING), (3, 0, RING), (ANY, 0, RING)) == (2, [0, 1, 3, ANY])
    assert ring.port.files[RING].refs == 4
    assert registered(ring, (16, 0, RING))[0] == "EINVAL"
    assert registered(ring, (ANY, 1, RING))[0] == "EINVAL"
    assert registered(ring, (ANY, 0, 99))[0] == "EBADF"
    assert registered(ring, (ANY, 0, FILE))[0] == "EOPNOTSUPP"
    assert (ring.port.files[RING].refs, ring.port.files[FILE].refs) == (4, 1)


def test_a_thread_has_sixteen_slots(ring: Ring) -> None:
    assert registered(ring)[0] == "EINVAL"
    assert registered(ring, *[(ANY, 0, RING)] * 17)[0] == "EINVAL"
    assert registered(ring, *[(ANY, 0, RING)] * 16) == (16, list(range(IO_RINGFD_REG_MAX)))
    assert registered(ring, (ANY, 0, RING)) == ("EBUSY", [ANY])
    ring.port.caller = ring.ctx.submitter = "another"
    assert registered(ring, (ANY, 0, RING)) == (1, [0])


def test_rings_are_unregistered(ring: Ring) -> None:
    def drop(*rings: tuple[int, int, int]) -> Any:
        return registered(ring, *rings, opcode=IORING_UNREGISTER_RING_FDS)[0]

    assert registered(ring, (ANY, 0, RING))[0] == 1
    assert [drop((0, 0, 0)), drop((0, 0, 0))] == [1, 1]
    assert ring.port.files[RING].refs == 1
    assert [drop((16, 0, 0)), drop((0, 1, 0)), drop((0, 0, 1)), drop()] == ["EINVAL"] * 4
    assert drop((1, 0, 0), (16, 0, 0)) == 1
    assert call(ring, IORING_UNREGISTER_RING_FDS, 16, 1) == "EFAULT"


def test_an_index_that_cannot_be_told_is_not_taken(ring: Ring) -> None:
    at = ring.port.memory.put(IO_URING_RSRC_UPDATE.pack(ANY, 0, RING))
    assert call(ring, IORING_REGISTER_RING_FDS, at, 2) == 1
    assert ring.port.memory.arena[:4] == bytes(4)
    assert call(ring, IORING_REGISTER_RING_FDS, ((ANY, 0, RING),), 1) == "EFAULT"
    assert ring.port.files[RING].refs == 2


def test_a_ring_is_found_by_descriptor_or_index(ring: Ring) -> None:
    def found(fd: int, *, registered: bool = False) -> Any:
        try:
            file = find_ring(ring.port, fd, registered=registered)
        except KernelError as error:
            return error.name
        file.put()
        return file.ring

    assert [found(RING), found(FILE), found(99)] == [ring.ctx, "EOPNOTSUPP", "EBADF"]
    assert registered(ring, (4, 0, RING)) == (1, [4])
    assert [found(index, registered=True) for index in (4, 0, 15, 16, -1)] == [
        ring.ctx, "EBADF", "EBADF", "EINVAL", "EINVAL",
    ]  # fmt: skip
    assert (ring.port.files[RING].refs, ring.port.files[FILE].refs) == (2, 1)


def test_registering_runs_task_work(ring: Ring) -> None:
    ring.ctx.task_work_add(lambda: None)
    assert call(ring, IORING_REGISTER_FILES, [FILE], 1) == 0
    assert not ring.ctx.work_pending


GARBAGE: list[Any] = [
    "text", 1.5, {}, True, -5, 1 << 70, object(), b"x" * 64, bytearray(200), [None], [1.5], ["a"], [()], [(1,)],
    [(0, "b")], [("a", "b")], [(0, -1)], [1 << 70], (None,) * 9, (1, 2, "x"), ("a", 8, 1), (1, 0, 0, [1], [2]), ([],),
    (bytearray(128), 8, 1), (bytearray(128), 8, "x"), (2, 0, 0, "ab", "cd"), (1 << 70,), (-1, -1, -1), (0, 1, b"", 2),
]  # fmt: skip


@pytest.mark.parametrize("opcode", sorted(REGISTER_OPS))
def test_garbage_is_an_errno(opcode: int) -> None:
    ring = disabled() if opcode in {IORING_REGISTER_RESTRICTIONS, IORING_REGISTER_ENABLE_RINGS} else Ring()
    ring.port.open(FILE)
    for arg in GARBAGE:
        for count in (0, 1, 2, 16, 32, -1, 1 << 40):
            answer = call(ring, opcode, arg, count)
            assert isinstance(answer, (int, str))
    ring.ctx.close()
    assert ring.port.files[FILE].refs == 1
